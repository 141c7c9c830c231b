// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.FloatVectors.BYTES;
import static io.github.dl4jnorm.kernel.FloatVectors.LAST;
import static io.github.dl4jnorm.kernel.FloatVectors.ORDER;
import static io.github.dl4jnorm.kernel.FloatVectors.SPECIES;
import static io.github.dl4jnorm.kernel.FloatVectors.STEP;
import static io.github.dl4jnorm.kernel.FloatVectors.W;
import static io.github.dl4jnorm.kernel.FloatVectors.get;
import static io.github.dl4jnorm.kernel.FloatVectors.total;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.FloatVector.fromByteBuffer;
import static jdk.incubator.vector.FloatVector.zero;
import static jdk.incubator.vector.VectorOperators.LE;

import jdk.incubator.vector.FloatVector;

/**
 * {@link RunOps} on float with the JDK's vectors. What is left of a run after the last whole vector is done by a
 * vector that begins earlier. Maps do some elements again, as outputs never overlap inputs; sums count them as 0.
 *
 * <p>Loops that depend on the activation are in classes of their own, one for each.
 */
final class FloatVectorRunOps extends FloatTables implements RunOps {
    /** Sums of runs, left in vectors until those of all are done: then they are added up side by side. */
    private final float[] scratch = new float[TOGETHER * W];
    private final float[] scratchProducts = new float[TOGETHER * W];

    @Override
    public void sums(Memory x, int at, int stride, int runs, int length, double zoomOfAll, double[] centers, double[] sum,
                     double[] squares) {
        if (length < W) {
            sumEach(x, at, stride, runs, length, (float) zoomOfAll, centers, sum, squares);
            return;
        }
        sum(x, at, stride, runs, length, (float) zoomOfAll, centers);
        for (int r = 0; r < runs; r++) {
            sum[r] = total(scratch, r * W);
            squares[r] = total(scratchProducts, r * W);
        }
    }

    /** Leaves the sums of each run in W elements, not added up. */
    private void sum(Memory x, int atX, int stride, int runs, int length, float zoomOfAll, double[] centers) {
        var xs = Lanes.of(x);
        var start = Lanes.base(x) + atX;
        FloatVector t = broadcast(SPECIES, zoomOfAll);
        FloatVector none = zero(SPECIES);
        int rest = length % W;
        for (int r = 0; r < runs; r++) {
            var at = start + r * stride;
            FloatVector k = broadcast(SPECIES, (float) -centers[r]);
            // Two chains of additions: one alone would wait four cycles for each.
            FloatVector s0 = zero(SPECIES);
            FloatVector s1 = zero(SPECIES);
            FloatVector q0 = zero(SPECIES);
            FloatVector q1 = zero(SPECIES);
            int i = 0;
            for (; i <= length - 2 * W; i += 2 * W) {
                FloatVector d0 = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).fma(t, k);
                FloatVector d1 = fromByteBuffer(SPECIES, xs, at + STEP * (i + W), ORDER).fma(t, k);
                s0 = s0.add(d0);
                s1 = s1.add(d1);
                q0 = d0.fma(d0, q0);
                q1 = d1.fma(d1, q1);
            }
            if (i <= length - W) {
                FloatVector d = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).fma(t, k);
                s0 = s0.add(d);
                q0 = d.fma(d, q0);
            }
            if (rest > 0) {
                FloatVector d = fromByteBuffer(SPECIES, xs, at + STEP * (length - W), ORDER).fma(t, k);
                d = d.blend(none, fromArray(SPECIES, LAST, rest).compare(LE, none));
                s1 = s1.add(d);
                q1 = d.fma(d, q1);
            }
            s0.add(s1).intoArray(scratch, r * W);
            q0.add(q1).intoArray(scratchProducts, r * W);
        }
    }

    private static void sumEach(Memory x, int at, int stride, int runs, int length, float zoomOfAll, double[] centers,
                                double[] sums, double[] squares) {
        for (int r = 0; r < runs; r++) {
            float offset = (float) -centers[r];
            double sum = 0;
            double square = 0;
            for (int i = 0; i < length; i++) {
                double d = Math.fma(get(x, at + r * stride + i * BYTES), zoomOfAll, offset);
                sum += d;
                square += d * d;
            }
            sums[r] = sum;
            squares[r] = square;
        }
    }

    @Override
    public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                       boolean relu) {
        if (relu) {
            FloatVectorReluRunLoops.affine(this, x, atX, strideX, y, atY, strideY, runs, from, length);
        } else {
            FloatVectorIdentityRunLoops.affine(this, x, atX, strideX, y, atY, strideY, runs, from, length);
        }
    }

    @Override
    public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from, int length,
                         boolean relu, double[] sum, double[] products) {
        for (int done = 0; done < runs; done += TOGETHER) {
            int few = Math.min(TOGETHER, runs - done);
            int first = from + done;
            int inX = atX + done * strideX;
            int inDy = atDy + done * strideDy;
            if (relu) {
                FloatVectorReluRunLoops.sums(this, x, inX, strideX, dy, inDy, strideDy, few, first, length, scratch,
                        scratchProducts);
            } else {
                FloatVectorIdentityRunLoops.sums(this, x, inX, strideX, dy, inDy, strideDy, few, first, length, scratch,
                        scratchProducts);
            }
            for (int r = 0; r < few; r++) {
                sum[first + r] += total(scratch, r * W);
            }
            for (int r = 0; r < few; r++) {
                products[first + r] += total(scratchProducts, r * W);
            }
        }
    }

    @Override
    public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                           int strideDx, int runs, int from, int length, boolean relu) {
        if (relu) {
            FloatVectorReluRunLoops.grad(this, x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs, from, length);
        } else {
            FloatVectorIdentityRunLoops.grad(this, x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs, from, length);
        }
    }
}
