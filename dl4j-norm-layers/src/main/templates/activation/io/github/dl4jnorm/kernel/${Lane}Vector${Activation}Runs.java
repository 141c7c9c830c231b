// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.LAST;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.ORDER;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.SPECIES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.STEP;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.get;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.put;
import static jdk.incubator.vector.${Lane}Vector.broadcast;
import static jdk.incubator.vector.${Lane}Vector.fromArray;
import static jdk.incubator.vector.${Lane}Vector.zero;
import static jdk.incubator.vector.${Lane}Vector.@{load};
import static jdk.incubator.vector.VectorOperators.LE;

import jdk.incubator.vector.${Lane}Vector;

/**
 * The loops of {@link ${Lane}VectorRuns} with the activation ${activation}.
 *
 * <p>Runs may be short, so what is done once for each counts: the loop over them is in the method of the loop over
 * elements, and that is left to the compiler to unroll. Runs shorter than a vector, and those whose channels need a zoom,
 * which few do, go element by element, through the same fused multiply-adds.
 */
final class ${Lane}Vector${Activation}Runs {
    private static final boolean RELU = ${relu};

    private ${Lane}Vector${Activation}Runs() {
    }

    static void affine(${Lane}Tables tables, Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs,
                       int from, int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var ys = Lanes.of(y);
        var startY = Lanes.base(y) + atY;
        ${Lane}Vector none = zero(SPECIES);
        boolean each = tables.zoomed || length < W;
        for (int r = 0; !each && r < runs; r++) {
            var in = startX + r * strideX;
            var out = startY + r * strideY;
            ${Lane}Vector k = broadcast(SPECIES, tables.offset[from + r]);
            ${Lane}Vector a = broadcast(SPECIES, tables.factor[from + r]);
            ${Lane}Vector b = broadcast(SPECIES, tables.shift[from + r]);
            int i = 0;
            for (; i <= length - W; i += W) {
                ${Lane}Vector d = @{load}(SPECIES, xs, in + STEP * i, ORDER).add(k);
                ${Lane}Vector z = d.fma(a, b);
                if (RELU) {
                    z = z.blend(none, z.compare(LE, none));
                }
                z.@{store}(ys, out + STEP * i, ORDER);
            }
            if (i < length) {
                int begin = length - W;
                ${Lane}Vector d = @{load}(SPECIES, xs, in + STEP * begin, ORDER).add(k);
                ${Lane}Vector z = d.fma(a, b);
                if (RELU) {
                    z = z.blend(none, z.compare(LE, none));
                }
                z.@{store}(ys, out + STEP * begin, ORDER);
            }
        }
        for (int r = 0; each && r < runs; r++) {
            int c = from + r;
            for (int i = 0; i < length; i++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), tables.zoom[c], tables.offset[c]);
                ${lane} z = Math.fma(d, tables.factor[c], tables.shift[c]);
                put(y, atY + r * strideY + i * BYTES, RELU && z <= 0 ? 0 : z);
            }
        }
    }

    /** Leaves the sums of each run in W elements, not added up. */
    static void sums(${Lane}Tables tables, Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs,
                     int from, int length, ${lane}[] sums, ${lane}[] products) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        ${Lane}Vector none = zero(SPECIES);
        int rest = length % W;
        boolean each = tables.zoomed || length < W;
        for (int r = 0; !each && r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            ${Lane}Vector k = broadcast(SPECIES, tables.offset[from + r]);
            ${Lane}Vector a = broadcast(SPECIES, tables.factor[from + r]);
            ${Lane}Vector b = broadcast(SPECIES, tables.shift[from + r]);
            ${Lane}Vector s0 = zero(SPECIES);
            ${Lane}Vector s1 = zero(SPECIES);
            ${Lane}Vector p0 = zero(SPECIES);
            ${Lane}Vector p1 = zero(SPECIES);
            int i = 0;
            for (; i <= length - 2 * W; i += 2 * W) {
                ${Lane}Vector d0 = @{load}(SPECIES, xs, at + STEP * i, ORDER).add(k);
                ${Lane}Vector d1 = @{load}(SPECIES, xs, at + STEP * (i + W), ORDER).add(k);
                ${Lane}Vector g0 = @{load}(SPECIES, dys, grad + STEP * i, ORDER);
                ${Lane}Vector g1 = @{load}(SPECIES, dys, grad + STEP * (i + W), ORDER);
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
                ${Lane}Vector d = @{load}(SPECIES, xs, at + STEP * i, ORDER).add(k);
                ${Lane}Vector g = @{load}(SPECIES, dys, grad + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, d.fma(a, b).compare(LE, none));
                }
                s0 = s0.add(g);
                p0 = g.fma(d, p0);
            }
            if (rest > 0) {
                ${Lane}Vector d = @{load}(SPECIES, xs, at + STEP * (length - W), ORDER).add(k);
                ${Lane}Vector g = @{load}(SPECIES, dys, grad + STEP * (length - W), ORDER);
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
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), tables.zoom[c], tables.offset[c]);
                ${lane} z = Math.fma(d, tables.factor[c], tables.shift[c]);
                ${lane} g = RELU && z <= 0 ? 0 : get(dy, atDy + r * strideDy + i * BYTES);
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
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        var dxs = Lanes.of(dx);
        var startDx = Lanes.base(dx) + atDx;
        ${Lane}Vector none = zero(SPECIES);
        boolean each = tables.zoomed || length < W;
        for (int r = 0; !each && r < runs; r++) {
            var at = startX + r * strideX;
            var grad = startDy + r * strideDy;
            var out = startDx + r * strideDx;
            ${Lane}Vector k = broadcast(SPECIES, tables.offset[from + r]);
            ${Lane}Vector a = broadcast(SPECIES, tables.factor[from + r]);
            ${Lane}Vector b = broadcast(SPECIES, tables.shift[from + r]);
            ${Lane}Vector s = broadcast(SPECIES, tables.scale[from + r]);
            ${Lane}Vector q = broadcast(SPECIES, tables.slope[from + r]);
            ${Lane}Vector o = broadcast(SPECIES, tables.gradShift[from + r]);
            int i = 0;
            for (; i <= length - W; i += W) {
                ${Lane}Vector d = @{load}(SPECIES, xs, at + STEP * i, ORDER).add(k);
                ${Lane}Vector g = @{load}(SPECIES, dys, grad + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, d.fma(a, b).compare(LE, none));
                }
                g.fma(s, d.fma(q, o)).@{store}(dxs, out + STEP * i, ORDER);
            }
            if (i < length) {
                int begin = length - W;
                ${Lane}Vector d = @{load}(SPECIES, xs, at + STEP * begin, ORDER).add(k);
                ${Lane}Vector g = @{load}(SPECIES, dys, grad + STEP * begin, ORDER);
                if (RELU) {
                    g = g.blend(none, d.fma(a, b).compare(LE, none));
                }
                g.fma(s, d.fma(q, o)).@{store}(dxs, out + STEP * begin, ORDER);
            }
        }
        for (int r = 0; each && r < runs; r++) {
            int c = from + r;
            for (int i = 0; i < length; i++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), tables.zoom[c], tables.offset[c]);
                ${lane} z = Math.fma(d, tables.factor[c], tables.shift[c]);
                ${lane} g = RELU && z <= 0 ? 0 : get(dy, atDy + r * strideDy + i * BYTES);
                put(dx, atDx + r * strideDx + i * BYTES,
                        Math.fma(g, tables.scale[c], Math.fma(d, tables.slope[c], tables.gradShift[c])));
            }
        }
    }
}
