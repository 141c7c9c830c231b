// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.FloatVectors.BYTES;
import static io.github.dl4jnorm.kernel.FloatVectors.ORDER;
import static io.github.dl4jnorm.kernel.FloatVectors.SPECIES;
import static io.github.dl4jnorm.kernel.FloatVectors.STEP;
import static io.github.dl4jnorm.kernel.FloatVectors.W;
import static io.github.dl4jnorm.kernel.FloatVectors.get;
import static io.github.dl4jnorm.kernel.FloatVectors.put;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.FloatVector.fromByteBuffer;
import static jdk.incubator.vector.FloatVector.zero;
import static jdk.incubator.vector.VectorOperators.LE;

import jdk.incubator.vector.FloatVector;

/**
 * The loops of {@link FloatVectorCrossOps} with the activation identity. Each is there twice, so that what is the same
 * all along a run stays in registers: for channels along the run and for positions. What is left of a run after the last
 * whole vector goes one by one.
 */
final class FloatVectorIdentityCrossLoops {
    /** A constant: the compiler leaves out a branch that is never taken. */
    private static final boolean RELU = false;

    private FloatVectorIdentityCrossLoops() {
    }

    private static float normalized(FloatCrossTables tables, Memory x, int at, int position) {
        float d = Math.fma(get(x, at), tables.zoom[position], tables.offset[position]);
        return Math.fma(d, tables.factor[position], tables.rest[position]);
    }

    static void affine(FloatCrossTables tables, Memory x, int atX, Memory y, int atY, int from, int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var ys = Lanes.of(y);
        var startY = Lanes.base(y) + atY;
        float[] gammas = tables.gamma;
        float[] betas = tables.beta;
        float[] zooms = tables.zoom;
        float[] offsets = tables.offset;
        float[] factors = tables.factor;
        float[] rests = tables.rest;
        FloatVector none = zero(SPECIES);
        int i = 0;
        if (tables.channelMask != 0) {
            FloatVector t = broadcast(SPECIES, zooms[0]);
            FloatVector k = broadcast(SPECIES, offsets[0]);
            FloatVector a = broadcast(SPECIES, factors[0]);
            FloatVector b = broadcast(SPECIES, rests[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                FloatVector hat = fromByteBuffer(SPECIES, xs, startX + STEP * i, ORDER).fma(t, k).fma(a, b);
                FloatVector scale = fromArray(SPECIES, gammas, place);
                FloatVector z = hat.fma(scale, fromArray(SPECIES, betas, place));
                if (RELU) {
                    z = z.blend(none, z.compare(LE, none));
                }
                z.intoByteBuffer(ys, startY + STEP * i, ORDER);
            }
        } else {
            FloatVector scale = broadcast(SPECIES, gammas[0]);
            FloatVector shift = broadcast(SPECIES, betas[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                FloatVector hat = fromByteBuffer(SPECIES, xs, startX + STEP * i, ORDER)
                        .fma(fromArray(SPECIES, zooms, place), fromArray(SPECIES, offsets, place))
                        .fma(fromArray(SPECIES, factors, place), fromArray(SPECIES, rests, place));
                FloatVector z = hat.fma(scale, shift);
                if (RELU) {
                    z = z.blend(none, z.compare(LE, none));
                }
                z.intoByteBuffer(ys, startY + STEP * i, ORDER);
            }
        }
        for (; i < length; i++) {
            int channel = from + i & tables.channelMask;
            float z = Math.fma(normalized(tables, x, atX + i * BYTES, from + i & tables.positionMask), gammas[channel],
                    betas[channel]);
            put(y, atY + i * BYTES, RELU && z <= 0 ? 0 : z);
        }
    }

    /** Leaves the sums of the run in W elements each, not added up. */
    static void sums(FloatCrossTables tables, Memory x, int atX, Memory dy, int atDy, int from, int length,
                     float[] scratch) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        float[] gammas = tables.gamma;
        float[] betas = tables.beta;
        float[] zooms = tables.zoom;
        float[] offsets = tables.offset;
        float[] factors = tables.factor;
        float[] rests = tables.rest;
        float[] placeSums = tables.sums;
        float[] placeProducts = tables.products;
        FloatVector none = zero(SPECIES);
        FloatVector sum = zero(SPECIES);
        FloatVector product = zero(SPECIES);
        boolean alongChannels = tables.channelMask != 0;
        int i = 0;
        if (alongChannels) {
            FloatVector t = broadcast(SPECIES, zooms[0]);
            FloatVector k = broadcast(SPECIES, offsets[0]);
            FloatVector a = broadcast(SPECIES, factors[0]);
            FloatVector b = broadcast(SPECIES, rests[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                FloatVector hat = fromByteBuffer(SPECIES, xs, startX + STEP * i, ORDER).fma(t, k).fma(a, b);
                FloatVector scale = fromArray(SPECIES, gammas, place);
                FloatVector g = fromByteBuffer(SPECIES, dys, startDy + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, hat.fma(scale, fromArray(SPECIES, betas, place)).compare(LE, none));
                }
                FloatVector along = g.mul(scale);
                sum = sum.add(along);
                product = along.fma(hat, product);
                fromArray(SPECIES, placeSums, place).add(g).intoArray(placeSums, place);
                g.fma(hat, fromArray(SPECIES, placeProducts, place)).intoArray(placeProducts, place);
            }
        } else {
            FloatVector scale = broadcast(SPECIES, gammas[0]);
            FloatVector shift = broadcast(SPECIES, betas[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                FloatVector hat = fromByteBuffer(SPECIES, xs, startX + STEP * i, ORDER)
                        .fma(fromArray(SPECIES, zooms, place), fromArray(SPECIES, offsets, place))
                        .fma(fromArray(SPECIES, factors, place), fromArray(SPECIES, rests, place));
                FloatVector g = fromByteBuffer(SPECIES, dys, startDy + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, hat.fma(scale, shift).compare(LE, none));
                }
                FloatVector here = g.mul(scale);
                sum = sum.add(g);
                product = g.fma(hat, product);
                fromArray(SPECIES, placeSums, place).add(here).intoArray(placeSums, place);
                here.fma(hat, fromArray(SPECIES, placeProducts, place)).intoArray(placeProducts, place);
            }
        }
        sum.intoArray(scratch, 0);
        product.intoArray(scratch, W);
        for (; i < length; i++) {
            int place = from + i;
            int channel = place & tables.channelMask;
            float hat = normalized(tables, x, atX + i * BYTES, place & tables.positionMask);
            float z = Math.fma(hat, gammas[channel], betas[channel]);
            float g = RELU && z <= 0 ? 0 : get(dy, atDy + i * BYTES);
            float scaled = g * gammas[channel];
            float here = alongChannels ? g : scaled;
            float along = alongChannels ? scaled : g;
            int lane = i % W;
            scratch[lane] += along;
            scratch[W + lane] = Math.fma(along, hat, scratch[W + lane]);
            placeSums[place] += here;
            placeProducts[place] = Math.fma(here, hat, placeProducts[place]);
        }
    }

    static void grad(FloatCrossTables tables, Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from,
                     int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        var dxs = Lanes.of(dx);
        var startDx = Lanes.base(dx) + atDx;
        float[] gammas = tables.gamma;
        float[] betas = tables.beta;
        float[] zooms = tables.zoom;
        float[] offsets = tables.offset;
        float[] factors = tables.factor;
        float[] rests = tables.rest;
        float[] units = tables.unit;
        float[] slopes = tables.slope;
        float[] gradShifts = tables.gradShift;
        FloatVector none = zero(SPECIES);
        int i = 0;
        if (tables.channelMask != 0) {
            FloatVector t = broadcast(SPECIES, zooms[0]);
            FloatVector k = broadcast(SPECIES, offsets[0]);
            FloatVector a = broadcast(SPECIES, factors[0]);
            FloatVector b = broadcast(SPECIES, rests[0]);
            FloatVector u = broadcast(SPECIES, units[0]);
            FloatVector q = broadcast(SPECIES, slopes[0]);
            FloatVector o = broadcast(SPECIES, gradShifts[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                FloatVector hat = fromByteBuffer(SPECIES, xs, startX + STEP * i, ORDER).fma(t, k).fma(a, b);
                FloatVector scale = fromArray(SPECIES, gammas, place);
                FloatVector g = fromByteBuffer(SPECIES, dys, startDy + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, hat.fma(scale, fromArray(SPECIES, betas, place)).compare(LE, none));
                }
                FloatVector own = g.mul(scale).mul(u);
                hat.fma(q, o).add(own).intoByteBuffer(dxs, startDx + STEP * i, ORDER);
            }
        } else {
            FloatVector scale = broadcast(SPECIES, gammas[0]);
            FloatVector shift = broadcast(SPECIES, betas[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                FloatVector hat = fromByteBuffer(SPECIES, xs, startX + STEP * i, ORDER)
                        .fma(fromArray(SPECIES, zooms, place), fromArray(SPECIES, offsets, place))
                        .fma(fromArray(SPECIES, factors, place), fromArray(SPECIES, rests, place));
                FloatVector g = fromByteBuffer(SPECIES, dys, startDy + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, hat.fma(scale, shift).compare(LE, none));
                }
                FloatVector own = g.mul(scale).mul(fromArray(SPECIES, units, place));
                hat.fma(fromArray(SPECIES, slopes, place), fromArray(SPECIES, gradShifts, place)).add(own)
                        .intoByteBuffer(dxs, startDx + STEP * i, ORDER);
            }
        }
        for (; i < length; i++) {
            int channel = from + i & tables.channelMask;
            int position = from + i & tables.positionMask;
            float hat = normalized(tables, x, atX + i * BYTES, position);
            float z = Math.fma(hat, gammas[channel], betas[channel]);
            float g = RELU && z <= 0 ? 0 : get(dy, atDy + i * BYTES);
            put(dx, atDx + i * BYTES, Math.fma(hat, slopes[position], gradShifts[position])
                    + g * gammas[channel] * units[position]);
        }
    }
}
