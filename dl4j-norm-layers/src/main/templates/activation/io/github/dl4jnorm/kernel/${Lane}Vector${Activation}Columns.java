// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.ORDER;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.SPECIES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.STEP;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.get;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.put;
import static jdk.incubator.vector.${Lane}Vector.fromArray;
import static jdk.incubator.vector.${Lane}Vector.zero;
import static jdk.incubator.vector.${Lane}Vector.@{load};
import static jdk.incubator.vector.VectorOperators.LE;

import jdk.incubator.vector.${Lane}Vector;

/**
 * The loops of {@link ${Lane}VectorColumns} with the activation ${activation}: a class for each activation, as what one does
 * not need, a test in the loop would compute all the same.
 *
 * <p>They go along one run after the other, in the order of memory. Four runs at once, with what belongs to a column loaded
 * for all of them, were a third faster in the cache; but of arrays beyond it the gradient took up to twice as long. The loops
 * that matter leave out the zoom, which is 1 but for numbers at the ends of the range.
 */
final class ${Lane}Vector${Activation}Columns {
    private static final boolean RELU = ${relu};

    private ${Lane}Vector${Activation}Columns() {
    }

    static void affine(${Lane}Tables tables, Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs,
                       int from, int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var ys = Lanes.of(y);
        var startY = Lanes.base(y) + atY;
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] shifts = tables.shift;
        ${Lane}Vector none = zero(SPECIES);
        int whole = tables.zoomed ? 0 : length - length % W;
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var into = startY + r * strideY;
            for (int i = 0; i <= whole - W; i += W) {
                ${Lane}Vector k = fromArray(SPECIES, offsets, from + i);
                ${Lane}Vector a = fromArray(SPECIES, factors, from + i);
                ${Lane}Vector b = fromArray(SPECIES, shifts, from + i);
                ${Lane}Vector d = @{load}(SPECIES, xs, at + STEP * i, ORDER).add(k);
                ${Lane}Vector z = d.fma(a, b);
                if (RELU) {
                    z = z.blend(none, z.compare(LE, none));
                }
                z.@{store}(ys, into + STEP * i, ORDER);
            }
        }
        for (int r = 0; whole < length && r < runs; r++) {
            for (int i = whole; i < length; i++) {
                int c = from + i;
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zooms[c], offsets[c]);
                ${lane} z = Math.fma(d, factors[c], shifts[c]);
                put(y, atY + r * strideY + i * BYTES, RELU && z <= 0 ? 0 : z);
            }
        }
    }

    /** Adds up the runs in each column. */
    static void gradSums(${Lane}Tables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs,
                         int from, int length, ${lane}[] sums, ${lane}[] products) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] shifts = tables.shift;
        ${Lane}Vector none = zero(SPECIES);
        int whole = tables.zoomed ? 0 : length - length % W;
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            for (int i = 0; i <= whole - W; i += W) {
                ${Lane}Vector d = @{load}(SPECIES, xs, at + STEP * i, ORDER).add(fromArray(SPECIES, offsets, from + i));
                ${Lane}Vector g = @{load}(SPECIES, dys, grad + STEP * i, ORDER);
                if (RELU) {
                    ${Lane}Vector z = d.fma(fromArray(SPECIES, factors, from + i), fromArray(SPECIES, shifts, from + i));
                    g = g.blend(none, z.compare(LE, none));
                }
                fromArray(SPECIES, sums, i).add(g).intoArray(sums, i);
                g.fma(d, fromArray(SPECIES, products, i)).intoArray(products, i);
            }
        }
        for (int r = 0; whole < length && r < runs; r++) {
            for (int i = whole; i < length; i++) {
                int c = from + i;
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zooms[c], offsets[c]);
                ${lane} z = Math.fma(d, factors[c], shifts[c]);
                ${lane} g = RELU && z <= 0 ? 0 : get(dy, atDy + r * strideDy + i * BYTES);
                sums[i] += g;
                products[i] = Math.fma(g, d, products[i]);
            }
        }
    }

    static void affineGrad(${Lane}Tables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx,
                           int atDx, int strideDx, int runs, int from, int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        var dxs = Lanes.of(dx);
        var startDx = Lanes.base(dx) + atDx;
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] shifts = tables.shift;
        ${lane}[] scales = tables.scale;
        ${lane}[] slopes = tables.slope;
        ${lane}[] gradShifts = tables.gradShift;
        ${Lane}Vector none = zero(SPECIES);
        int whole = tables.zoomed ? 0 : length - length % W;
        for (int r = 0; r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            var into = startDx + r * strideDx;
            for (int i = 0; i <= whole - W; i += W) {
                ${Lane}Vector k = fromArray(SPECIES, offsets, from + i);
                ${Lane}Vector a = fromArray(SPECIES, factors, from + i);
                ${Lane}Vector b = fromArray(SPECIES, shifts, from + i);
                ${Lane}Vector s = fromArray(SPECIES, scales, from + i);
                ${Lane}Vector q = fromArray(SPECIES, slopes, from + i);
                ${Lane}Vector o = fromArray(SPECIES, gradShifts, from + i);
                ${Lane}Vector d = @{load}(SPECIES, xs, at + STEP * i, ORDER).add(k);
                ${Lane}Vector g = @{load}(SPECIES, dys, grad + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, d.fma(a, b).compare(LE, none));
                }
                g.fma(s, d.fma(q, o)).@{store}(dxs, into + STEP * i, ORDER);
            }
        }
        for (int r = 0; whole < length && r < runs; r++) {
            for (int i = whole; i < length; i++) {
                int c = from + i;
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zooms[c], offsets[c]);
                ${lane} z = Math.fma(d, factors[c], shifts[c]);
                ${lane} g = RELU && z <= 0 ? 0 : get(dy, atDy + r * strideDy + i * BYTES);
                put(dx, atDx + r * strideDx + i * BYTES, Math.fma(g, scales[c], Math.fma(d, slopes[c], gradShifts[c])));
            }
        }
    }
}
