// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.FloatVectors.BYTES;
import static io.github.dl4jnorm.kernel.FloatVectors.ORDER;
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
 * The loops of {@link FloatVectorColumnOps} with the activation identity: a class for each activation, as what one does
 * not need, a test in the loop would compute all the same.
 *
 * <p>They go along one run after the other, in the order of memory. Four runs at once, with what belongs to a column loaded
 * for all of them, were a third faster in the cache; but of arrays beyond it the gradient took up to twice as long. The loops
 * that matter leave out the zoom, which is 1 but for numbers at the ends of the range.
 */
final class FloatVectorIdentityColumnLoops {
    /** A constant: the compiler leaves out a branch that is never taken. */
    private static final boolean RELU = false;

    private FloatVectorIdentityColumnLoops() {
    }

    static void affine(FloatTables tables, Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs,
                       int from, int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var ys = Lanes.of(y);
        var startY = Lanes.base(y) + atY;
        float[] zooms = tables.zoom;
        float[] offsets = tables.offset;
        float[] factors = tables.factor;
        float[] shifts = tables.shift;
        FloatVector none = zero(SPECIES);
        int whole = tables.zoomed ? 0 : length - length % W;
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var into = startY + r * strideY;
            for (int i = 0; i <= whole - W; i += W) {
                FloatVector k = fromArray(SPECIES, offsets, from + i);
                FloatVector a = fromArray(SPECIES, factors, from + i);
                FloatVector b = fromArray(SPECIES, shifts, from + i);
                FloatVector d = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k);
                FloatVector z = d.fma(a, b);
                if (RELU) {
                    z = z.blend(none, z.compare(LE, none));
                }
                z.intoByteBuffer(ys, into + STEP * i, ORDER);
            }
        }
        for (int r = 0; whole < length && r < runs; r++) {
            for (int i = whole; i < length; i++) {
                int c = from + i;
                float d = Math.fma(get(x, atX + r * strideX + i * BYTES), zooms[c], offsets[c]);
                float z = Math.fma(d, factors[c], shifts[c]);
                put(y, atY + r * strideY + i * BYTES, RELU && z <= 0 ? 0 : z);
            }
        }
    }

    /** Adds up the runs in each column. */
    static void gradSums(FloatTables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs,
                         int from, int length, float[] sums, float[] products) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        float[] zooms = tables.zoom;
        float[] offsets = tables.offset;
        float[] factors = tables.factor;
        float[] shifts = tables.shift;
        FloatVector none = zero(SPECIES);
        int whole = tables.zoomed ? 0 : length - length % W;
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            for (int i = 0; i <= whole - W; i += W) {
                FloatVector d = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(fromArray(SPECIES, offsets, from + i));
                FloatVector g = fromByteBuffer(SPECIES, dys, grad + STEP * i, ORDER);
                if (RELU) {
                    FloatVector z = d.fma(fromArray(SPECIES, factors, from + i), fromArray(SPECIES, shifts, from + i));
                    g = g.blend(none, z.compare(LE, none));
                }
                fromArray(SPECIES, sums, i).add(g).intoArray(sums, i);
                g.fma(d, fromArray(SPECIES, products, i)).intoArray(products, i);
            }
        }
        for (int r = 0; whole < length && r < runs; r++) {
            for (int i = whole; i < length; i++) {
                int c = from + i;
                float d = Math.fma(get(x, atX + r * strideX + i * BYTES), zooms[c], offsets[c]);
                float z = Math.fma(d, factors[c], shifts[c]);
                float g = RELU && z <= 0 ? 0 : get(dy, atDy + r * strideDy + i * BYTES);
                sums[i] += g;
                products[i] = Math.fma(g, d, products[i]);
            }
        }
    }

    static void affineGrad(FloatTables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx,
                           int atDx, int strideDx, int runs, int from, int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        var dxs = Lanes.of(dx);
        var startDx = Lanes.base(dx) + atDx;
        float[] zooms = tables.zoom;
        float[] offsets = tables.offset;
        float[] factors = tables.factor;
        float[] shifts = tables.shift;
        float[] scales = tables.scale;
        float[] slopes = tables.slope;
        float[] gradShifts = tables.gradShift;
        FloatVector none = zero(SPECIES);
        int whole = tables.zoomed ? 0 : length - length % W;
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            var into = startDx + r * strideDx;
            for (int i = 0; i <= whole - W; i += W) {
                FloatVector k = fromArray(SPECIES, offsets, from + i);
                FloatVector a = fromArray(SPECIES, factors, from + i);
                FloatVector b = fromArray(SPECIES, shifts, from + i);
                FloatVector s = fromArray(SPECIES, scales, from + i);
                FloatVector q = fromArray(SPECIES, slopes, from + i);
                FloatVector o = fromArray(SPECIES, gradShifts, from + i);
                FloatVector d = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).add(k);
                FloatVector g = fromByteBuffer(SPECIES, dys, grad + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, d.fma(a, b).compare(LE, none));
                }
                g.fma(s, d.fma(q, o)).intoByteBuffer(dxs, into + STEP * i, ORDER);
            }
        }
        for (int r = 0; whole < length && r < runs; r++) {
            for (int i = whole; i < length; i++) {
                int c = from + i;
                float d = Math.fma(get(x, atX + r * strideX + i * BYTES), zooms[c], offsets[c]);
                float z = Math.fma(d, factors[c], shifts[c]);
                float g = RELU && z <= 0 ? 0 : get(dy, atDy + r * strideDy + i * BYTES);
                put(dx, atDx + r * strideDx + i * BYTES, Math.fma(g, scales[c], Math.fma(d, slopes[c], gradShifts[c])));
            }
        }
    }
}
