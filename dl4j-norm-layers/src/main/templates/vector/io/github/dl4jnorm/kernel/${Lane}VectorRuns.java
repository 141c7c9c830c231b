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
final class ${Lane}VectorRuns implements RunOps {
    private final ${lane}[] scratch = new ${lane}[W];

    @Override
    public void sums(Memory x, int at, int length, double zoom, double center, double[] into) {
        var xs = Lanes.of(x);
        ${Lane}Vector t = all(zoom);
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
        double sum = total(s0.add(s1).add(s2.add(s3)), scratch);
        double squares = total(q0.add(q1).add(q2.add(q3)), scratch);
        for (; i < length; i++) {
            double d = Math.fma(get(x, at + i * BYTES), (${lane}) zoom, (${lane}) -center);
            sum += d;
            squares += d * d;
        }
        into[0] = sum;
        into[1] = squares;
    }

    @Override
    public void affine(Memory x, int atX, Memory y, int atY, int length, Line k, boolean relu) {
        var xs = Lanes.of(x);
        var ys = Lanes.of(y);
        ${lane} t = (${lane}) k.zoom;
        ${lane} c = (${lane}) -k.center;
        ${lane} a = (${lane}) k.factor;
        ${lane} b = (${lane}) k.shift;
        ${lane} h = threshold(relu);
        ${Lane}Vector vt = all(t);
        ${Lane}Vector vc = all(c);
        ${Lane}Vector va = all(a);
        ${Lane}Vector vb = all(b);
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
            ${lane} z = Math.fma(Math.fma(get(x, atX + i * BYTES), t, c), a, b);
            put(y, atY + i * BYTES, active(z, z, h));
        }
    }

    @Override
    public void gradSums(Memory x, int atX, Memory dy, int atDy, int length, Line k, boolean relu, double[] into) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        ${lane} t = (${lane}) k.zoom;
        ${lane} c = (${lane}) -k.center;
        ${lane} a = (${lane}) k.factor;
        ${lane} b = (${lane}) k.shift;
        ${lane} h = threshold(relu);
        ${Lane}Vector vt = all(t);
        ${Lane}Vector vc = all(c);
        ${Lane}Vector va = all(a);
        ${Lane}Vector vb = all(b);
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
        for (; i < length && length >= W; i += W) {
            int begin = Math.min(i, length - W);
            ${Lane}Vector d = load${Lane}(xs, atX, begin).fma(vt, vc);
            ${Lane}Vector g = active(load${Lane}(dys, atDy, begin), d.fma(va, vb), vh, none);
            g = last(g, begin + W - i, none);
            s0 = s0.add(g);
            p0 = g.fma(last(d, begin + W - i, none), p0);
        }
        double sum = total(s0.add(s1), scratch);
        double product = total(p0.add(p1), scratch);
        for (; i < length; i++) {
            ${lane} d = Math.fma(get(x, atX + i * BYTES), t, c);
            ${lane} g = get(dy, atDy + i * BYTES);
            g = active(g, Math.fma(d, a, b), h);
            sum += g;
            product += (double) g * d;
        }
        into[0] = sum;
        into[1] = product;
    }

    @Override
    public void affineGrad(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int length, Line k,
                           boolean relu) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        var dxs = Lanes.of(dx);
        ${lane} t = (${lane}) k.zoom;
        ${lane} c = (${lane}) -k.center;
        ${lane} a = (${lane}) k.factor;
        ${lane} b = (${lane}) k.shift;
        ${lane} s = (${lane}) k.scale;
        ${lane} q = (${lane}) k.slope;
        ${lane} r = (${lane}) k.gradShift;
        ${lane} h = threshold(relu);
        ${Lane}Vector vt = all(t);
        ${Lane}Vector vc = all(c);
        ${Lane}Vector va = all(a);
        ${Lane}Vector vb = all(b);
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        ${Lane}Vector vs = all(s);
        ${Lane}Vector vq = all(q);
        ${Lane}Vector vr = all(r);
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
            ${lane} d = Math.fma(get(x, atX + i * BYTES), t, c);
            ${lane} g = get(dy, atDy + i * BYTES);
            g = active(g, Math.fma(d, a, b), h);
            put(dx, atDx + i * BYTES, Math.fma(g, s, Math.fma(d, q, r)));
        }
    }
}
