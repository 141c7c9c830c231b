// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.Lanes.load${Lane};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.STEP;
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
 */
final class ${Lane}VectorRuns extends ${Lane}Tables implements RunOps {
    /** Runs whose sums are left in vectors until all are done: then they are added up side by side. */
    private static final int TOGETHER = 16;

    private final ${lane}[] scratch = new ${lane}[TOGETHER * W];
    private final ${lane}[] scratchProducts = new ${lane}[TOGETHER * W];

    @Override
    public void sums(Memory x, int at, int length, double zoomOfAll, double center, double[] into) {
        var xs = Lanes.of(x);
        ${Lane}Vector t = all(zoomOfAll);
        ${Lane}Vector k = all(-center);
        ${Lane}Vector none = zero();
        // Four chains of additions: one alone would wait four cycles for each. Unrolled by hand throughout: the compiler
        // does not where it has seen short runs first, and then takes twice as long for long ones.
        ${Lane}Vector s0 = zero();
        ${Lane}Vector s1 = zero();
        ${Lane}Vector s2 = zero();
        ${Lane}Vector s3 = zero();
        ${Lane}Vector q0 = zero();
        ${Lane}Vector q1 = zero();
        ${Lane}Vector q2 = zero();
        ${Lane}Vector q3 = zero();
        int i = 0;
        for (; i <= length - 4 * W; i += 4 * W) {
            ${Lane}Vector d0 = load${Lane}(xs, at, i).fma(t, k);
            ${Lane}Vector d1 = load${Lane}(xs, at + STEP, i).fma(t, k);
            ${Lane}Vector d2 = load${Lane}(xs, at + 2 * STEP, i).fma(t, k);
            ${Lane}Vector d3 = load${Lane}(xs, at + 3 * STEP, i).fma(t, k);
            s0 = s0.add(d0);
            s1 = s1.add(d1);
            s2 = s2.add(d2);
            s3 = s3.add(d3);
            q0 = d0.fma(d0, q0);
            q1 = d1.fma(d1, q1);
            q2 = d2.fma(d2, q2);
            q3 = d3.fma(d3, q3);
        }
        for (; i < length && length >= W; i += W) {
            int begin = Math.min(i, length - W);
            ${Lane}Vector d = last(load${Lane}(xs, at, begin).fma(t, k), begin + W - i, none);
            s0 = s0.add(d);
            q0 = d.fma(d, q0);
        }
        s0.add(s1).add(s2.add(s3)).intoArray(scratch, 0);
        q0.add(q1).add(q2.add(q3)).intoArray(scratch, W);
        double sum = total(scratch, 0);
        double squares = total(scratch, W);
        for (; i < length; i++) {
            double d = Math.fma(get(x, at + i * BYTES), (${lane}) zoomOfAll, (${lane}) -center);
            sum += d;
            squares += d * d;
        }
        into[0] = sum;
        into[1] = squares;
    }

    @Override
    public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                       boolean relu) {
        for (int r = 0; r < runs; r++) {
            affineRun(x, atX + r * strideX, y, atY + r * strideY, length, from + r, threshold(relu));
        }
    }

    private void affineRun(Memory x, int atX, Memory y, int atY, int length, int channel, ${lane} h) {
        var xs = Lanes.of(x);
        var ys = Lanes.of(y);
        ${Lane}Vector vt = all(zoom[channel]);
        ${Lane}Vector vc = all(offset[channel]);
        ${Lane}Vector va = all(factor[channel]);
        ${Lane}Vector vb = all(shift[channel]);
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        int i = 0;
        for (; i <= length - 4 * W; i += 4 * W) {
            ${Lane}Vector d0 = load${Lane}(xs, atX, i).fma(vt, vc);
            ${Lane}Vector d1 = load${Lane}(xs, atX + STEP, i).fma(vt, vc);
            ${Lane}Vector d2 = load${Lane}(xs, atX + 2 * STEP, i).fma(vt, vc);
            ${Lane}Vector d3 = load${Lane}(xs, atX + 3 * STEP, i).fma(vt, vc);
            Lanes.store(rectified(d0, va, vb, vh, none), ys, atY, i);
            Lanes.store(rectified(d1, va, vb, vh, none), ys, atY + STEP, i);
            Lanes.store(rectified(d2, va, vb, vh, none), ys, atY + 2 * STEP, i);
            Lanes.store(rectified(d3, va, vb, vh, none), ys, atY + 3 * STEP, i);
        }
        for (; i < length && length >= W; i += W) {
            int begin = Math.min(i, length - W);
            ${Lane}Vector d = load${Lane}(xs, atX, begin).fma(vt, vc);
            Lanes.store(rectified(d, va, vb, vh, none), ys, atY, begin);
        }
        for (; i < length; i++) {
            ${lane} d = Math.fma(get(x, atX + i * BYTES), zoom[channel], offset[channel]);
            ${lane} z = Math.fma(d, factor[channel], shift[channel]);
            put(y, atY + i * BYTES, active(z, z, h));
        }
    }

    @Override
    public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from, int length,
                         boolean relu, double[] sum, double[] products) {
        ${lane} h = threshold(relu);
        int whole = length < W ? 0 : length;
        for (int done = 0; whole > 0 && done < runs; done += TOGETHER) {
            int few = Math.min(TOGETHER, runs - done);
            for (int r = 0; r < few; r++) {
                gradSumsRun(x, atX + (done + r) * strideX, dy, atDy + (done + r) * strideDy, length, from + done + r, h, r * W);
            }
            for (int r = 0; r < few; r++) {
                sum[from + done + r] += total(scratch, r * W);
                products[from + done + r] += total(scratchProducts, r * W);
            }
        }
        for (int r = 0; whole < length && r < runs; r++) {
            int channel = from + r;
            for (int i = 0; i < length; i++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zoom[channel], offset[channel]);
                ${lane} g = active(get(dy, atDy + r * strideDy + i * BYTES), Math.fma(d, factor[channel], shift[channel]), h);
                sum[channel] += g;
                products[channel] += (double) g * d;
            }
        }
    }

    /** Leaves the sums of a run of a vector or more in vectors. */
    private void gradSumsRun(Memory x, int atX, Memory dy, int atDy, int length, int channel, ${lane} h, int into) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        ${Lane}Vector vt = all(zoom[channel]);
        ${Lane}Vector vc = all(offset[channel]);
        ${Lane}Vector va = all(factor[channel]);
        ${Lane}Vector vb = all(shift[channel]);
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        ${Lane}Vector s0 = zero();
        ${Lane}Vector s1 = zero();
        ${Lane}Vector p0 = zero();
        ${Lane}Vector p1 = zero();
        int i = 0;
        for (; i <= length - 2 * W; i += 2 * W) {
            ${Lane}Vector d0 = load${Lane}(xs, atX, i).fma(vt, vc);
            ${Lane}Vector d1 = load${Lane}(xs, atX + STEP, i).fma(vt, vc);
            ${Lane}Vector g0 = load${Lane}(dys, atDy, i);
            ${Lane}Vector g1 = load${Lane}(dys, atDy + STEP, i);
            g0 = active(g0, d0.fma(va, vb), vh, none);
            g1 = active(g1, d1.fma(va, vb), vh, none);
            s0 = s0.add(g0);
            s1 = s1.add(g1);
            p0 = g0.fma(d0, p0);
            p1 = g1.fma(d1, p1);
        }
        for (; i < length; i += W) {
            int begin = Math.min(i, length - W);
            ${Lane}Vector d = load${Lane}(xs, atX, begin).fma(vt, vc);
            ${Lane}Vector g = active(load${Lane}(dys, atDy, begin), d.fma(va, vb), vh, none);
            g = last(g, begin + W - i, none);
            s0 = s0.add(g);
            p0 = g.fma(last(d, begin + W - i, none), p0);
        }
        s0.add(s1).intoArray(scratch, into);
        p0.add(p1).intoArray(scratchProducts, into);
    }

    @Override
    public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                           int strideDx, int runs, int from, int length, boolean relu) {
        for (int r = 0; r < runs; r++) {
            affineGradRun(x, atX + r * strideX, dy, atDy + r * strideDy, dx, atDx + r * strideDx, length, from + r,
                    threshold(relu));
        }
    }

    private void affineGradRun(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int length, int channel,
                               ${lane} h) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        var dxs = Lanes.of(dx);
        ${Lane}Vector vt = all(zoom[channel]);
        ${Lane}Vector vc = all(offset[channel]);
        ${Lane}Vector va = all(factor[channel]);
        ${Lane}Vector vb = all(shift[channel]);
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        ${Lane}Vector vs = all(scale[channel]);
        ${Lane}Vector vq = all(slope[channel]);
        ${Lane}Vector vr = all(gradShift[channel]);
        int i = 0;
        for (; i <= length - 2 * W; i += 2 * W) {
            ${Lane}Vector d0 = load${Lane}(xs, atX, i).fma(vt, vc);
            ${Lane}Vector d1 = load${Lane}(xs, atX + STEP, i).fma(vt, vc);
            ${Lane}Vector g0 = active(load${Lane}(dys, atDy, i), d0.fma(va, vb), vh, none);
            ${Lane}Vector g1 = active(load${Lane}(dys, atDy + STEP, i), d1.fma(va, vb), vh, none);
            Lanes.store(g0.fma(vs, d0.fma(vq, vr)), dxs, atDx, i);
            Lanes.store(g1.fma(vs, d1.fma(vq, vr)), dxs, atDx + STEP, i);
        }
        for (; i < length && length >= W; i += W) {
            int begin = Math.min(i, length - W);
            ${Lane}Vector d = load${Lane}(xs, atX, begin).fma(vt, vc);
            ${Lane}Vector g = active(load${Lane}(dys, atDy, begin), d.fma(va, vb), vh, none);
            Lanes.store(g.fma(vs, d.fma(vq, vr)), dxs, atDx, begin);
        }
        for (; i < length; i++) {
            ${lane} d = Math.fma(get(x, atX + i * BYTES), zoom[channel], offset[channel]);
            ${lane} g = active(get(dy, atDy + i * BYTES), Math.fma(d, factor[channel], shift[channel]), h);
            put(dx, atDx + i * BYTES, Math.fma(g, scale[channel], Math.fma(d, slope[channel], gradShift[channel])));
        }
    }
}
