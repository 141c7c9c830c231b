// SPDX-License-Identifier: Apache-2.0
// Derived from FloatVectorIdentityColumnLoops.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.DoubleVectors.BYTES;
import static io.github.dl4jnorm.kernel.DoubleVectors.ORDER;
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
 * The loops of {@link DoubleVectorColumnOps} with the activation identity: a class for each activation, as what one does
 * not need, a test in the loop would compute all the same.
 *
 * <p>They go along one run after the other, in the order of memory. Four runs at once, with what belongs to a column loaded
 * for all of them, were a third faster in the cache; but of arrays beyond it the gradient took up to twice as long. The loops
 * that matter leave out the zoom, which is 1 but for numbers at the ends of the range.
 */
final class DoubleVectorIdentityColumnLoops {
    /** A constant: the compiler leaves out a branch that is never taken. */
    private static final boolean RELU = false;

    private DoubleVectorIdentityColumnLoops() {
    }

    static void affine(DoubleTables tables, Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs,
                       int from, int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var ys = Lanes.of(y);
        var startY = Lanes.base(y) + atY;
        double[] zooms = tables.zoom;
        double[] offsets = tables.offset;
        double[] factors = tables.factor;
        double[] shifts = tables.shift;
        DoubleVector none = zero(SPECIES);
        int whole = tables.zoomed ? 0 : length - length % W;
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var into = startY + r * strideY;
            for (int i = 0; i <= whole - W; i += W) {
                DoubleVector k = fromArray(SPECIES, offsets, from + i);
                DoubleVector a = fromArray(SPECIES, factors, from + i);
                DoubleVector b = fromArray(SPECIES, shifts, from + i);
                DoubleVector d = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k);
                DoubleVector z = d.fma(a, b);
                if (RELU) {
                    z = z.blend(none, z.compare(LE, none));
                }
                z.intoByteBuffer(ys, into + STEP * i, ORDER);
            }
        }
        for (int r = 0; whole < length && r < runs; r++) {
            for (int i = whole; i < length; i++) {
                int c = from + i;
                double d = Math.fma(get(x, atX + r * strideX + i * BYTES), zooms[c], offsets[c]);
                double z = Math.fma(d, factors[c], shifts[c]);
                put(y, atY + r * strideY + i * BYTES, RELU && z <= 0 ? 0 : z);
            }
        }
    }

    /** Adds up the runs in each column. */
    static void gradSums(DoubleTables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs,
                         int from, int length, double[] sums, double[] products) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        double[] zooms = tables.zoom;
        double[] offsets = tables.offset;
        double[] factors = tables.factor;
        double[] shifts = tables.shift;
        DoubleVector none = zero(SPECIES);
        int whole = tables.zoomed ? 0 : length - length % W;
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            for (int i = 0; i <= whole - W; i += W) {
                DoubleVector d = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(fromArray(SPECIES, offsets, from + i));
                DoubleVector g = fromByteBuffer(SPECIES, dys, grad + STEP * i, ORDER);
                if (RELU) {
                    DoubleVector z = d.fma(fromArray(SPECIES, factors, from + i), fromArray(SPECIES, shifts, from + i));
                    g = g.blend(none, z.compare(LE, none));
                }
                fromArray(SPECIES, sums, i).add(g).intoArray(sums, i);
                g.fma(d, fromArray(SPECIES, products, i)).intoArray(products, i);
            }
        }
        for (int r = 0; whole < length && r < runs; r++) {
            for (int i = whole; i < length; i++) {
                int c = from + i;
                double d = Math.fma(get(x, atX + r * strideX + i * BYTES), zooms[c], offsets[c]);
                double z = Math.fma(d, factors[c], shifts[c]);
                double g = RELU && z <= 0 ? 0 : get(dy, atDy + r * strideDy + i * BYTES);
                sums[i] += g;
                products[i] = Math.fma(g, d, products[i]);
            }
        }
    }

    static void affineGrad(DoubleTables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx,
                           int atDx, int strideDx, int runs, int from, int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        var dxs = Lanes.of(dx);
        var startDx = Lanes.base(dx) + atDx;
        double[] zooms = tables.zoom;
        double[] offsets = tables.offset;
        double[] factors = tables.factor;
        double[] shifts = tables.shift;
        double[] scales = tables.scale;
        double[] slopes = tables.slope;
        double[] gradShifts = tables.gradShift;
        DoubleVector none = zero(SPECIES);
        int whole = tables.zoomed ? 0 : length - length % W;
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            var into = startDx + r * strideDx;
            for (int i = 0; i <= whole - W; i += W) {
                DoubleVector k = fromArray(SPECIES, offsets, from + i);
                DoubleVector a = fromArray(SPECIES, factors, from + i);
                DoubleVector b = fromArray(SPECIES, shifts, from + i);
                DoubleVector s = fromArray(SPECIES, scales, from + i);
                DoubleVector q = fromArray(SPECIES, slopes, from + i);
                DoubleVector o = fromArray(SPECIES, gradShifts, from + i);
                DoubleVector d = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k);
                DoubleVector g = fromByteBuffer(SPECIES, dys, grad + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, d.fma(a, b).compare(LE, none));
                }
                g.fma(s, d.fma(q, o)).intoByteBuffer(dxs, into + STEP * i, ORDER);
            }
        }
        for (int r = 0; whole < length && r < runs; r++) {
            for (int i = whole; i < length; i++) {
                int c = from + i;
                double d = Math.fma(get(x, atX + r * strideX + i * BYTES), zooms[c], offsets[c]);
                double z = Math.fma(d, factors[c], shifts[c]);
                double g = RELU && z <= 0 ? 0 : get(dy, atDy + r * strideDy + i * BYTES);
                put(dx, atDx + r * strideDx + i * BYTES, Math.fma(g, scales[c], Math.fma(d, slopes[c], gradShifts[c])));
            }
        }
    }
}
