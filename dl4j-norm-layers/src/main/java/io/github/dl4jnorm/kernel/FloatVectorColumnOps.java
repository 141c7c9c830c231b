// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.FloatVectors.BYTES;
import static io.github.dl4jnorm.kernel.FloatVectors.ORDER;
import static io.github.dl4jnorm.kernel.FloatVectors.PERIOD;
import static io.github.dl4jnorm.kernel.FloatVectors.SPECIES;
import static io.github.dl4jnorm.kernel.FloatVectors.STEP;
import static io.github.dl4jnorm.kernel.FloatVectors.W;
import static io.github.dl4jnorm.kernel.FloatVectors.get;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.FloatVector.fromByteBuffer;
import static jdk.incubator.vector.FloatVector.zero;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * {@link ColumnOps} on float with the JDK's vectors: memory is read in its order, and what belongs to a column, its
 * coefficients and sums, comes from tables. Loops that depend on the activation are in classes of their own, one for each.
 */
final class FloatVectorColumnOps extends FloatTables implements ColumnOps {
    private float[] firsts = {};
    private float[] seconds = {};

    FloatVectorColumnOps() {
        this(Lanes.MANY_IN_REGISTERS);
    }

    /** With the loops over few channels or without. */
    FloatVectorColumnOps(boolean periods) {
        super(periods ? PERIOD : Integer.MAX_VALUE);
    }

    private void clear(int size) {
        if (size > firsts.length) {
            firsts = new float[size];
            seconds = new float[size];
        } else {
            Arrays.fill(firsts, 0, size, 0);
            Arrays.fill(seconds, 0, size, 0);
        }
    }

    /** Whether there are so few channels that their coefficients stay in registers. */
    private boolean inRegisters(int from) {
        return from == 0 && repeats() && !zoomed;
    }

    /** Runs of a length that may be summed up at a time where a lane takes several elements of each. */
    private static int together(int length) {
        return Math.max(1, ColumnMoments.RUNS * PERIOD / length);
    }

    @Override
    public void sums(Memory x, int at, int stride, int runs, int from, int length, double zoomOfAll, double[] sum,
                     double[] squares) {
        if (repeats() && from == 0) {
            int few = together(length);
            for (int r = 0; r < runs; r += few) {
                clear(PERIOD);
                sumPeriods(x, at + r * stride, stride, Math.min(few, runs - r), length, (float) zoomOfAll);
                add(firsts, PERIOD, sum, 0);
                add(seconds, PERIOD, squares, 0);
            }
            return;
        }
        clear(length);
        sum(x, at, stride, runs, from, length, (float) zoomOfAll);
        add(firsts, length, sum, from);
        add(seconds, length, squares, from);
    }

    /** Sums of few channels, in registers. */
    private void sumPeriods(Memory x, int atX, int stride, int runs, int length, float zoomOfAll) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        float[] offsets = offset;
        FloatVector t = broadcast(SPECIES, zoomOfAll);
        FloatVector k0 = fromArray(SPECIES, offsets, 0);
        FloatVector k1 = fromArray(SPECIES, offsets, W);
        FloatVector k2 = fromArray(SPECIES, offsets, 2 * W);
        FloatVector k3 = fromArray(SPECIES, offsets, 3 * W);
        FloatVector s0 = zero(SPECIES);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        FloatVector q0 = s0;
        FloatVector q1 = s0;
        FloatVector q2 = s0;
        FloatVector q3 = s0;
        for (int r = 0; r < runs; r++) {
            var at = startX + r * stride;
            for (int i = 0; i <= length - PERIOD; i += PERIOD) {
                FloatVector d0 = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).fma(t, k0);
                FloatVector d1 = fromByteBuffer(SPECIES, xs, at + STEP * (i + W), ORDER).fma(t, k1);
                FloatVector d2 = fromByteBuffer(SPECIES, xs, at + STEP * (i + 2 * W), ORDER).fma(t, k2);
                FloatVector d3 = fromByteBuffer(SPECIES, xs, at + STEP * (i + 3 * W), ORDER).fma(t, k3);
                s0 = s0.add(d0);
                s1 = s1.add(d1);
                s2 = s2.add(d2);
                s3 = s3.add(d3);
                q0 = d0.fma(d0, q0);
                q1 = d1.fma(d1, q1);
                q2 = d2.fma(d2, q2);
                q3 = d3.fma(d3, q3);
            }
        }
        s0.intoArray(firsts, 0);
        s1.intoArray(firsts, W);
        s2.intoArray(firsts, 2 * W);
        s3.intoArray(firsts, 3 * W);
        q0.intoArray(seconds, 0);
        q1.intoArray(seconds, W);
        q2.intoArray(seconds, 2 * W);
        q3.intoArray(seconds, 3 * W);
        int whole = length - length % PERIOD;
        for (int r = 0; whole < length && r < runs; r++) {
            for (int i = whole, c = 0; i < length; i++, c++) {
                float d = Math.fma(get(x, atX + r * stride + i * BYTES), zoomOfAll, offsets[c]);
                firsts[c] += d;
                seconds[c] = Math.fma(d, d, seconds[c]);
            }
        }
    }

    /** Four runs at once, whose loads and stores of sums are shared, and the rest one by one. */
    private void sum(Memory x, int atX, int stride, int runs, int from, int length, float zoomOfAll) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        FloatVector t = broadcast(SPECIES, zoomOfAll);
        float[] offsets = offset;
        float[] sums = firsts;
        float[] squares = seconds;
        int r = 0;
        for (; r <= runs - 4; r += 4) {
            var at = startX + r * stride;
            var at1 = at + stride;
            var at2 = at1 + stride;
            var at3 = at2 + stride;
            for (int i = 0; i <= length - W; i += W) {
                FloatVector k = fromArray(SPECIES, offsets, from + i);
                FloatVector d0 = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).fma(t, k);
                FloatVector d1 = fromByteBuffer(SPECIES, xs, at1 + STEP * i, ORDER).fma(t, k);
                FloatVector d2 = fromByteBuffer(SPECIES, xs, at2 + STEP * i, ORDER).fma(t, k);
                FloatVector d3 = fromByteBuffer(SPECIES, xs, at3 + STEP * i, ORDER).fma(t, k);
                fromArray(SPECIES, sums, i).add(d0.add(d1).add(d2.add(d3))).intoArray(sums, i);
                FloatVector q = d1.fma(d1, d0.fma(d0, fromArray(SPECIES, squares, i)));
                d3.fma(d3, d2.fma(d2, q)).intoArray(squares, i);
            }
        }
        for (; r < runs; r++) {
            var at = startX + r * stride;
            for (int i = 0; i <= length - W; i += W) {
                FloatVector d = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).fma(t, fromArray(SPECIES, offsets, from + i));
                fromArray(SPECIES, sums, i).add(d).intoArray(sums, i);
                d.fma(d, fromArray(SPECIES, squares, i)).intoArray(squares, i);
            }
        }
        for (int i = length - length % W; i < length; i++) {
            for (r = 0; r < runs; r++) {
                float d = Math.fma(get(x, atX + r * stride + i * BYTES), zoomOfAll, offsets[from + i]);
                sums[i] += d;
                squares[i] = Math.fma(d, d, squares[i]);
            }
        }
    }

    @Override
    public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                       boolean relu) {
        if (inRegisters(from)) {
            if (relu) {
                FloatVectorReluPeriodLoops.affine(this, x, atX, strideX, y, atY, strideY, runs, length);
            } else {
                FloatVectorIdentityPeriodLoops.affine(this, x, atX, strideX, y, atY, strideY, runs, length);
            }
        } else if (relu) {
            FloatVectorReluColumnLoops.affine(this, x, atX, strideX, y, atY, strideY, runs, from, length);
        } else {
            FloatVectorIdentityColumnLoops.affine(this, x, atX, strideX, y, atY, strideY, runs, from, length);
        }
    }

    @Override
    public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from,
                         int length, boolean relu, double[] sum, double[] products) {
        if (inRegisters(from)) {
            sumPeriods(x, atX, strideX, dy, atDy, strideDy, runs, length, relu, sum, products);
            return;
        }
        clear(length);
        if (relu) {
            FloatVectorReluColumnLoops.gradSums(this, x, atX, strideX, dy, atDy, strideDy, runs, from, length, firsts,
                    seconds);
        } else {
            FloatVectorIdentityColumnLoops.gradSums(this, x, atX, strideX, dy, atDy, strideDy, runs, from, length, firsts,
                    seconds);
        }
        add(firsts, length, sum, from);
        add(seconds, length, products, from);
    }

    /** As many runs at a time as may be summed up in the element type. */
    private void sumPeriods(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int length, boolean relu,
                            double[] sum, double[] products) {
        int few = together(length);
        for (int r = 0; r < runs; r += few) {
            clear(PERIOD);
            int inX = atX + r * strideX;
            int inDy = atDy + r * strideDy;
            int some = Math.min(few, runs - r);
            if (relu) {
                FloatVectorReluPeriodLoops.gradSums(this, x, inX, strideX, dy, inDy, strideDy, some, length, firsts,
                        seconds);
            } else {
                FloatVectorIdentityPeriodLoops.gradSums(this, x, inX, strideX, dy, inDy, strideDy, some, length, firsts,
                        seconds);
            }
            add(firsts, PERIOD, sum, 0);
            add(seconds, PERIOD, products, 0);
        }
    }

    @Override
    public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                           int strideDx, int runs, int from, int length, boolean relu) {
        if (inRegisters(from)) {
            if (relu) {
                FloatVectorReluPeriodLoops.affineGrad(this, x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs,
                        length);
            } else {
                FloatVectorIdentityPeriodLoops.affineGrad(this, x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs,
                        length);
            }
        } else if (relu) {
            FloatVectorReluColumnLoops.affineGrad(this, x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs, from,
                    length);
        } else {
            FloatVectorIdentityColumnLoops.affineGrad(this, x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs, from,
                    length);
        }
    }
}
