// SPDX-License-Identifier: Apache-2.0
// Derived from FloatVectorColumns.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.DoubleVectors.BYTES;
import static io.github.dl4jnorm.kernel.DoubleVectors.ORDER;
import static io.github.dl4jnorm.kernel.DoubleVectors.SPECIES;
import static io.github.dl4jnorm.kernel.DoubleVectors.STEP;
import static io.github.dl4jnorm.kernel.DoubleVectors.W;
import static io.github.dl4jnorm.kernel.DoubleVectors.get;
import static jdk.incubator.vector.DoubleVector.broadcast;
import static jdk.incubator.vector.DoubleVector.fromArray;
import static jdk.incubator.vector.DoubleVector.fromByteBuffer;

import java.util.Arrays;
import jdk.incubator.vector.DoubleVector;

/**
 * {@link ColumnOps} on double with the JDK's vectors: memory is read in its order, and what belongs to a column, its
 * coefficients and sums, comes from tables. Loops that depend on the activation are in classes of their own, one for each.
 */
final class DoubleVectorColumns extends DoubleTables implements ColumnOps {
    private double[] firsts = {};
    private double[] seconds = {};

    private void clear(int size) {
        if (size > firsts.length) {
            firsts = new double[size];
            seconds = new double[size];
        } else {
            Arrays.fill(firsts, 0, size, 0);
            Arrays.fill(seconds, 0, size, 0);
        }
    }

    @Override
    public void sums(Memory x, int at, int stride, int runs, int from, int length, double zoomOfAll, double[] sum,
                     double[] squares) {
        clear(length);
        sum(x, at, stride, runs, from, length, (double) zoomOfAll);
        add(firsts, length, sum, from);
        add(seconds, length, squares, from);
    }

    /** Four runs at once, whose loads and stores of sums are shared, and the rest one by one. */
    private void sum(Memory x, int atX, int stride, int runs, int from, int length, double zoomOfAll) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        DoubleVector t = broadcast(SPECIES, zoomOfAll);
        double[] offsets = offset;
        double[] sums = firsts;
        double[] squares = seconds;
        int r = 0;
        for (; r <= runs - 4; r += 4) {
            var at = startX + r * stride;
            var at1 = at + stride;
            var at2 = at1 + stride;
            var at3 = at2 + stride;
            for (int i = 0; i <= length - W; i += W) {
                DoubleVector k = fromArray(SPECIES, offsets, from + i);
                DoubleVector d0 = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).fma(t, k);
                DoubleVector d1 = fromByteBuffer(SPECIES, xs, at1 + STEP * i, ORDER).fma(t, k);
                DoubleVector d2 = fromByteBuffer(SPECIES, xs, at2 + STEP * i, ORDER).fma(t, k);
                DoubleVector d3 = fromByteBuffer(SPECIES, xs, at3 + STEP * i, ORDER).fma(t, k);
                fromArray(SPECIES, sums, i).add(d0.add(d1).add(d2.add(d3))).intoArray(sums, i);
                DoubleVector q = d1.fma(d1, d0.fma(d0, fromArray(SPECIES, squares, i)));
                d3.fma(d3, d2.fma(d2, q)).intoArray(squares, i);
            }
        }
        for (; r < runs; r++) {
            var at = startX + r * stride;
            for (int i = 0; i <= length - W; i += W) {
                DoubleVector d = fromByteBuffer(SPECIES, xs, at + STEP * i, ORDER).fma(t, fromArray(SPECIES, offsets, from + i));
                fromArray(SPECIES, sums, i).add(d).intoArray(sums, i);
                d.fma(d, fromArray(SPECIES, squares, i)).intoArray(squares, i);
            }
        }
        for (int i = length - length % W; i < length; i++) {
            for (r = 0; r < runs; r++) {
                double d = Math.fma(get(x, atX + r * stride + i * BYTES), zoomOfAll, offsets[from + i]);
                sums[i] += d;
                squares[i] = Math.fma(d, d, squares[i]);
            }
        }
    }

    @Override
    public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                       boolean relu) {
        if (relu) {
            DoubleVectorReluColumns.affine(this, x, atX, strideX, y, atY, strideY, runs, from, length);
        } else {
            DoubleVectorIdentityColumns.affine(this, x, atX, strideX, y, atY, strideY, runs, from, length);
        }
    }

    @Override
    public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from,
                         int length, boolean relu, double[] sum, double[] products) {
        clear(length);
        if (relu) {
            DoubleVectorReluColumns.gradSums(this, x, atX, strideX, dy, atDy, strideDy, runs, from, length, firsts, seconds);
        } else {
            DoubleVectorIdentityColumns.gradSums(this, x, atX, strideX, dy, atDy, strideDy, runs, from, length, firsts, seconds);
        }
        add(firsts, length, sum, from);
        add(seconds, length, products, from);
    }

    @Override
    public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                           int strideDx, int runs, int from, int length, boolean relu) {
        if (relu) {
            DoubleVectorReluColumns.affineGrad(this, x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs, from,
                    length);
        } else {
            DoubleVectorIdentityColumns.affineGrad(this, x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs, from,
                    length);
        }
    }
}
