// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.Lanes.load${Lane};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.of;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.${activation};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.zero;

import jdk.incubator.vector.${Lane}Vector;

/**
 * The loops of {@link ${Lane}VectorColumns} over whole vectors of runs that need no zoom, with the activation ${activation}: a
 * class for each activation, as what one does not need, a test in the loop would compute all the same.
 */
final class ${Lane}Vector${Activation}Columns {
    /** Maps go along as many runs at once: what belongs to a column is loaded once for all of them. */
    static final int TOGETHER = 4;

    private ${Lane}Vector${Activation}Columns() {
    }

    /** Does runs as many as are a multiple of {@link #TOGETHER}. */
    static void affine(${Lane}Tables tables, Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs,
                       int from, int whole) {
        var xs = Lanes.of(x);
        var ys = Lanes.of(y);
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] shifts = tables.shift;
        ${Lane}Vector none = zero();
        for (int r = 0; r < runs; r += TOGETHER) {
            int at0 = atX + r * strideX;
            int at1 = at0 + strideX;
            int at2 = at1 + strideX;
            int at3 = at2 + strideX;
            int into0 = atY + r * strideY;
            int into1 = into0 + strideY;
            int into2 = into1 + strideY;
            int into3 = into2 + strideY;
            for (int i = 0; i <= whole - W; i += W) {
                ${Lane}Vector k = of(offsets, from + i);
                ${Lane}Vector a = of(factors, from + i);
                ${Lane}Vector b = of(shifts, from + i);
                ${Lane}Vector d0 = load${Lane}(xs, at0, i).add(k);
                ${Lane}Vector d1 = load${Lane}(xs, at1, i).add(k);
                ${Lane}Vector d2 = load${Lane}(xs, at2, i).add(k);
                ${Lane}Vector d3 = load${Lane}(xs, at3, i).add(k);
                // Written twice, computed once: the compiler would make an object of a vector used twice.
                Lanes.store(${activation}(d0.fma(a, b), d0.fma(a, b), none), ys, into0, i);
                Lanes.store(${activation}(d1.fma(a, b), d1.fma(a, b), none), ys, into1, i);
                Lanes.store(${activation}(d2.fma(a, b), d2.fma(a, b), none), ys, into2, i);
                Lanes.store(${activation}(d3.fma(a, b), d3.fma(a, b), none), ys, into3, i);
            }
        }
    }

    /** Adds up the runs in each column. */
    static void gradSums(${Lane}Tables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs,
                         int from, int whole, ${lane}[] sums, ${lane}[] products) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] shifts = tables.shift;
        ${Lane}Vector none = zero();
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
    }

    /** Does runs as many as are a multiple of {@link #TOGETHER}. */
    static void affineGrad(${Lane}Tables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx,
                           int atDx, int strideDx, int runs, int from, int whole) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        var dxs = Lanes.of(dx);
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] shifts = tables.shift;
        ${lane}[] scales = tables.scale;
        ${lane}[] slopes = tables.slope;
        ${lane}[] gradShifts = tables.gradShift;
        ${Lane}Vector none = zero();
        for (int r = 0; r < runs; r += TOGETHER) {
            int at0 = atX + r * strideX;
            int at1 = at0 + strideX;
            int at2 = at1 + strideX;
            int at3 = at2 + strideX;
            int grad0 = atDy + r * strideDy;
            int grad1 = grad0 + strideDy;
            int grad2 = grad1 + strideDy;
            int grad3 = grad2 + strideDy;
            int into0 = atDx + r * strideDx;
            int into1 = into0 + strideDx;
            int into2 = into1 + strideDx;
            int into3 = into2 + strideDx;
            for (int i = 0; i <= whole - W; i += W) {
                ${Lane}Vector k = of(offsets, from + i);
                ${Lane}Vector a = of(factors, from + i);
                ${Lane}Vector b = of(shifts, from + i);
                ${Lane}Vector s = of(scales, from + i);
                ${Lane}Vector q = of(slopes, from + i);
                ${Lane}Vector o = of(gradShifts, from + i);
                ${Lane}Vector d0 = load${Lane}(xs, at0, i).add(k);
                ${Lane}Vector d1 = load${Lane}(xs, at1, i).add(k);
                ${Lane}Vector d2 = load${Lane}(xs, at2, i).add(k);
                ${Lane}Vector d3 = load${Lane}(xs, at3, i).add(k);
                ${Lane}Vector g0 = ${activation}(load${Lane}(dys, grad0, i), d0.fma(a, b), none);
                ${Lane}Vector g1 = ${activation}(load${Lane}(dys, grad1, i), d1.fma(a, b), none);
                ${Lane}Vector g2 = ${activation}(load${Lane}(dys, grad2, i), d2.fma(a, b), none);
                ${Lane}Vector g3 = ${activation}(load${Lane}(dys, grad3, i), d3.fma(a, b), none);
                Lanes.store(g0.fma(s, d0.fma(q, o)), dxs, into0, i);
                Lanes.store(g1.fma(s, d1.fma(q, o)), dxs, into1, i);
                Lanes.store(g2.fma(s, d2.fma(q, o)), dxs, into2, i);
                Lanes.store(g3.fma(s, d3.fma(q, o)), dxs, into3, i);
            }
        }
    }
}
