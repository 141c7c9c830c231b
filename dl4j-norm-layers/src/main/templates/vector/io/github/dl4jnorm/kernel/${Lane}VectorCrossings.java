// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.active;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.get;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.put;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.threshold;

/** {@link CrossOps} on ${lane} with the JDK's vectors; what is left of a run after the last whole one goes one by one. */
final class ${Lane}VectorCrossings extends ${Lane}CrossTables {
    private final ${lane}[] scratch = new ${lane}[2 * W];

    private ${lane} normalizedOne(Memory x, int at, int position) {
        return Math.fma(Math.fma(get(x, at), zoom[position], offset[position]), factor[position], rest[position]);
    }

    @Override
    public void affine(Memory x, int atX, Memory y, int atY, int from, int length, boolean relu) {
        ${lane} h = threshold(relu);
        boolean alongChannels = channelMask != 0;
        int i;
        if (relu) {
            i = alongChannels ? ${Lane}VectorReluCrossings.affineChannels(this, x, atX, y, atY, from, length)
                    : ${Lane}VectorReluCrossings.affinePositions(this, x, atX, y, atY, from, length);
        } else {
            i = alongChannels ? ${Lane}VectorIdentityCrossings.affineChannels(this, x, atX, y, atY, from, length)
                    : ${Lane}VectorIdentityCrossings.affinePositions(this, x, atX, y, atY, from, length);
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
        ${lane} h = threshold(relu);
        boolean alongChannels = channelMask != 0;
        int i;
        if (relu) {
            i = alongChannels ? ${Lane}VectorReluCrossings.sumChannels(this, x, atX, dy, atDy, from, length, scratch, into)
                    : ${Lane}VectorReluCrossings.sumPositions(this, x, atX, dy, atDy, from, length, scratch, into);
        } else {
            i = alongChannels ? ${Lane}VectorIdentityCrossings.sumChannels(this, x, atX, dy, atDy, from, length, scratch, into)
                    : ${Lane}VectorIdentityCrossings.sumPositions(this, x, atX, dy, atDy, from, length, scratch, into);
        }
        for (; i < length; i++) {
            int channel = from + i & channelMask;
            ${lane} hat = normalizedOne(x, atX + i * BYTES, from + i & positionMask);
            ${lane} g = active(get(dy, atDy + i * BYTES), Math.fma(hat, gamma[channel], beta[channel]), h);
            ${lane} scaled = g * gamma[channel];
            ${lane} here = alongChannels ? g : scaled;
            ${lane} along = alongChannels ? scaled : g;
            into[0] += along;
            into[1] += (double) along * hat;
            sums[from + i] += here;
            products[from + i] = Math.fma(here, hat, products[from + i]);
        }
    }

    @Override
    public void affineGrad(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from, int length,
                           boolean relu) {
        ${lane} h = threshold(relu);
        boolean alongChannels = channelMask != 0;
        int i;
        if (relu) {
            i = alongChannels ? ${Lane}VectorReluCrossings.gradChannels(this, x, atX, dy, atDy, dx, atDx, from, length)
                    : ${Lane}VectorReluCrossings.gradPositions(this, x, atX, dy, atDy, dx, atDx, from, length);
        } else {
            i = alongChannels ? ${Lane}VectorIdentityCrossings.gradChannels(this, x, atX, dy, atDy, dx, atDx, from, length)
                    : ${Lane}VectorIdentityCrossings.gradPositions(this, x, atX, dy, atDy, dx, atDx, from, length);
        }
        for (; i < length; i++) {
            int channel = from + i & channelMask;
            int position = from + i & positionMask;
            ${lane} hat = normalizedOne(x, atX + i * BYTES, position);
            ${lane} g = active(get(dy, atDy + i * BYTES), Math.fma(hat, gamma[channel], beta[channel]), h);
            put(dx, atDx + i * BYTES,
                    Math.fma(hat, slope[position], gradShift[position]) + g * gamma[channel] * unit[position]);
        }
    }
}
