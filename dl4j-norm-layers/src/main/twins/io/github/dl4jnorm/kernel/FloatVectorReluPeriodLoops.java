// SPDX-License-Identifier: Apache-2.0
// Derived from FloatVectorIdentityPeriodLoops.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.FloatVectors.BYTES;
import static io.github.dl4jnorm.kernel.FloatVectors.ORDER;
import static io.github.dl4jnorm.kernel.FloatVectors.PERIOD;
import static io.github.dl4jnorm.kernel.FloatVectors.SPECIES;
import static io.github.dl4jnorm.kernel.FloatVectors.STEP;
import static io.github.dl4jnorm.kernel.FloatVectors.W;
import static io.github.dl4jnorm.kernel.FloatVectors.get;
import static io.github.dl4jnorm.kernel.FloatVectors.put;
import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.FloatVector.fromByteBuffer;
import static jdk.incubator.vector.FloatVector.zero;
import static jdk.incubator.vector.VectorOperators.LE;

import jdk.incubator.vector.FloatVector;

/**
 * What {@link FloatVectorReluColumnLoops} does, for few channels: their number divides {@link FloatVectors#PERIOD}, the
 * elements of four vectors, so what belongs to a column stays in registers instead of coming from tables for each vector.
 *
 * <p>Runs begin at column 0 and need no zoom. What is left of a run after the last whole period begins at column 0 again.
 */
final class FloatVectorReluPeriodLoops {
    /** A constant: the compiler leaves out a branch that is never taken. */
    private static final boolean RELU = true;

    private FloatVectorReluPeriodLoops() {
    }

    static void affine(FloatTables tables, Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs,
                       int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var ys = Lanes.of(y);
        var startY = Lanes.base(y) + atY;
        float[] offsets = tables.offset;
        float[] factors = tables.factor;
        float[] shifts = tables.shift;
        FloatVector none = zero(SPECIES);
        FloatVector k0 = fromArray(SPECIES, offsets, 0);
        FloatVector k1 = fromArray(SPECIES, offsets, W);
        FloatVector k2 = fromArray(SPECIES, offsets, 2 * W);
        FloatVector k3 = fromArray(SPECIES, offsets, 3 * W);
        FloatVector a0 = fromArray(SPECIES, factors, 0);
        FloatVector a1 = fromArray(SPECIES, factors, W);
        FloatVector a2 = fromArray(SPECIES, factors, 2 * W);
        FloatVector a3 = fromArray(SPECIES, factors, 3 * W);
        FloatVector b0 = fromArray(SPECIES, shifts, 0);
        FloatVector b1 = fromArray(SPECIES, shifts, W);
        FloatVector b2 = fromArray(SPECIES, shifts, 2 * W);
        FloatVector b3 = fromArray(SPECIES, shifts, 3 * W);
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var into = startY + r * strideY;
            int i = 0;
            for (; i <= length - PERIOD; i += PERIOD) {
                FloatVector z0 = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k0).fma(a0, b0);
                FloatVector z1 = fromByteBuffer(SPECIES, xs, at + STEP * (i + W), ORDER).add(k1).fma(a1, b1);
                FloatVector z2 = fromByteBuffer(SPECIES, xs, at + STEP * (i + 2 * W), ORDER).add(k2).fma(a2, b2);
                FloatVector z3 = fromByteBuffer(SPECIES, xs, at + STEP * (i + 3 * W), ORDER).add(k3).fma(a3, b3);
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
                float z = Math.fma(get(x, atX + r * strideX + i * BYTES) + offsets[c], factors[c], shifts[c]);
                put(y, atY + r * strideY + i * BYTES, RELU && z <= 0 ? 0 : z);
            }
        }
    }

    /** Adds up the runs in each column of a period. */
    static void gradSums(FloatTables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs,
                         int length, float[] sums, float[] products) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        float[] offsets = tables.offset;
        float[] factors = tables.factor;
        float[] shifts = tables.shift;
        FloatVector none = zero(SPECIES);
        FloatVector k0 = fromArray(SPECIES, offsets, 0);
        FloatVector k1 = fromArray(SPECIES, offsets, W);
        FloatVector k2 = fromArray(SPECIES, offsets, 2 * W);
        FloatVector k3 = fromArray(SPECIES, offsets, 3 * W);
        FloatVector a0 = fromArray(SPECIES, factors, 0);
        FloatVector a1 = fromArray(SPECIES, factors, W);
        FloatVector a2 = fromArray(SPECIES, factors, 2 * W);
        FloatVector a3 = fromArray(SPECIES, factors, 3 * W);
        FloatVector b0 = fromArray(SPECIES, shifts, 0);
        FloatVector b1 = fromArray(SPECIES, shifts, W);
        FloatVector b2 = fromArray(SPECIES, shifts, 2 * W);
        FloatVector b3 = fromArray(SPECIES, shifts, 3 * W);
        FloatVector s0 = none;
        FloatVector s1 = none;
        FloatVector s2 = none;
        FloatVector s3 = none;
        FloatVector p0 = none;
        FloatVector p1 = none;
        FloatVector p2 = none;
        FloatVector p3 = none;
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            for (int i = 0; i <= length - PERIOD; i += PERIOD) {
                FloatVector d0 = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k0);
                FloatVector d1 = fromByteBuffer(SPECIES, xs, at + STEP * (i + W), ORDER).add(k1);
                FloatVector d2 = fromByteBuffer(SPECIES, xs, at + STEP * (i + 2 * W), ORDER).add(k2);
                FloatVector d3 = fromByteBuffer(SPECIES, xs, at + STEP * (i + 3 * W), ORDER).add(k3);
                FloatVector g0 = fromByteBuffer(SPECIES, dys, grad + STEP * i, ORDER);
                FloatVector g1 = fromByteBuffer(SPECIES, dys, grad + STEP * (i + W), ORDER);
                FloatVector g2 = fromByteBuffer(SPECIES, dys, grad + STEP * (i + 2 * W), ORDER);
                FloatVector g3 = fromByteBuffer(SPECIES, dys, grad + STEP * (i + 3 * W), ORDER);
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
                float d = get(x, atX + r * strideX + i * BYTES) + offsets[c];
                float g = RELU && Math.fma(d, factors[c], shifts[c]) <= 0 ? 0 : get(dy, atDy + r * strideDy + i * BYTES);
                sums[c] += g;
                products[c] = Math.fma(g, d, products[c]);
            }
        }
    }

    static void affineGrad(FloatTables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx,
                           int atDx, int strideDx, int runs, int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        var dxs = Lanes.of(dx);
        var startDx = Lanes.base(dx) + atDx;
        float[] offsets = tables.offset;
        float[] factors = tables.factor;
        float[] shifts = tables.shift;
        float[] scales = tables.scale;
        float[] slopes = tables.slope;
        float[] gradShifts = tables.gradShift;
        FloatVector none = zero(SPECIES);
        FloatVector k0 = fromArray(SPECIES, offsets, 0);
        FloatVector k1 = fromArray(SPECIES, offsets, W);
        FloatVector k2 = fromArray(SPECIES, offsets, 2 * W);
        FloatVector k3 = fromArray(SPECIES, offsets, 3 * W);
        FloatVector a0 = fromArray(SPECIES, factors, 0);
        FloatVector a1 = fromArray(SPECIES, factors, W);
        FloatVector a2 = fromArray(SPECIES, factors, 2 * W);
        FloatVector a3 = fromArray(SPECIES, factors, 3 * W);
        FloatVector b0 = fromArray(SPECIES, shifts, 0);
        FloatVector b1 = fromArray(SPECIES, shifts, W);
        FloatVector b2 = fromArray(SPECIES, shifts, 2 * W);
        FloatVector b3 = fromArray(SPECIES, shifts, 3 * W);
        FloatVector s0 = fromArray(SPECIES, scales, 0);
        FloatVector s1 = fromArray(SPECIES, scales, W);
        FloatVector s2 = fromArray(SPECIES, scales, 2 * W);
        FloatVector s3 = fromArray(SPECIES, scales, 3 * W);
        FloatVector q0 = fromArray(SPECIES, slopes, 0);
        FloatVector q1 = fromArray(SPECIES, slopes, W);
        FloatVector q2 = fromArray(SPECIES, slopes, 2 * W);
        FloatVector q3 = fromArray(SPECIES, slopes, 3 * W);
        FloatVector o0 = fromArray(SPECIES, gradShifts, 0);
        FloatVector o1 = fromArray(SPECIES, gradShifts, W);
        FloatVector o2 = fromArray(SPECIES, gradShifts, 2 * W);
        FloatVector o3 = fromArray(SPECIES, gradShifts, 3 * W);
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            var into = startDx + r * strideDx;
            int i = 0;
            for (; i <= length - PERIOD; i += PERIOD) {
                FloatVector d0 = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k0);
                FloatVector d1 = fromByteBuffer(SPECIES, xs, at + STEP * (i + W), ORDER).add(k1);
                FloatVector d2 = fromByteBuffer(SPECIES, xs, at + STEP * (i + 2 * W), ORDER).add(k2);
                FloatVector d3 = fromByteBuffer(SPECIES, xs, at + STEP * (i + 3 * W), ORDER).add(k3);
                FloatVector g0 = fromByteBuffer(SPECIES, dys, grad + STEP * i, ORDER);
                FloatVector g1 = fromByteBuffer(SPECIES, dys, grad + STEP * (i + W), ORDER);
                FloatVector g2 = fromByteBuffer(SPECIES, dys, grad + STEP * (i + 2 * W), ORDER);
                FloatVector g3 = fromByteBuffer(SPECIES, dys, grad + STEP * (i + 3 * W), ORDER);
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
                float d = get(x, atX + r * strideX + i * BYTES) + offsets[c];
                float g = RELU && Math.fma(d, factors[c], shifts[c]) <= 0 ? 0 : get(dy, atDy + r * strideDy + i * BYTES);
                put(dx, atDx + r * strideDx + i * BYTES, Math.fma(g, scales[c], Math.fma(d, slopes[c], gradShifts[c])));
            }
        }
    }
}
