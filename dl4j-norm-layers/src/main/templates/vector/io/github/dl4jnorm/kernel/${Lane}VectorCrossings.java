// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.Lanes.load${Lane};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.active;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.all;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.get;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.of;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.put;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.threshold;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.total;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.zero;

import jdk.incubator.vector.${Lane}Vector;

/** {@link CrossOps} on ${lane} with the JDK's vectors. */
final class ${Lane}VectorCrossings extends ${Lane}CrossTables {
    private final ${lane}[] scratch = new ${lane}[W];

    private ${lane} normalizedOne(Memory x, int at, int position) {
        return Math.fma(Math.fma(get(x, at), zoom[position], offset[position]), factor[position], rest[position]);
    }

    @Override
    public void affine(Memory x, int atX, Memory y, int atY, int from, int length, boolean relu) {
        var xs = Lanes.of(x);
        var ys = Lanes.of(y);
        int channels = channelMask;
        int positions = positionMask;
        ${lane}[] zooms = zoom;
        ${lane}[] offsets = offset;
        ${lane}[] factors = factor;
        ${lane}[] rests = rest;
        ${lane}[] gammas = gamma;
        ${lane}[] betas = beta;
        ${lane} h = threshold(relu);
        ${Lane}Vector vh = all(h);
        int i = 0;
        for (; i <= length - W; i += W) {
            int channel = from + i & channels;
            int position = from + i & positions;
            ${Lane}Vector z = load${Lane}(xs, atX, i).fma(of(zooms, position), of(offsets, position))
                    .fma(of(factors, position), of(rests, position))
                    .fma(of(gammas, channel), of(betas, channel));
            Lanes.store(active(z, z, vh), ys, atY, i);
        }
        for (; i < length; i++) {
            int channel = from + i & channelMask;
            ${lane} z = Math.fma(normalizedOne(x, atX + i * BYTES, from + i & positionMask), gamma[channel],
                    beta[channel]);
            put(y, atY + i * BYTES, active(z, z, h));
        }
    }

    @Override
    public void gradSums(Memory x, int atX, Memory dy, int atDy, int from, int length, boolean relu, double[] into) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        ${Lane}Vector sum = zero();
        ${Lane}Vector product = zero();
        ${Lane}Vector hereFactor = of(factorHere(), 0);
        ${lane}[] factorAlong = factorAlong();
        ${lane}[] placeSums = sums;
        ${lane}[] placeProducts = products;
        int channels = channelMask;
        int positions = positionMask;
        ${lane}[] zooms = zoom;
        ${lane}[] offsets = offset;
        ${lane}[] factors = factor;
        ${lane}[] rests = rest;
        ${lane}[] gammas = gamma;
        ${lane}[] betas = beta;
        ${lane} h = threshold(relu);
        ${Lane}Vector vh = all(h);
        int i = 0;
        for (; i <= length - W; i += W) {
            int channel = from + i & channels;
            int position = from + i & positions;
            ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(of(zooms, position), of(offsets, position))
                    .fma(of(factors, position), of(rests, position));
            ${Lane}Vector scale = of(gammas, channel);
            ${Lane}Vector g = load${Lane}(dys, atDy, i);
            g = active(g, hat.fma(scale, of(betas, channel)), vh);
            ${Lane}Vector here = g.mul(hereFactor);
            ${Lane}Vector along = g.mul(of(factorAlong, channel));
            sum = sum.add(along);
            product = along.fma(hat, product);
            of(placeSums, from + i).add(here).intoArray(placeSums, from + i);
            here.fma(hat, of(placeProducts, from + i)).intoArray(placeProducts, from + i);
        }
        double total = total(sum, scratch);
        double totalProduct = total(product, scratch);
        for (; i < length; i++) {
            int channel = from + i & channelMask;
            ${lane} hat = normalizedOne(x, atX + i * BYTES, from + i & positionMask);
            ${lane} g = get(dy, atDy + i * BYTES);
            g = active(g, Math.fma(hat, gamma[channel], beta[channel]), h);
            ${lane} here = g * factorHere()[0];
            ${lane} along = g * factorAlong[channel];
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
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        var dxs = Lanes.of(dx);
        int channels = channelMask;
        int positions = positionMask;
        ${lane}[] zooms = zoom;
        ${lane}[] offsets = offset;
        ${lane}[] factors = factor;
        ${lane}[] rests = rest;
        ${lane}[] gammas = gamma;
        ${lane}[] betas = beta;
        ${lane} h = threshold(relu);
        ${Lane}Vector vh = all(h);
        ${lane}[] units = unit;
        ${lane}[] slopes = slope;
        ${lane}[] gradShifts = gradShift;
        int i = 0;
        for (; i <= length - W; i += W) {
            int channel = from + i & channels;
            int position = from + i & positions;
            ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(of(zooms, position), of(offsets, position))
                    .fma(of(factors, position), of(rests, position));
            ${Lane}Vector scale = of(gammas, channel);
            ${Lane}Vector g = load${Lane}(dys, atDy, i);
            g = active(g, hat.fma(scale, of(betas, channel)), vh);
            ${Lane}Vector own = g.mul(scale).mul(of(units, position));
            Lanes.store(hat.fma(of(slopes, position), of(gradShifts, position)).add(own), dxs, atDx, i);
        }
        for (; i < length; i++) {
            int channel = from + i & channelMask;
            int position = from + i & positionMask;
            ${lane} hat = normalizedOne(x, atX + i * BYTES, position);
            ${lane} g = get(dy, atDy + i * BYTES);
            g = active(g, Math.fma(hat, gamma[channel], beta[channel]), h);
            put(dx, atDx + i * BYTES,
                    Math.fma(hat, slope[position], gradShift[position]) + g * gamma[channel] * unit[position]);
        }
    }
}
