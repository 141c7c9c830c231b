// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.active;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.get;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.load;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.of;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.put;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.rectified;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.total;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.zero;

import jdk.incubator.vector.${Lane}Vector;

/** {@link CrossOps} on ${lane} with the JDK's vectors. */
final class ${Lane}VectorCrossings extends ${Lane}CrossTables {
    private final ${lane}[] scratch = new ${lane}[W];

    private ${Lane}Vector normalized(Memory x, int at, int position) {
        return load(x, at).fma(of(zoom, position), of(offset, position)).fma(of(factor, position), of(rest, position));
    }

    private ${lane} normalizedOne(Memory x, int at, int position) {
        return Math.fma(Math.fma(get(x, at), zoom[position], offset[position]), factor[position], rest[position]);
    }

    @Override
    public void affine(Memory x, int atX, Memory y, int atY, int from, int length, boolean relu) {
        int i = 0;
        for (; i <= length - W; i += W) {
            int channel = from + i & channelMask;
            ${Lane}Vector z = normalized(x, atX + i * BYTES, from + i & positionMask)
                    .fma(of(gamma, channel), of(beta, channel));
            Lanes.store(relu ? rectified(z) : z, y, atY + i * BYTES);
        }
        for (; i < length; i++) {
            int channel = from + i & channelMask;
            ${lane} z = Math.fma(normalizedOne(x, atX + i * BYTES, from + i & positionMask), gamma[channel],
                    beta[channel]);
            put(y, atY + i * BYTES, relu ? rectified(z) : z);
        }
    }

    @Override
    public void gradSums(Memory x, int atX, Memory dy, int atDy, int from, int length, boolean relu, double[] into) {
        ${Lane}Vector sum = zero();
        ${Lane}Vector product = zero();
        boolean alongChannels = channelMask != 0;
        int i = 0;
        for (; i <= length - W; i += W) {
            int channel = from + i & channelMask;
            ${Lane}Vector hat = normalized(x, atX + i * BYTES, from + i & positionMask);
            ${Lane}Vector scale = of(gamma, channel);
            ${Lane}Vector g = load(dy, atDy + i * BYTES);
            if (relu) {
                g = active(g, hat.fma(scale, of(beta, channel)));
            }
            ${Lane}Vector scaled = g.mul(scale);
            ${Lane}Vector here = alongChannels ? g : scaled;
            ${Lane}Vector along = alongChannels ? scaled : g;
            sum = sum.add(along);
            product = along.fma(hat, product);
            of(sums, from + i).add(here).intoArray(sums, from + i);
            here.fma(hat, of(products, from + i)).intoArray(products, from + i);
        }
        double total = total(sum, scratch);
        double totalProduct = total(product, scratch);
        for (; i < length; i++) {
            int channel = from + i & channelMask;
            ${lane} hat = normalizedOne(x, atX + i * BYTES, from + i & positionMask);
            ${lane} g = get(dy, atDy + i * BYTES);
            g = relu ? active(g, Math.fma(hat, gamma[channel], beta[channel])) : g;
            ${lane} scaled = g * gamma[channel];
            ${lane} here = alongChannels ? g : scaled;
            ${lane} along = alongChannels ? scaled : g;
            total += along;
            totalProduct += (double) along * hat;
            sums[from + i] += here;
            products[from + i] = Math.fma(here, hat, products[from + i]);
        }
        into[0] = total;
        into[1] = totalProduct;
    }

    @Override
    public void affineGrad(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from, int length,
                           boolean relu) {
        int i = 0;
        for (; i <= length - W; i += W) {
            int channel = from + i & channelMask;
            int position = from + i & positionMask;
            ${Lane}Vector hat = normalized(x, atX + i * BYTES, position);
            ${Lane}Vector scale = of(gamma, channel);
            ${Lane}Vector g = load(dy, atDy + i * BYTES);
            if (relu) {
                g = active(g, hat.fma(scale, of(beta, channel)));
            }
            ${Lane}Vector own = g.mul(scale).mul(of(unit, position));
            Lanes.store(hat.fma(of(slope, position), of(gradShift, position)).add(own), dx, atDx + i * BYTES);
        }
        for (; i < length; i++) {
            int channel = from + i & channelMask;
            int position = from + i & positionMask;
            ${lane} hat = normalizedOne(x, atX + i * BYTES, position);
            ${lane} g = get(dy, atDy + i * BYTES);
            g = relu ? active(g, Math.fma(hat, gamma[channel], beta[channel])) : g;
            put(dx, atDx + i * BYTES,
                    Math.fma(hat, slope[position], gradShift[position]) + g * gamma[channel] * unit[position]);
        }
    }
}
