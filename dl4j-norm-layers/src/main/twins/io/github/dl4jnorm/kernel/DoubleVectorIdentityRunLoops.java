// SPDX-License-Identifier: Apache-2.0
// Derived from FloatVectorIdentityRunLoops.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.DoubleVectors.BRIEF;
import static io.github.dl4jnorm.kernel.DoubleVectors.BYTES;
import static io.github.dl4jnorm.kernel.DoubleVectors.LAST;
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
 * The loops of {@link DoubleVectorRunOps} with the activation identity.
 *
 * <p>Runs may be short, so what is done once for each counts: the loop over them is in the method of the loop over elements, and
 * that is left to the compiler to unroll. What it puts before and behind an unrolled loop takes longer than a few vectors, so
 * brief runs have loops of their own, with one vector in each step: those of maps cannot be unrolled, as the last step is shorter
 * than the others, and those of sums begin with the last vector, which is the one that overlaps another. Runs shorter than a
 * vector, and those whose channels need a zoom, which few do, go element by element, through the same fused multiply-adds.
 */
final class DoubleVectorIdentityRunLoops {
    /** A constant: the compiler leaves out a branch that is never taken. */
    private static final boolean RELU = false;

    private DoubleVectorIdentityRunLoops() {
    }

    static void affine(DoubleTables tables, Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs,
                       int from, int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var ys = Lanes.of(y);
        var startY = Lanes.base(y) + atY;
        DoubleVector none = zero(SPECIES);
        boolean each = tables.zoomed || length < W;
        boolean brief = !each && length <= BRIEF;
        for (int r = 0; brief && r < runs; r++) {
            var in = startX + r * strideX;
            var out = startY + r * strideY;
            DoubleVector k = broadcast(SPECIES, tables.offset[from + r]);
            DoubleVector a = broadcast(SPECIES, tables.factor[from + r]);
            DoubleVector b = broadcast(SPECIES, tables.shift[from + r]);
            int i = 0;
            while (true) {
                DoubleVector d = fromByteBuffer(SPECIES, xs, in + STEP * i, ORDER).add(k);
                DoubleVector z = d.fma(a, b);
                if (RELU) {
                    z = z.blend(none, z.compare(LE, none));
                }
                z.intoByteBuffer(ys, out + STEP * i, ORDER);
                if (i == length - W) {
                    break;
                }
                i = Math.min(i + W, length - W);
            }
        }
        for (int r = 0; !brief && !each && r < runs; r++) {
            var in = startX + r * strideX;
            var out = startY + r * strideY;
            DoubleVector k = broadcast(SPECIES, tables.offset[from + r]);
            DoubleVector a = broadcast(SPECIES, tables.factor[from + r]);
            DoubleVector b = broadcast(SPECIES, tables.shift[from + r]);
            int i = 0;
            for (; i <= length - W; i += W) {
                DoubleVector d = fromByteBuffer(SPECIES, xs, in + STEP * i, ORDER).add(k);
                DoubleVector z = d.fma(a, b);
                if (RELU) {
                    z = z.blend(none, z.compare(LE, none));
                }
                z.intoByteBuffer(ys, out + STEP * i, ORDER);
            }
            if (i < length) {
                int begin = length - W;
                DoubleVector d = fromByteBuffer(SPECIES, xs, in + STEP * begin, ORDER).add(k);
                DoubleVector z = d.fma(a, b);
                if (RELU) {
                    z = z.blend(none, z.compare(LE, none));
                }
                z.intoByteBuffer(ys, out + STEP * begin, ORDER);
            }
        }
        for (int r = 0; each && r < runs; r++) {
            int c = from + r;
            for (int i = 0; i < length; i++) {
                double d = Math.fma(get(x, atX + r * strideX + i * BYTES), tables.zoom[c], tables.offset[c]);
                double z = Math.fma(d, tables.factor[c], tables.shift[c]);
                put(y, atY + r * strideY + i * BYTES, RELU && z <= 0 ? 0 : z);
            }
        }
    }

    /** Leaves the sums of each run in W elements, not added up. */
    static void sums(DoubleTables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs,
                     int from, int length, double[] sums, double[] products) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        DoubleVector none = zero(SPECIES);
        int rest = length % W;
        boolean each = tables.zoomed || length < W;
        boolean brief = !each && length <= BRIEF;
        int whole = (length - 1) / W * W;
        for (int r = 0; brief && r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            DoubleVector k = broadcast(SPECIES, tables.offset[from + r]);
            DoubleVector a = RELU ? broadcast(SPECIES, tables.factor[from + r]) : none;
            DoubleVector b = RELU ? broadcast(SPECIES, tables.shift[from + r]) : none;
            DoubleVector d = fromByteBuffer(SPECIES, xs, at + STEP * (length - W), ORDER).add(k);
            DoubleVector g = fromByteBuffer(SPECIES, dys, grad + STEP * (length - W), ORDER);
            if (RELU) {
                g = g.blend(none, d.fma(a, b).compare(LE, none));
            }
            DoubleVector s = g.blend(none, fromArray(SPECIES, LAST, length - whole).compare(LE, none));
            DoubleVector p = s.mul(d.blend(none, fromArray(SPECIES, LAST, length - whole).compare(LE, none)));
            int i = whole;
            while (i > 0) {
                i -= W;
                d = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k);
                g = fromByteBuffer(SPECIES, dys, grad + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, d.fma(a, b).compare(LE, none));
                }
                s = s.add(g);
                p = g.fma(d, p);
            }
            s.intoArray(sums, r * W);
            p.intoArray(products, r * W);
        }
        for (int r = 0; !brief && !each && r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            DoubleVector k = broadcast(SPECIES, tables.offset[from + r]);
            DoubleVector a = RELU ? broadcast(SPECIES, tables.factor[from + r]) : none;
            DoubleVector b = RELU ? broadcast(SPECIES, tables.shift[from + r]) : none;
            DoubleVector s0 = zero(SPECIES);
            DoubleVector s1 = zero(SPECIES);
            DoubleVector p0 = zero(SPECIES);
            DoubleVector p1 = zero(SPECIES);
            int i = 0;
            for (; i <= length - 2 * W; i += 2 * W) {
                DoubleVector d0 = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k);
                DoubleVector d1 = fromByteBuffer(SPECIES, xs, at + STEP * (i + W), ORDER).add(k);
                DoubleVector g0 = fromByteBuffer(SPECIES, dys, grad + STEP * i, ORDER);
                DoubleVector g1 = fromByteBuffer(SPECIES, dys, grad + STEP * (i + W), ORDER);
                if (RELU) {
                    g0 = g0.blend(none, d0.fma(a, b).compare(LE, none));
                    g1 = g1.blend(none, d1.fma(a, b).compare(LE, none));
                }
                s0 = s0.add(g0);
                s1 = s1.add(g1);
                p0 = g0.fma(d0, p0);
                p1 = g1.fma(d1, p1);
            }
            if (i <= length - W) {
                DoubleVector d = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k);
                DoubleVector g = fromByteBuffer(SPECIES, dys, grad + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, d.fma(a, b).compare(LE, none));
                }
                s0 = s0.add(g);
                p0 = g.fma(d, p0);
            }
            if (rest > 0) {
                DoubleVector d = fromByteBuffer(SPECIES, xs, at + STEP * (length - W), ORDER).add(k);
                DoubleVector g = fromByteBuffer(SPECIES, dys, grad + STEP * (length - W), ORDER);
                if (RELU) {
                    g = g.blend(none, d.fma(a, b).compare(LE, none));
                }
                g = g.blend(none, fromArray(SPECIES, LAST, rest).compare(LE, none));
                d = d.blend(none, fromArray(SPECIES, LAST, rest).compare(LE, none));
                s1 = s1.add(g);
                p1 = g.fma(d, p1);
            }
            s0.add(s1).intoArray(sums, r * W);
            p0.add(p1).intoArray(products, r * W);
        }
        for (int r = 0; each && r < runs; r++) {
            int c = from + r;
            double sum = 0;
            double product = 0;
            for (int i = 0; i < length; i++) {
                double d = Math.fma(get(x, atX + r * strideX + i * BYTES), tables.zoom[c], tables.offset[c]);
                double z = Math.fma(d, tables.factor[c], tables.shift[c]);
                double g = RELU && z <= 0 ? 0 : get(dy, atDy + r * strideDy + i * BYTES);
                sum += g;
                product += (double) g * d;
            }
            none.intoArray(sums, r * W);
            none.intoArray(products, r * W);
            sums[r * W] = (double) sum;
            products[r * W] = (double) product;
        }
    }

    static void grad(DoubleTables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx,
                     int atDx, int strideDx, int runs, int from, int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        var dxs = Lanes.of(dx);
        var startDx = Lanes.base(dx) + atDx;
        DoubleVector none = zero(SPECIES);
        boolean each = tables.zoomed || length < W;
        boolean brief = !each && length <= BRIEF;
        for (int r = 0; brief && r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            var out = startDx + r * strideDx;
            DoubleVector k = broadcast(SPECIES, tables.offset[from + r]);
            DoubleVector a = RELU ? broadcast(SPECIES, tables.factor[from + r]) : none;
            DoubleVector b = RELU ? broadcast(SPECIES, tables.shift[from + r]) : none;
            DoubleVector s = broadcast(SPECIES, tables.scale[from + r]);
            DoubleVector q = broadcast(SPECIES, tables.slope[from + r]);
            DoubleVector o = broadcast(SPECIES, tables.gradShift[from + r]);
            int i = 0;
            while (true) {
                DoubleVector d = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k);
                DoubleVector g = fromByteBuffer(SPECIES, dys, grad + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, d.fma(a, b).compare(LE, none));
                }
                g.fma(s, d.fma(q, o)).intoByteBuffer(dxs, out + STEP * i, ORDER);
                if (i == length - W) {
                    break;
                }
                i = Math.min(i + W, length - W);
            }
        }
        for (int r = 0; !brief && !each && r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            var out = startDx + r * strideDx;
            DoubleVector k = broadcast(SPECIES, tables.offset[from + r]);
            DoubleVector a = RELU ? broadcast(SPECIES, tables.factor[from + r]) : none;
            DoubleVector b = RELU ? broadcast(SPECIES, tables.shift[from + r]) : none;
            DoubleVector s = broadcast(SPECIES, tables.scale[from + r]);
            DoubleVector q = broadcast(SPECIES, tables.slope[from + r]);
            DoubleVector o = broadcast(SPECIES, tables.gradShift[from + r]);
            int i = 0;
            for (; i <= length - W; i += W) {
                DoubleVector d = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k);
                DoubleVector g = fromByteBuffer(SPECIES, dys, grad + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, d.fma(a, b).compare(LE, none));
                }
                g.fma(s, d.fma(q, o)).intoByteBuffer(dxs, out + STEP * i, ORDER);
            }
            if (i < length) {
                int begin = length - W;
                DoubleVector d = fromByteBuffer(SPECIES, xs, at + STEP * begin, ORDER).add(k);
                DoubleVector g = fromByteBuffer(SPECIES, dys, grad + STEP * begin, ORDER);
                if (RELU) {
                    g = g.blend(none, d.fma(a, b).compare(LE, none));
                }
                g.fma(s, d.fma(q, o)).intoByteBuffer(dxs, out + STEP * begin, ORDER);
            }
        }
        for (int r = 0; each && r < runs; r++) {
            int c = from + r;
            for (int i = 0; i < length; i++) {
                double d = Math.fma(get(x, atX + r * strideX + i * BYTES), tables.zoom[c], tables.offset[c]);
                double z = Math.fma(d, tables.factor[c], tables.shift[c]);
                double g = RELU && z <= 0 ? 0 : get(dy, atDy + r * strideDy + i * BYTES);
                put(dx, atDx + r * strideDx + i * BYTES,
                        Math.fma(g, tables.scale[c], Math.fma(d, tables.slope[c], tables.gradShift[c])));
            }
        }
    }
}
