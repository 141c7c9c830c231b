// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.Lanes.load${Lane};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.get;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.of;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.put;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.${activation};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.zero;

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
    private ${Lane}Vector${Activation}Columns() {
    }

    static void affine(${Lane}Tables tables, Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs,
                       int from, int length) {
        var xs = Lanes.of(x);
        var ys = Lanes.of(y);
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] shifts = tables.shift;
        ${Lane}Vector none = zero();
        int whole = tables.zoomed ? 0 : length - length % W;
        for (int r = 0; r < runs; r++) {
            int at = atX + r * strideX;
            int into = atY + r * strideY;
            for (int i = 0; i <= whole - W; i += W) {
                ${Lane}Vector k = of(offsets, from + i);
                ${Lane}Vector a = of(factors, from + i);
                ${Lane}Vector b = of(shifts, from + i);
                ${Lane}Vector d = load${Lane}(xs, at, i).add(k);
                // Written twice, computed once: the compiler would make an object of a vector used twice.
                Lanes.store(${activation}(d.fma(a, b), d.fma(a, b), none), ys, into, i);
            }
        }
        for (int r = 0; whole < length && r < runs; r++) {
            for (int i = whole; i < length; i++) {
                int c = from + i;
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zooms[c], offsets[c]);
                ${lane} z = Math.fma(d, factors[c], shifts[c]);
                put(y, atY + r * strideY + i * BYTES, ${activation}(z, z));
            }
        }
    }

    /** Adds up the runs in each column. */
    static void gradSums(${Lane}Tables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs,
                         int from, int length, ${lane}[] sums, ${lane}[] products) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] shifts = tables.shift;
        ${Lane}Vector none = zero();
        int whole = tables.zoomed ? 0 : length - length % W;
        for (int r = 0; r < runs; r++) {
            int at = atX + r * strideX;
            int grad = atDy + r * strideDy;
            for (int i = 0; i <= whole - W; i += W) {
                ${Lane}Vector d = load${Lane}(xs, at, i).add(of(offsets, from + i));
                ${Lane}Vector z = d.fma(of(factors, from + i), of(shifts, from + i));
                ${Lane}Vector g = ${activation}(load${Lane}(dys, grad, i), z, none);
                of(sums, i).add(g).intoArray(sums, i);
                g.fma(d, of(products, i)).intoArray(products, i);
            }
        }
        for (int r = 0; whole < length && r < runs; r++) {
            for (int i = whole; i < length; i++) {
                int c = from + i;
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zooms[c], offsets[c]);
                ${lane} g = ${activation}(get(dy, atDy + r * strideDy + i * BYTES), Math.fma(d, factors[c], shifts[c]));
                sums[i] += g;
                products[i] = Math.fma(g, d, products[i]);
            }
        }
    }

    static void affineGrad(${Lane}Tables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx,
                           int atDx, int strideDx, int runs, int from, int length) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        var dxs = Lanes.of(dx);
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] shifts = tables.shift;
        ${lane}[] scales = tables.scale;
        ${lane}[] slopes = tables.slope;
        ${lane}[] gradShifts = tables.gradShift;
        ${Lane}Vector none = zero();
        int whole = tables.zoomed ? 0 : length - length % W;
        for (int r = 0; r < runs; r++) {
            int at = atX + r * strideX;
            int grad = atDy + r * strideDy;
            int into = atDx + r * strideDx;
            for (int i = 0; i <= whole - W; i += W) {
                ${Lane}Vector k = of(offsets, from + i);
                ${Lane}Vector a = of(factors, from + i);
                ${Lane}Vector b = of(shifts, from + i);
                ${Lane}Vector s = of(scales, from + i);
                ${Lane}Vector q = of(slopes, from + i);
                ${Lane}Vector o = of(gradShifts, from + i);
                ${Lane}Vector d = load${Lane}(xs, at, i).add(k);
                ${Lane}Vector g = ${activation}(load${Lane}(dys, grad, i), d.fma(a, b), none);
                Lanes.store(g.fma(s, d.fma(q, o)), dxs, into, i);
            }
        }
        for (int r = 0; whole < length && r < runs; r++) {
            for (int i = whole; i < length; i++) {
                int c = from + i;
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zooms[c], offsets[c]);
                ${lane} g = ${activation}(get(dy, atDy + r * strideDy + i * BYTES), Math.fma(d, factors[c], shifts[c]));
                put(dx, atDx + r * strideDx + i * BYTES, Math.fma(g, scales[c], Math.fma(d, slopes[c], gradShifts[c])));
            }
        }
    }
}
