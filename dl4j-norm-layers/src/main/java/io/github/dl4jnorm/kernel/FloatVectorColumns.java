// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.FloatVectors.BYTES;
import static io.github.dl4jnorm.kernel.FloatVectors.ORDER;
import static io.github.dl4jnorm.kernel.FloatVectors.SPECIES;
import static io.github.dl4jnorm.kernel.FloatVectors.STEP;
import static io.github.dl4jnorm.kernel.FloatVectors.W;
import static io.github.dl4jnorm.kernel.FloatVectors.get;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.FloatVector.fromByteBuffer;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * {@link ColumnOps} on float with the JDK's vectors: memory is read in its order, and what belongs to a column, its
 * coefficients and sums, comes from tables. Loops that depend on the activation are in classes of their own, one for each.
 */
final class FloatVectorColumns extends FloatTables implements ColumnOps {
    private float[] firsts = {};
    private float[] seconds = {};

    private void clear(int size) {
        if (size > firsts.length) {
            firsts = new float[size];
            seconds = new float[size];
        } else {
            Arrays.fill(firsts, 0, size, 0);
            Arrays.fill(seconds, 0, size, 0);
        }
    }

    @Override
    public void sums(Memory x, int at, int stride, int runs, int from, int length, double zoomOfAll, double[] sum,
                     double[] squares) {
        clear(length);
        sum(x, at, stride, runs, from, length, (float) zoomOfAll);
        add(firsts, length, sum, from);
        add(seconds, length, squares, from);
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
        if (relu) {
            FloatVectorReluColumns.affine(this, x, atX, strideX, y, atY, strideY, runs, from, length);
        } else {
            FloatVectorIdentityColumns.affine(this, x, atX, strideX, y, atY, strideY, runs, from, length);
        }
    }

    @Override
    public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from,
                         int length, boolean relu, double[] sum, double[] products) {
        clear(length);
        if (relu) {
            FloatVectorReluColumns.gradSums(this, x, atX, strideX, dy, atDy, strideDy, runs, from, length, firsts, seconds);
        } else {
            FloatVectorIdentityColumns.gradSums(this, x, atX, strideX, dy, atDy, strideDy, runs, from, length, firsts, seconds);
        }
        add(firsts, length, sum, from);
        add(seconds, length, products, from);
    }

    @Override
    public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                           int strideDx, int runs, int from, int length, boolean relu) {
        if (relu) {
            FloatVectorReluColumns.affineGrad(this, x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs, from,
                    length);
        } else {
            FloatVectorIdentityColumns.affineGrad(this, x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs, from,
                    length);
        }
    }
}
