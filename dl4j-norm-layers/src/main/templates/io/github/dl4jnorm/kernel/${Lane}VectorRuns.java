// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.STEP;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.active;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.all;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.get;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.load;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.put;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.threshold;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.total;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.zero;

import jdk.incubator.vector.${Lane}Vector;

/** {@link RunOps} on ${lane} with the JDK's vectors. */
final class ${Lane}VectorRuns implements RunOps {
    private final ${lane}[] scratch = new ${lane}[W];

    @Override
    public void sums(Memory x, int at, int length, double zoom, double center, double[] into) {
        ${Lane}Vector t = all(zoom);
        ${Lane}Vector k = all(-center);
        // Four chains of additions: one alone would wait four cycles for each.
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
            int p = at + i * BYTES;
            ${Lane}Vector d0 = load(x, p).fma(t, k);
            ${Lane}Vector d1 = load(x, p + STEP).fma(t, k);
            ${Lane}Vector d2 = load(x, p + 2 * STEP).fma(t, k);
            ${Lane}Vector d3 = load(x, p + 3 * STEP).fma(t, k);
            s0 = s0.add(d0);
            s1 = s1.add(d1);
            s2 = s2.add(d2);
            s3 = s3.add(d3);
            q0 = d0.fma(d0, q0);
            q1 = d1.fma(d1, q1);
            q2 = d2.fma(d2, q2);
            q3 = d3.fma(d3, q3);
        }
        for (; i <= length - W; i += W) {
            ${Lane}Vector d = load(x, at + i * BYTES).fma(t, k);
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
        int i = 0;
        for (; i <= length - W; i += W) {
            ${Lane}Vector z = load(x, atX + i * BYTES).fma(vt, vc).fma(va, vb);
            Lanes.store(active(z, z, vh), y, atY + i * BYTES);
        }
        for (; i < length; i++) {
            ${lane} z = Math.fma(Math.fma(get(x, atX + i * BYTES), t, c), a, b);
            put(y, atY + i * BYTES, active(z, z, h));
        }
    }

    @Override
    public void gradSums(Memory x, int atX, Memory dy, int atDy, int length, Line k, boolean relu, double[] into) {
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
        ${Lane}Vector s0 = zero();
        ${Lane}Vector s1 = zero();
        ${Lane}Vector p0 = zero();
        ${Lane}Vector p1 = zero();
        int i = 0;
        for (; i <= length - 2 * W; i += 2 * W) {
            ${Lane}Vector d0 = load(x, atX + i * BYTES).fma(vt, vc);
            ${Lane}Vector d1 = load(x, atX + i * BYTES + STEP).fma(vt, vc);
            ${Lane}Vector g0 = load(dy, atDy + i * BYTES);
            ${Lane}Vector g1 = load(dy, atDy + i * BYTES + STEP);
            g0 = active(g0, d0.fma(va, vb), vh);
            g1 = active(g1, d1.fma(va, vb), vh);
            s0 = s0.add(g0);
            s1 = s1.add(g1);
            p0 = g0.fma(d0, p0);
            p1 = g1.fma(d1, p1);
        }
        for (; i <= length - W; i += W) {
            ${Lane}Vector d = load(x, atX + i * BYTES).fma(vt, vc);
            ${Lane}Vector g = load(dy, atDy + i * BYTES);
            g = active(g, d.fma(va, vb), vh);
            s0 = s0.add(g);
            p0 = g.fma(d, p0);
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
        ${Lane}Vector vs = all(s);
        ${Lane}Vector vq = all(q);
        ${Lane}Vector vr = all(r);
        int i = 0;
        for (; i <= length - W; i += W) {
            ${Lane}Vector d = load(x, atX + i * BYTES).fma(vt, vc);
            ${Lane}Vector g = load(dy, atDy + i * BYTES);
            g = active(g, d.fma(va, vb), vh);
            Lanes.store(g.fma(vs, d.fma(vq, vr)), dx, atDx + i * BYTES);
        }
        for (; i < length; i++) {
            ${lane} d = Math.fma(get(x, atX + i * BYTES), t, c);
            ${lane} g = get(dy, atDy + i * BYTES);
            g = active(g, Math.fma(d, a, b), h);
            put(dx, atDx + i * BYTES, Math.fma(g, s, Math.fma(d, q, r)));
        }
    }
}
