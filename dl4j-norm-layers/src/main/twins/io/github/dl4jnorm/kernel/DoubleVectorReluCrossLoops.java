// SPDX-License-Identifier: Apache-2.0
// Derived from FloatVectorIdentityCrossLoops.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.DoubleVectors.BYTES;
import static io.github.dl4jnorm.kernel.DoubleVectors.ORDER;
import static io.github.dl4jnorm.kernel.DoubleVectors.SPECIES;
import static io.github.dl4jnorm.kernel.DoubleVectors.STEP;
import static io.github.dl4jnorm.kernel.DoubleVectors.W;
import static io.github.dl4jnorm.kernel.DoubleVectors.get;
import static io.github.dl4jnorm.kernel.DoubleVectors.put;
import static jdk.incubator.vector.DoubleVector.broadcast;
import static jdk.incubator.vector.DoubleVector.fromArray;
import static jdk.incubator.vector.DoubleVector.fromByteBuffer;
import static jdk.incubator.vector.DoubleVector.zero;
import static jdk.incubator.vector.VectorOperators.LE;

import jdk.incubator.vector.DoubleVector;

/**
 * The loops of {@link DoubleVectorCrossOps} with the activation relu. Each is there twice, so that what is the same
 * all along a run stays in registers: for channels along the run and for positions. What is left of a run after the last
 * whole vector goes one by one.
 */
final class DoubleVectorReluCrossLoops {
    /** A constant: the compiler leaves out a branch that is never taken. */
    private static final boolean RELU = true;

    private DoubleVectorReluCrossLoops() {
    }

    private static double normalized(DoubleCrossTables tables, Memory x, int at, int position) {
        double d = Math.fma(get(x, at), tables.zoom[position], tables.offset[position]);
        return Math.fma(d, tables.factor[position], tables.rest[position]);
    }

    static void affine(DoubleCrossTables tables, Memory x, int atX, Memory y, int atY, int from, int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var ys = Lanes.of(y);
        var startY = Lanes.base(y) + atY;
        double[] gammas = tables.gamma;
        double[] betas = tables.beta;
        double[] zooms = tables.zoom;
        double[] offsets = tables.offset;
        double[] factors = tables.factor;
        double[] rests = tables.rest;
        DoubleVector none = zero(SPECIES);
        int i = 0;
        if (tables.channelMask != 0) {
            DoubleVector t = broadcast(SPECIES, zooms[0]);
            DoubleVector k = broadcast(SPECIES, offsets[0]);
            DoubleVector a = broadcast(SPECIES, factors[0]);
            DoubleVector b = broadcast(SPECIES, rests[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                DoubleVector hat = fromByteBuffer(SPECIES, xs, startX + STEP * i, ORDER).fma(t, k).fma(a, b);
                DoubleVector scale = fromArray(SPECIES, gammas, place);
                DoubleVector z = hat.fma(scale, fromArray(SPECIES, betas, place));
                if (RELU) {
                    z = z.blend(none, z.compare(LE, none));
                }
                z.intoByteBuffer(ys, startY + STEP * i, ORDER);
            }
        } else {
            DoubleVector scale = broadcast(SPECIES, gammas[0]);
            DoubleVector shift = broadcast(SPECIES, betas[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                DoubleVector hat = fromByteBuffer(SPECIES, xs, startX + STEP * i, ORDER)
                        .fma(fromArray(SPECIES, zooms, place), fromArray(SPECIES, offsets, place))
                        .fma(fromArray(SPECIES, factors, place), fromArray(SPECIES, rests, place));
                DoubleVector z = hat.fma(scale, shift);
                if (RELU) {
                    z = z.blend(none, z.compare(LE, none));
                }
                z.intoByteBuffer(ys, startY + STEP * i, ORDER);
            }
        }
        for (; i < length; i++) {
            int channel = from + i & tables.channelMask;
            double z = Math.fma(normalized(tables, x, atX + i * BYTES, from + i & tables.positionMask), gammas[channel],
                    betas[channel]);
            put(y, atY + i * BYTES, RELU && z <= 0 ? 0 : z);
        }
    }

    /** Leaves the sums of the run in W elements each, not added up. */
    static void sums(DoubleCrossTables tables, Memory x, int atX, Memory dy, int atDy, int from, int length,
                     double[] scratch) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        double[] gammas = tables.gamma;
        double[] betas = tables.beta;
        double[] zooms = tables.zoom;
        double[] offsets = tables.offset;
        double[] factors = tables.factor;
        double[] rests = tables.rest;
        double[] placeSums = tables.sums;
        double[] placeProducts = tables.products;
        DoubleVector none = zero(SPECIES);
        DoubleVector sum = zero(SPECIES);
        DoubleVector product = zero(SPECIES);
        boolean alongChannels = tables.channelMask != 0;
        int i = 0;
        if (alongChannels) {
            DoubleVector t = broadcast(SPECIES, zooms[0]);
            DoubleVector k = broadcast(SPECIES, offsets[0]);
            DoubleVector a = broadcast(SPECIES, factors[0]);
            DoubleVector b = broadcast(SPECIES, rests[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                DoubleVector hat = fromByteBuffer(SPECIES, xs, startX + STEP * i, ORDER).fma(t, k).fma(a, b);
                DoubleVector scale = fromArray(SPECIES, gammas, place);
                DoubleVector g = fromByteBuffer(SPECIES, dys, startDy + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, hat.fma(scale, fromArray(SPECIES, betas, place)).compare(LE, none));
                }
                DoubleVector along = g.mul(scale);
                sum = sum.add(along);
                product = along.fma(hat, product);
                fromArray(SPECIES, placeSums, place).add(g).intoArray(placeSums, place);
                g.fma(hat, fromArray(SPECIES, placeProducts, place)).intoArray(placeProducts, place);
            }
        } else {
            DoubleVector scale = broadcast(SPECIES, gammas[0]);
            DoubleVector shift = broadcast(SPECIES, betas[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                DoubleVector hat = fromByteBuffer(SPECIES, xs, startX + STEP * i, ORDER)
                        .fma(fromArray(SPECIES, zooms, place), fromArray(SPECIES, offsets, place))
                        .fma(fromArray(SPECIES, factors, place), fromArray(SPECIES, rests, place));
                DoubleVector g = fromByteBuffer(SPECIES, dys, startDy + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, hat.fma(scale, shift).compare(LE, none));
                }
                DoubleVector here = g.mul(scale);
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
            double hat = normalized(tables, x, atX + i * BYTES, place & tables.positionMask);
            double z = Math.fma(hat, gammas[channel], betas[channel]);
            double g = RELU && z <= 0 ? 0 : get(dy, atDy + i * BYTES);
            double scaled = g * gammas[channel];
            double here = alongChannels ? g : scaled;
            double along = alongChannels ? scaled : g;
            int lane = i % W;
            scratch[lane] += along;
            scratch[W + lane] = Math.fma(along, hat, scratch[W + lane]);
            placeSums[place] += here;
            placeProducts[place] = Math.fma(here, hat, placeProducts[place]);
        }
    }

    static void grad(DoubleCrossTables tables, Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from,
                     int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        var dxs = Lanes.of(dx);
        var startDx = Lanes.base(dx) + atDx;
        double[] gammas = tables.gamma;
        double[] betas = tables.beta;
        double[] zooms = tables.zoom;
        double[] offsets = tables.offset;
        double[] factors = tables.factor;
        double[] rests = tables.rest;
        double[] units = tables.unit;
        double[] slopes = tables.slope;
        double[] gradShifts = tables.gradShift;
        DoubleVector none = zero(SPECIES);
        int i = 0;
        if (tables.channelMask != 0) {
            DoubleVector t = broadcast(SPECIES, zooms[0]);
            DoubleVector k = broadcast(SPECIES, offsets[0]);
            DoubleVector a = broadcast(SPECIES, factors[0]);
            DoubleVector b = broadcast(SPECIES, rests[0]);
            DoubleVector u = broadcast(SPECIES, units[0]);
            DoubleVector q = broadcast(SPECIES, slopes[0]);
            DoubleVector o = broadcast(SPECIES, gradShifts[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                DoubleVector hat = fromByteBuffer(SPECIES, xs, startX + STEP * i, ORDER).fma(t, k).fma(a, b);
                DoubleVector scale = fromArray(SPECIES, gammas, place);
                DoubleVector g = fromByteBuffer(SPECIES, dys, startDy + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, hat.fma(scale, fromArray(SPECIES, betas, place)).compare(LE, none));
                }
                DoubleVector own = g.mul(scale).mul(u);
                hat.fma(q, o).add(own).intoByteBuffer(dxs, startDx + STEP * i, ORDER);
            }
        } else {
            DoubleVector scale = broadcast(SPECIES, gammas[0]);
            DoubleVector shift = broadcast(SPECIES, betas[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                DoubleVector hat = fromByteBuffer(SPECIES, xs, startX + STEP * i, ORDER)
                        .fma(fromArray(SPECIES, zooms, place), fromArray(SPECIES, offsets, place))
                        .fma(fromArray(SPECIES, factors, place), fromArray(SPECIES, rests, place));
                DoubleVector g = fromByteBuffer(SPECIES, dys, startDy + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, hat.fma(scale, shift).compare(LE, none));
                }
                DoubleVector own = g.mul(scale).mul(fromArray(SPECIES, units, place));
                hat.fma(fromArray(SPECIES, slopes, place), fromArray(SPECIES, gradShifts, place)).add(own)
                        .intoByteBuffer(dxs, startDx + STEP * i, ORDER);
            }
        }
        for (; i < length; i++) {
            int channel = from + i & tables.channelMask;
            int position = from + i & tables.positionMask;
            double hat = normalized(tables, x, atX + i * BYTES, position);
            double z = Math.fma(hat, gammas[channel], betas[channel]);
            double g = RELU && z <= 0 ? 0 : get(dy, atDy + i * BYTES);
            put(dx, atDx + i * BYTES, Math.fma(hat, slopes[position], gradShifts[position])
                    + g * gammas[channel] * units[position]);
        }
    }
}
