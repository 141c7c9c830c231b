// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.Lanes.load${Lane};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.active;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.all;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.get;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.last;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.put;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.rectified;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.threshold;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.total;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.zero;

import jdk.incubator.vector.${Lane}Vector;

/**
 * {@link RunOps} on ${lane} with the JDK's vectors. What is left of a run after the last whole vector is done by a
 * vector that begins earlier. Maps do some elements again, as outputs never overlap inputs; sums count them as 0.
 *
 * <p>Runs may be short, so what is done once for each counts: the loop over them is in the method of the loop over
 * elements, and that is left to the compiler to unroll. Runs shorter than a vector, and those whose channels need a zoom, which
 * few do, go element by element, through the same fused multiply-adds.
 */
final class ${Lane}VectorRuns extends ${Lane}Tables implements RunOps {
    /** Runs whose sums are left in vectors until all are done: then they are added up side by side. */
    private static final int TOGETHER = 16;

    private final ${lane}[] scratch = new ${lane}[TOGETHER * W];
    private final ${lane}[] scratchProducts = new ${lane}[TOGETHER * W];

    @Override
    public void sums(Memory x, int at, int length, double zoomOfAll, double center, double[] into) {
        if (length < W) {
            sumEach(x, at, length, (${lane}) zoomOfAll, (${lane}) -center, into);
            return;
        }
        var xs = Lanes.of(x);
        ${Lane}Vector t = all(zoomOfAll);
        ${Lane}Vector k = all(-center);
        ${Lane}Vector none = zero();
        // Two chains of additions: one alone would wait four cycles for each.
        ${Lane}Vector s0 = zero();
        ${Lane}Vector s1 = zero();
        ${Lane}Vector q0 = zero();
        ${Lane}Vector q1 = zero();
        int i = 0;
        for (; i <= length - 2 * W; i += 2 * W) {
            ${Lane}Vector d0 = load${Lane}(xs, at, i).fma(t, k);
            ${Lane}Vector d1 = load${Lane}(xs, at, i + W).fma(t, k);
            s0 = s0.add(d0);
            s1 = s1.add(d1);
            q0 = d0.fma(d0, q0);
            q1 = d1.fma(d1, q1);
        }
        if (i <= length - W) {
            ${Lane}Vector d = load${Lane}(xs, at, i).fma(t, k);
            s0 = s0.add(d);
            q0 = d.fma(d, q0);
        }
        int rest = length % W;
        if (rest > 0) {
            ${Lane}Vector d = last(load${Lane}(xs, at, length - W).fma(t, k), rest, none);
            s1 = s1.add(d);
            q1 = d.fma(d, q1);
        }
        s0.add(s1).intoArray(scratch, 0);
        q0.add(q1).intoArray(scratch, W);
        into[0] = total(scratch, 0);
        into[1] = total(scratch, W);
    }

    private static void sumEach(Memory x, int at, int length, ${lane} zoomOfAll, ${lane} offset, double[] into) {
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < length; i++) {
            double d = Math.fma(get(x, at + i * BYTES), zoomOfAll, offset);
            sum += d;
            squares += d * d;
        }
        into[0] = sum;
        into[1] = squares;
    }

    private boolean inVectors(int length) {
        return length >= W && !zoomed;
    }

    @Override
    public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                       boolean relu) {
        if (inVectors(length)) {
            affineVectors(x, atX, strideX, y, atY, strideY, runs, from, length, threshold(relu));
            return;
        }
        ${lane} h = threshold(relu);
        for (int r = 0; r < runs; r++) {
            int c = from + r;
            for (int i = 0; i < length; i++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zoom[c], offset[c]);
                ${lane} z = Math.fma(d, factor[c], shift[c]);
                put(y, atY + r * strideY + i * BYTES, active(z, z, h));
            }
        }
    }

    private void affineVectors(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from,
                               int length, ${lane} h) {
        var xs = Lanes.of(x);
        var ys = Lanes.of(y);
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        for (int r = 0; r < runs; r++) {
            int in = atX + r * strideX;
            int out = atY + r * strideY;
            ${Lane}Vector k = all(offset[from + r]);
            ${Lane}Vector a = all(factor[from + r]);
            ${Lane}Vector b = all(shift[from + r]);
            int i = 0;
            for (; i <= length - W; i += W) {
                Lanes.store(rectified(load${Lane}(xs, in, i).add(k), a, b, vh, none), ys, out, i);
            }
            if (i < length) {
                int begin = length - W;
                Lanes.store(rectified(load${Lane}(xs, in, begin).add(k), a, b, vh, none), ys, out, begin);
            }
        }
    }

    @Override
    public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from, int length,
                         boolean relu, double[] sum, double[] products) {
        ${lane} h = threshold(relu);
        if (inVectors(length)) {
            for (int done = 0; done < runs; done += TOGETHER) {
                int few = Math.min(TOGETHER, runs - done);
                int first = from + done;
                gradSumVectors(x, atX + done * strideX, strideX, dy, atDy + done * strideDy, strideDy, few, first, length, h);
                for (int r = 0; r < few; r++) {
                    sum[first + r] += total(scratch, r * W);
                    products[first + r] += total(scratchProducts, r * W);
                }
            }
            return;
        }
        for (int r = 0; r < runs; r++) {
            int c = from + r;
            for (int i = 0; i < length; i++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zoom[c], offset[c]);
                ${lane} g = active(get(dy, atDy + r * strideDy + i * BYTES), Math.fma(d, factor[c], shift[c]), h);
                sum[c] += g;
                products[c] += (double) g * d;
            }
        }
    }

    /** Leaves the sums of each run in vectors. */
    private void gradSumVectors(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from,
                                int length, ${lane} h) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        int rest = length % W;
        for (int r = 0; r < runs; r++) {
            int at = atX + r * strideX;
            int grad = atDy + r * strideDy;
            ${Lane}Vector k = all(offset[from + r]);
            ${Lane}Vector a = all(factor[from + r]);
            ${Lane}Vector b = all(shift[from + r]);
            ${Lane}Vector s0 = zero();
            ${Lane}Vector s1 = zero();
            ${Lane}Vector p0 = zero();
            ${Lane}Vector p1 = zero();
            int i = 0;
            for (; i <= length - 2 * W; i += 2 * W) {
                ${Lane}Vector d0 = load${Lane}(xs, at, i).add(k);
                ${Lane}Vector d1 = load${Lane}(xs, at, i + W).add(k);
                ${Lane}Vector g0 = active(load${Lane}(dys, grad, i), d0.fma(a, b), vh, none);
                ${Lane}Vector g1 = active(load${Lane}(dys, grad, i + W), d1.fma(a, b), vh, none);
                s0 = s0.add(g0);
                s1 = s1.add(g1);
                p0 = g0.fma(d0, p0);
                p1 = g1.fma(d1, p1);
            }
            if (i <= length - W) {
                ${Lane}Vector d = load${Lane}(xs, at, i).add(k);
                ${Lane}Vector g = active(load${Lane}(dys, grad, i), d.fma(a, b), vh, none);
                s0 = s0.add(g);
                p0 = g.fma(d, p0);
            }
            if (rest > 0) {
                ${Lane}Vector d = load${Lane}(xs, at, length - W).add(k);
                ${Lane}Vector g = last(active(load${Lane}(dys, grad, length - W), d.fma(a, b), vh, none), rest, none);
                s1 = s1.add(g);
                p1 = g.fma(last(d, rest, none), p1);
            }
            s0.add(s1).intoArray(scratch, r * W);
            p0.add(p1).intoArray(scratchProducts, r * W);
        }
    }

    @Override
    public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                           int strideDx, int runs, int from, int length, boolean relu) {
        ${lane} h = threshold(relu);
        if (inVectors(length)) {
            affineGradVectors(x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs, from, length, h);
            return;
        }
        for (int r = 0; r < runs; r++) {
            int c = from + r;
            for (int i = 0; i < length; i++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zoom[c], offset[c]);
                ${lane} g = active(get(dy, atDy + r * strideDy + i * BYTES), Math.fma(d, factor[c], shift[c]), h);
                put(dx, atDx + r * strideDx + i * BYTES, Math.fma(g, scale[c], Math.fma(d, slope[c], gradShift[c])));
            }
        }
    }

    private void affineGradVectors(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                                   int strideDx, int runs, int from, int length, ${lane} h) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        var dxs = Lanes.of(dx);
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        for (int r = 0; r < runs; r++) {
            int at = atX + r * strideX;
            int grad = atDy + r * strideDy;
            int out = atDx + r * strideDx;
            ${Lane}Vector k = all(offset[from + r]);
            ${Lane}Vector a = all(factor[from + r]);
            ${Lane}Vector b = all(shift[from + r]);
            ${Lane}Vector s = all(scale[from + r]);
            ${Lane}Vector q = all(slope[from + r]);
            ${Lane}Vector o = all(gradShift[from + r]);
            int i = 0;
            for (; i <= length - W; i += W) {
                ${Lane}Vector d = load${Lane}(xs, at, i).add(k);
                ${Lane}Vector g = active(load${Lane}(dys, grad, i), d.fma(a, b), vh, none);
                Lanes.store(g.fma(s, d.fma(q, o)), dxs, out, i);
            }
            if (i < length) {
                int begin = length - W;
                ${Lane}Vector d = load${Lane}(xs, at, begin).add(k);
                ${Lane}Vector g = active(load${Lane}(dys, grad, begin), d.fma(a, b), vh, none);
                Lanes.store(g.fma(s, d.fma(q, o)), dxs, out, begin);
            }
        }
    }
}
