// SPDX-License-Identifier: Apache-2.0
// Derived from FloatVectorIdentityPeriodLoops.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.DoubleVectors.BYTES;
import static io.github.dl4jnorm.kernel.DoubleVectors.ORDER;
import static io.github.dl4jnorm.kernel.DoubleVectors.PERIOD;
import static io.github.dl4jnorm.kernel.DoubleVectors.SPECIES;
import static io.github.dl4jnorm.kernel.DoubleVectors.STEP;
import static io.github.dl4jnorm.kernel.DoubleVectors.W;
import static io.github.dl4jnorm.kernel.DoubleVectors.get;
import static io.github.dl4jnorm.kernel.DoubleVectors.put;
import static jdk.incubator.vector.DoubleVector.fromArray;
import static jdk.incubator.vector.DoubleVector.fromByteBuffer;
import static jdk.incubator.vector.DoubleVector.zero;
import static jdk.incubator.vector.VectorOperators.LE;

import jdk.incubator.vector.DoubleVector;

/**
 * What {@link DoubleVectorReluColumnLoops} does, for few channels: their number divides {@link DoubleVectors#PERIOD}, the
 * elements of four vectors, so what belongs to a column stays in registers instead of coming from tables for each vector.
 *
 * <p>Runs begin at column 0 and need no zoom. What is left of a run after the last whole period begins at column 0 again.
 */
final class DoubleVectorReluPeriodLoops {
    /** A constant: the compiler leaves out a branch that is never taken. */
    private static final boolean RELU = true;

    private DoubleVectorReluPeriodLoops() {
    }

    static void affine(DoubleTables tables, Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs,
                       int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var ys = Lanes.of(y);
        var startY = Lanes.base(y) + atY;
        double[] offsets = tables.offset;
        double[] factors = tables.factor;
        double[] shifts = tables.shift;
        DoubleVector none = zero(SPECIES);
        DoubleVector k0 = fromArray(SPECIES, offsets, 0);
        DoubleVector k1 = fromArray(SPECIES, offsets, W);
        DoubleVector k2 = fromArray(SPECIES, offsets, 2 * W);
        DoubleVector k3 = fromArray(SPECIES, offsets, 3 * W);
        DoubleVector a0 = fromArray(SPECIES, factors, 0);
        DoubleVector a1 = fromArray(SPECIES, factors, W);
        DoubleVector a2 = fromArray(SPECIES, factors, 2 * W);
        DoubleVector a3 = fromArray(SPECIES, factors, 3 * W);
        DoubleVector b0 = fromArray(SPECIES, shifts, 0);
        DoubleVector b1 = fromArray(SPECIES, shifts, W);
        DoubleVector b2 = fromArray(SPECIES, shifts, 2 * W);
        DoubleVector b3 = fromArray(SPECIES, shifts, 3 * W);
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var into = startY + r * strideY;
            int i = 0;
            for (; i <= length - PERIOD; i += PERIOD) {
                DoubleVector z0 = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k0).fma(a0, b0);
                DoubleVector z1 = fromByteBuffer(SPECIES, xs, at + STEP * (i + W), ORDER).add(k1).fma(a1, b1);
                DoubleVector z2 = fromByteBuffer(SPECIES, xs, at + STEP * (i + 2 * W), ORDER).add(k2).fma(a2, b2);
                DoubleVector z3 = fromByteBuffer(SPECIES, xs, at + STEP * (i + 3 * W), ORDER).add(k3).fma(a3, b3);
                if (RELU) {
                    z0 = z0.blend(none, z0.compare(LE, none));
                    z1 = z1.blend(none, z1.compare(LE, none));
                    z2 = z2.blend(none, z2.compare(LE, none));
                    z3 = z3.blend(none, z3.compare(LE, none));
                }
                z0.intoByteBuffer(ys, into + STEP * i, ORDER);
                z1.intoByteBuffer(ys, into + STEP * (i + W), ORDER);
                z2.intoByteBuffer(ys, into + STEP * (i + 2 * W), ORDER);
                z3.intoByteBuffer(ys, into + STEP * (i + 3 * W), ORDER);
            }
            for (int c = 0; i < length; i++, c++) {
                double z = Math.fma(get(x, atX + r * strideX + i * BYTES) + offsets[c], factors[c], shifts[c]);
                put(y, atY + r * strideY + i * BYTES, RELU && z <= 0 ? 0 : z);
            }
        }
    }

    /** Adds up the runs in each column of a period. */
    static void gradSums(DoubleTables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs,
                         int length, double[] sums, double[] products) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        double[] offsets = tables.offset;
        double[] factors = tables.factor;
        double[] shifts = tables.shift;
        DoubleVector none = zero(SPECIES);
        DoubleVector k0 = fromArray(SPECIES, offsets, 0);
        DoubleVector k1 = fromArray(SPECIES, offsets, W);
        DoubleVector k2 = fromArray(SPECIES, offsets, 2 * W);
        DoubleVector k3 = fromArray(SPECIES, offsets, 3 * W);
        DoubleVector a0 = fromArray(SPECIES, factors, 0);
        DoubleVector a1 = fromArray(SPECIES, factors, W);
        DoubleVector a2 = fromArray(SPECIES, factors, 2 * W);
        DoubleVector a3 = fromArray(SPECIES, factors, 3 * W);
        DoubleVector b0 = fromArray(SPECIES, shifts, 0);
        DoubleVector b1 = fromArray(SPECIES, shifts, W);
        DoubleVector b2 = fromArray(SPECIES, shifts, 2 * W);
        DoubleVector b3 = fromArray(SPECIES, shifts, 3 * W);
        DoubleVector s0 = none;
        DoubleVector s1 = none;
        DoubleVector s2 = none;
        DoubleVector s3 = none;
        DoubleVector p0 = none;
        DoubleVector p1 = none;
        DoubleVector p2 = none;
        DoubleVector p3 = none;
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            for (int i = 0; i <= length - PERIOD; i += PERIOD) {
                DoubleVector d0 = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k0);
                DoubleVector d1 = fromByteBuffer(SPECIES, xs, at + STEP * (i + W), ORDER).add(k1);
                DoubleVector d2 = fromByteBuffer(SPECIES, xs, at + STEP * (i + 2 * W), ORDER).add(k2);
                DoubleVector d3 = fromByteBuffer(SPECIES, xs, at + STEP * (i + 3 * W), ORDER).add(k3);
                DoubleVector g0 = fromByteBuffer(SPECIES, dys, grad + STEP * i, ORDER);
                DoubleVector g1 = fromByteBuffer(SPECIES, dys, grad + STEP * (i + W), ORDER);
                DoubleVector g2 = fromByteBuffer(SPECIES, dys, grad + STEP * (i + 2 * W), ORDER);
                DoubleVector g3 = fromByteBuffer(SPECIES, dys, grad + STEP * (i + 3 * W), ORDER);
                if (RELU) {
                    g0 = g0.blend(none, d0.fma(a0, b0).compare(LE, none));
                    g1 = g1.blend(none, d1.fma(a1, b1).compare(LE, none));
                    g2 = g2.blend(none, d2.fma(a2, b2).compare(LE, none));
                    g3 = g3.blend(none, d3.fma(a3, b3).compare(LE, none));
                }
                s0 = s0.add(g0);
                s1 = s1.add(g1);
                s2 = s2.add(g2);
                s3 = s3.add(g3);
                p0 = g0.fma(d0, p0);
                p1 = g1.fma(d1, p1);
                p2 = g2.fma(d2, p2);
                p3 = g3.fma(d3, p3);
            }
        }
        s0.intoArray(sums, 0);
        s1.intoArray(sums, W);
        s2.intoArray(sums, 2 * W);
        s3.intoArray(sums, 3 * W);
        p0.intoArray(products, 0);
        p1.intoArray(products, W);
        p2.intoArray(products, 2 * W);
        p3.intoArray(products, 3 * W);
        int whole = length - length % PERIOD;
        for (int r = 0; whole < length && r < runs; r++) {
            for (int i = whole, c = 0; i < length; i++, c++) {
                double d = get(x, atX + r * strideX + i * BYTES) + offsets[c];
                double g = RELU && Math.fma(d, factors[c], shifts[c]) <= 0 ? 0 : get(dy, atDy + r * strideDy + i * BYTES);
                sums[c] += g;
                products[c] = Math.fma(g, d, products[c]);
            }
        }
    }

    static void affineGrad(DoubleTables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx,
                           int atDx, int strideDx, int runs, int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        var dxs = Lanes.of(dx);
        var startDx = Lanes.base(dx) + atDx;
        double[] offsets = tables.offset;
        double[] factors = tables.factor;
        double[] shifts = tables.shift;
        double[] scales = tables.scale;
        double[] slopes = tables.slope;
        double[] gradShifts = tables.gradShift;
        DoubleVector none = zero(SPECIES);
        DoubleVector k0 = fromArray(SPECIES, offsets, 0);
        DoubleVector k1 = fromArray(SPECIES, offsets, W);
        DoubleVector k2 = fromArray(SPECIES, offsets, 2 * W);
        DoubleVector k3 = fromArray(SPECIES, offsets, 3 * W);
        DoubleVector a0 = fromArray(SPECIES, factors, 0);
        DoubleVector a1 = fromArray(SPECIES, factors, W);
        DoubleVector a2 = fromArray(SPECIES, factors, 2 * W);
        DoubleVector a3 = fromArray(SPECIES, factors, 3 * W);
        DoubleVector b0 = fromArray(SPECIES, shifts, 0);
        DoubleVector b1 = fromArray(SPECIES, shifts, W);
        DoubleVector b2 = fromArray(SPECIES, shifts, 2 * W);
        DoubleVector b3 = fromArray(SPECIES, shifts, 3 * W);
        DoubleVector s0 = fromArray(SPECIES, scales, 0);
        DoubleVector s1 = fromArray(SPECIES, scales, W);
        DoubleVector s2 = fromArray(SPECIES, scales, 2 * W);
        DoubleVector s3 = fromArray(SPECIES, scales, 3 * W);
        DoubleVector q0 = fromArray(SPECIES, slopes, 0);
        DoubleVector q1 = fromArray(SPECIES, slopes, W);
        DoubleVector q2 = fromArray(SPECIES, slopes, 2 * W);
        DoubleVector q3 = fromArray(SPECIES, slopes, 3 * W);
        DoubleVector o0 = fromArray(SPECIES, gradShifts, 0);
        DoubleVector o1 = fromArray(SPECIES, gradShifts, W);
        DoubleVector o2 = fromArray(SPECIES, gradShifts, 2 * W);
        DoubleVector o3 = fromArray(SPECIES, gradShifts, 3 * W);
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            var into = startDx + r * strideDx;
            int i = 0;
            for (; i <= length - PERIOD; i += PERIOD) {
                DoubleVector d0 = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k0);
                DoubleVector d1 = fromByteBuffer(SPECIES, xs, at + STEP * (i + W), ORDER).add(k1);
                DoubleVector d2 = fromByteBuffer(SPECIES, xs, at + STEP * (i + 2 * W), ORDER).add(k2);
                DoubleVector d3 = fromByteBuffer(SPECIES, xs, at + STEP * (i + 3 * W), ORDER).add(k3);
                DoubleVector g0 = fromByteBuffer(SPECIES, dys, grad + STEP * i, ORDER);
                DoubleVector g1 = fromByteBuffer(SPECIES, dys, grad + STEP * (i + W), ORDER);
                DoubleVector g2 = fromByteBuffer(SPECIES, dys, grad + STEP * (i + 2 * W), ORDER);
                DoubleVector g3 = fromByteBuffer(SPECIES, dys, grad + STEP * (i + 3 * W), ORDER);
                if (RELU) {
                    g0 = g0.blend(none, d0.fma(a0, b0).compare(LE, none));
                    g1 = g1.blend(none, d1.fma(a1, b1).compare(LE, none));
                    g2 = g2.blend(none, d2.fma(a2, b2).compare(LE, none));
                    g3 = g3.blend(none, d3.fma(a3, b3).compare(LE, none));
                }
                g0.fma(s0, d0.fma(q0, o0)).intoByteBuffer(dxs, into + STEP * i, ORDER);
                g1.fma(s1, d1.fma(q1, o1)).intoByteBuffer(dxs, into + STEP * (i + W), ORDER);
                g2.fma(s2, d2.fma(q2, o2)).intoByteBuffer(dxs, into + STEP * (i + 2 * W), ORDER);
                g3.fma(s3, d3.fma(q3, o3)).intoByteBuffer(dxs, into + STEP * (i + 3 * W), ORDER);
            }
            for (int c = 0; i < length; i++, c++) {
                double d = get(x, atX + r * strideX + i * BYTES) + offsets[c];
                double g = RELU && Math.fma(d, factors[c], shifts[c]) <= 0 ? 0 : get(dy, atDy + r * strideDy + i * BYTES);
                put(dx, atDx + r * strideDx + i * BYTES, Math.fma(g, scales[c], Math.fma(d, slopes[c], gradShifts[c])));
            }
        }
    }
}
