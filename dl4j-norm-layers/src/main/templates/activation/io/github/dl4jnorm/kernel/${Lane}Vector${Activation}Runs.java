// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.Lanes.load${Lane};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.all;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.get;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.last;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.put;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.${activation};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.zero;

import jdk.incubator.vector.${Lane}Vector;

/**
 * The loops of {@link ${Lane}VectorRuns} with the activation ${activation}.
 *
 * <p>Runs may be short, so what is done once for each counts: the loop over them is in the method of the loop over
 * elements, and that is left to the compiler to unroll. Runs shorter than a vector, and those whose channels need a zoom,
 * which few do, go element by element, through the same fused multiply-adds.
 */
final class ${Lane}Vector${Activation}Runs {
    private ${Lane}Vector${Activation}Runs() {
    }

    static void affine(${Lane}Tables tables, Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs,
                       int from, int length) {
        var xs = Lanes.of(x);
        var ys = Lanes.of(y);
        ${Lane}Vector none = zero();
        boolean each = tables.zoomed || length < W;
        for (int r = 0; !each && r < runs; r++) {
            int in = atX + r * strideX;
            int out = atY + r * strideY;
            ${Lane}Vector k = all(tables.offset[from + r]);
            ${Lane}Vector a = all(tables.factor[from + r]);
            ${Lane}Vector b = all(tables.shift[from + r]);
            int i = 0;
            for (; i <= length - W; i += W) {
                ${Lane}Vector d = load${Lane}(xs, in, i).add(k);
                Lanes.store(${activation}(d.fma(a, b), d.fma(a, b), none), ys, out, i);
            }
            if (i < length) {
                int begin = length - W;
                ${Lane}Vector d = load${Lane}(xs, in, begin).add(k);
                Lanes.store(${activation}(d.fma(a, b), d.fma(a, b), none), ys, out, begin);
            }
        }
        for (int r = 0; each && r < runs; r++) {
            int c = from + r;
            for (int i = 0; i < length; i++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), tables.zoom[c], tables.offset[c]);
                ${lane} z = Math.fma(d, tables.factor[c], tables.shift[c]);
                put(y, atY + r * strideY + i * BYTES, ${activation}(z, z));
            }
        }
    }

    /** Leaves the sums of each run in W elements, not added up. */
    static void sums(${Lane}Tables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs,
                     int from, int length, ${lane}[] sums, ${lane}[] products) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        ${Lane}Vector none = zero();
        int rest = length % W;
        boolean each = tables.zoomed || length < W;
        for (int r = 0; !each && r < runs; r++) {
            int at = atX + r * strideX;
            int grad = atDy + r * strideDy;
            ${Lane}Vector k = all(tables.offset[from + r]);
            ${Lane}Vector a = all(tables.factor[from + r]);
            ${Lane}Vector b = all(tables.shift[from + r]);
            ${Lane}Vector s0 = zero();
            ${Lane}Vector s1 = zero();
            ${Lane}Vector p0 = zero();
            ${Lane}Vector p1 = zero();
            int i = 0;
            for (; i <= length - 2 * W; i += 2 * W) {
                ${Lane}Vector d0 = load${Lane}(xs, at, i).add(k);
                ${Lane}Vector d1 = load${Lane}(xs, at, i + W).add(k);
                ${Lane}Vector g0 = ${activation}(load${Lane}(dys, grad, i), d0.fma(a, b), none);
                ${Lane}Vector g1 = ${activation}(load${Lane}(dys, grad, i + W), d1.fma(a, b), none);
                s0 = s0.add(g0);
                s1 = s1.add(g1);
                p0 = g0.fma(d0, p0);
                p1 = g1.fma(d1, p1);
            }
            if (i <= length - W) {
                ${Lane}Vector d = load${Lane}(xs, at, i).add(k);
                ${Lane}Vector g = ${activation}(load${Lane}(dys, grad, i), d.fma(a, b), none);
                s0 = s0.add(g);
                p0 = g.fma(d, p0);
            }
            if (rest > 0) {
                ${Lane}Vector d = load${Lane}(xs, at, length - W).add(k);
                ${Lane}Vector g = last(${activation}(load${Lane}(dys, grad, length - W), d.fma(a, b), none), rest, none);
                s1 = s1.add(g);
                p1 = g.fma(last(d, rest, none), p1);
            }
            s0.add(s1).intoArray(sums, r * W);
            p0.add(p1).intoArray(products, r * W);
        }
        for (int r = 0; each && r < runs; r++) {
            int c = from + r;
            double sum = 0;
            double product = 0;
            for (int i = 0; i < length; i++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), tables.zoom[c], tables.offset[c]);
                ${lane} z = Math.fma(d, tables.factor[c], tables.shift[c]);
                ${lane} g = ${activation}(get(dy, atDy + r * strideDy + i * BYTES), z);
                sum += g;
                product += (double) g * d;
            }
            none.intoArray(sums, r * W);
            none.intoArray(products, r * W);
            sums[r * W] = (${lane}) sum;
            products[r * W] = (${lane}) product;
        }
    }

    static void grad(${Lane}Tables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx,
                     int atDx, int strideDx, int runs, int from, int length) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        var dxs = Lanes.of(dx);
        ${Lane}Vector none = zero();
        boolean each = tables.zoomed || length < W;
        for (int r = 0; !each && r < runs; r++) {
            int at = atX + r * strideX;
            int grad = atDy + r * strideDy;
            int out = atDx + r * strideDx;
            ${Lane}Vector k = all(tables.offset[from + r]);
            ${Lane}Vector a = all(tables.factor[from + r]);
            ${Lane}Vector b = all(tables.shift[from + r]);
            ${Lane}Vector s = all(tables.scale[from + r]);
            ${Lane}Vector q = all(tables.slope[from + r]);
            ${Lane}Vector o = all(tables.gradShift[from + r]);
            int i = 0;
            for (; i <= length - W; i += W) {
                ${Lane}Vector d = load${Lane}(xs, at, i).add(k);
                ${Lane}Vector g = ${activation}(load${Lane}(dys, grad, i), d.fma(a, b), none);
                Lanes.store(g.fma(s, d.fma(q, o)), dxs, out, i);
            }
            if (i < length) {
                int begin = length - W;
                ${Lane}Vector d = load${Lane}(xs, at, begin).add(k);
                ${Lane}Vector g = ${activation}(load${Lane}(dys, grad, begin), d.fma(a, b), none);
                Lanes.store(g.fma(s, d.fma(q, o)), dxs, out, begin);
            }
        }
        for (int r = 0; each && r < runs; r++) {
            int c = from + r;
            for (int i = 0; i < length; i++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), tables.zoom[c], tables.offset[c]);
                ${lane} z = Math.fma(d, tables.factor[c], tables.shift[c]);
                ${lane} g = ${activation}(get(dy, atDy + r * strideDy + i * BYTES), z);
                put(dx, atDx + r * strideDx + i * BYTES,
                        Math.fma(g, tables.scale[c], Math.fma(d, tables.slope[c], tables.gradShift[c])));
            }
        }
    }
}
