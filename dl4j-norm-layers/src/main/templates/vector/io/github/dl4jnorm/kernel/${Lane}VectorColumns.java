// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.Lanes.load${Lane};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.STEP;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.active;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.all;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.get;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.of;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.put;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.threshold;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.zero;

import jdk.incubator.vector.${Lane}Vector;

/** {@link ColumnOps} on ${lane} with the JDK's vectors. */
final class ${Lane}VectorColumns extends ${Lane}ColumnTables {
    /** Columns summed up at a time: more vectors would not stay in registers, fewer leave half of a cache line. */
    private static final int SUM_STRIP = 4 * W;
    private static final int GRAD_STRIP = 2 * W;

    private final ${lane}[] firsts = new ${lane}[SUM_STRIP];
    private final ${lane}[] seconds = new ${lane}[SUM_STRIP];

    @Override
    public void sums(Memory x, int at, int stride, int runs, int from, int length, double zoomOfAll, double[] sum,
                     double[] squares) {
        ${lane} t = (${lane}) zoomOfAll;
        int i = 0;
        for (; i <= length - SUM_STRIP; i += SUM_STRIP) {
            sumStrip(x, at + i * BYTES, stride, runs, from + i, t);
            add(firsts, SUM_STRIP, sum, from + i);
            add(seconds, SUM_STRIP, squares, from + i);
        }
        for (; i <= length - W; i += W) {
            sumVector(x, at + i * BYTES, stride, runs, from + i, t);
            add(firsts, W, sum, from + i);
            add(seconds, W, squares, from + i);
        }
        for (; i < length; i++) {
            int column = from + i;
            for (int r = 0; r < runs; r++) {
                double d = Math.fma(get(x, at + r * stride + i * BYTES), t, offset[column]);
                sum[column] += d;
                squares[column] += d * d;
            }
        }
    }

    private void sumStrip(Memory x, int at, int stride, int runs, int from, ${lane} zoomOfAll) {
        var xs = Lanes.of(x);
        ${Lane}Vector t = all(zoomOfAll);
        ${Lane}Vector k0 = of(offset, from);
        ${Lane}Vector k1 = of(offset, from + W);
        ${Lane}Vector k2 = of(offset, from + 2 * W);
        ${Lane}Vector k3 = of(offset, from + 3 * W);
        ${Lane}Vector s0 = zero();
        ${Lane}Vector s1 = zero();
        ${Lane}Vector s2 = zero();
        ${Lane}Vector s3 = zero();
        ${Lane}Vector q0 = zero();
        ${Lane}Vector q1 = zero();
        ${Lane}Vector q2 = zero();
        ${Lane}Vector q3 = zero();
        for (int r = 0; r < runs; r++) {
            int p = at + r * stride;
            ${Lane}Vector d0 = load${Lane}(xs, p, 0).fma(t, k0);
            ${Lane}Vector d1 = load${Lane}(xs, p + STEP, 0).fma(t, k1);
            ${Lane}Vector d2 = load${Lane}(xs, p + 2 * STEP, 0).fma(t, k2);
            ${Lane}Vector d3 = load${Lane}(xs, p + 3 * STEP, 0).fma(t, k3);
            s0 = s0.add(d0);
            s1 = s1.add(d1);
            s2 = s2.add(d2);
            s3 = s3.add(d3);
            q0 = d0.fma(d0, q0);
            q1 = d1.fma(d1, q1);
            q2 = d2.fma(d2, q2);
            q3 = d3.fma(d3, q3);
        }
        s0.intoArray(firsts, 0);
        s1.intoArray(firsts, W);
        s2.intoArray(firsts, 2 * W);
        s3.intoArray(firsts, 3 * W);
        q0.intoArray(seconds, 0);
        q1.intoArray(seconds, W);
        q2.intoArray(seconds, 2 * W);
        q3.intoArray(seconds, 3 * W);
    }

    private void sumVector(Memory x, int at, int stride, int runs, int from, ${lane} zoomOfAll) {
        var xs = Lanes.of(x);
        ${Lane}Vector t = all(zoomOfAll);
        ${Lane}Vector k = of(offset, from);
        ${Lane}Vector s = zero();
        ${Lane}Vector q = zero();
        for (int r = 0; r < runs; r++) {
            ${Lane}Vector d = load${Lane}(xs, at + r * stride, 0).fma(t, k);
            s = s.add(d);
            q = d.fma(d, q);
        }
        s.intoArray(firsts, 0);
        q.intoArray(seconds, 0);
    }

    @Override
    public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                       boolean relu) {
        ${lane} h = threshold(relu);
        int together = together(length);
        for (int r = 0; r < runs; r += together) {
            affineTogether(x, atX + r * strideX, strideX, y, atY + r * strideY, strideY, Math.min(together, runs - r),
                    from, length, h);
        }
    }

    /** How many runs to map together: their coefficients stay in registers, and a strip of them in the cache. */
    private static int together(int length) {
        return Math.max(8, Math.min(64, 2048 / length));
    }

    private void affineTogether(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from,
                                int length, ${lane} h) {
        int i = 0;
        for (; i <= length - W; i += W) {
            affineStrip(x, atX + i * BYTES, strideX, y, atY + i * BYTES, strideY, runs, from + i, h);
        }
        for (; i < length; i++) {
            int c = from + i;
            for (int r = 0; r < runs; r++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zoom[c], offset[c]);
                ${lane} z = Math.fma(d, factor[c], shift[c]);
                put(y, atY + r * strideY + i * BYTES, active(z, z, h));
            }
        }
    }

    private void affineStrip(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from,
                             ${lane} h) {
        var xs = Lanes.of(x);
        var ys = Lanes.of(y);
        ${Lane}Vector t = of(zoom, from);
        ${Lane}Vector k = of(offset, from);
        ${Lane}Vector a = of(factor, from);
        ${Lane}Vector b = of(shift, from);
        ${Lane}Vector vh = all(h);
        for (int r = 0; r < runs; r++) {
            ${Lane}Vector z = load${Lane}(xs, atX + r * strideX, 0).fma(t, k).fma(a, b);
            Lanes.store(active(z, z, vh), ys, atY + r * strideY, 0);
        }
    }

    @Override
    public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from,
                         int length, boolean relu, double[] sum, double[] products) {
        ${lane} h = threshold(relu);
        int i = 0;
        for (; i <= length - GRAD_STRIP; i += GRAD_STRIP) {
            gradStrip(x, atX + i * BYTES, strideX, dy, atDy + i * BYTES, strideDy, runs, from + i, h);
            add(firsts, GRAD_STRIP, sum, from + i);
            add(seconds, GRAD_STRIP, products, from + i);
        }
        for (; i < length; i++) {
            int c = from + i;
            for (int r = 0; r < runs; r++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zoom[c], offset[c]);
                ${lane} g = get(dy, atDy + r * strideDy + i * BYTES);
                g = active(g, Math.fma(d, factor[c], shift[c]), h);
                sum[c] += g;
                products[c] += (double) g * d;
            }
        }
    }

    private void gradStrip(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from,
                           ${lane} h) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        ${Lane}Vector vh = all(h);
        ${Lane}Vector t0 = of(zoom, from);
        ${Lane}Vector t1 = of(zoom, from + W);
        ${Lane}Vector k0 = of(offset, from);
        ${Lane}Vector k1 = of(offset, from + W);
        ${Lane}Vector a0 = of(factor, from);
        ${Lane}Vector a1 = of(factor, from + W);
        ${Lane}Vector b0 = of(shift, from);
        ${Lane}Vector b1 = of(shift, from + W);
        ${Lane}Vector s0 = zero();
        ${Lane}Vector s1 = zero();
        ${Lane}Vector p0 = zero();
        ${Lane}Vector p1 = zero();
        for (int r = 0; r < runs; r++) {
            ${Lane}Vector d0 = load${Lane}(xs, atX + r * strideX, 0).fma(t0, k0);
            ${Lane}Vector d1 = load${Lane}(xs, atX + r * strideX + STEP, 0).fma(t1, k1);
            ${Lane}Vector g0 = load${Lane}(dys, atDy + r * strideDy, 0);
            ${Lane}Vector g1 = load${Lane}(dys, atDy + r * strideDy + STEP, 0);
            g0 = active(g0, d0.fma(a0, b0), vh);
            g1 = active(g1, d1.fma(a1, b1), vh);
            s0 = s0.add(g0);
            s1 = s1.add(g1);
            p0 = g0.fma(d0, p0);
            p1 = g1.fma(d1, p1);
        }
        s0.intoArray(firsts, 0);
        s1.intoArray(firsts, W);
        p0.intoArray(seconds, 0);
        p1.intoArray(seconds, W);
    }

    @Override
    public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                           int strideDx, int runs, int from, int length, boolean relu) {
        ${lane} h = threshold(relu);
        int together = together(length);
        for (int r = 0; r < runs; r += together) {
            gradTogether(x, atX + r * strideX, strideX, dy, atDy + r * strideDy, strideDy, dx, atDx + r * strideDx,
                    strideDx, Math.min(together, runs - r), from, length, h);
        }
    }

    private void gradTogether(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                              int strideDx, int runs, int from, int length, ${lane} h) {
        int i = 0;
        for (; i <= length - W; i += W) {
            int p = i * BYTES;
            gradMapStrip(x, atX + p, strideX, dy, atDy + p, strideDy, dx, atDx + p, strideDx, runs, from + i, h);
        }
        for (; i < length; i++) {
            int c = from + i;
            for (int r = 0; r < runs; r++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zoom[c], offset[c]);
                ${lane} g = get(dy, atDy + r * strideDy + i * BYTES);
                g = active(g, Math.fma(d, factor[c], shift[c]), h);
                put(dx, atDx + r * strideDx + i * BYTES, Math.fma(g, scale[c], Math.fma(d, slope[c], gradShift[c])));
            }
        }
    }

    private void gradMapStrip(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                              int strideDx, int runs, int from, ${lane} h) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        var dxs = Lanes.of(dx);
        ${Lane}Vector t = of(zoom, from);
        ${Lane}Vector k = of(offset, from);
        ${Lane}Vector a = of(factor, from);
        ${Lane}Vector b = of(shift, from);
        ${Lane}Vector s = of(scale, from);
        ${Lane}Vector q = of(slope, from);
        ${Lane}Vector o = of(gradShift, from);
        ${Lane}Vector vh = all(h);
        for (int r = 0; r < runs; r++) {
            ${Lane}Vector d = load${Lane}(xs, atX + r * strideX, 0).fma(t, k);
            ${Lane}Vector g = active(load${Lane}(dys, atDy + r * strideDy, 0), d.fma(a, b), vh);
            Lanes.store(g.fma(s, d.fma(q, o)), dxs, atDx + r * strideDx, 0);
        }
    }
}
