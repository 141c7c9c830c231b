// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.ORDER;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.SPECIES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.STEP;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.get;
import static jdk.incubator.vector.${Lane}Vector.broadcast;
import static jdk.incubator.vector.${Lane}Vector.fromArray;
import static jdk.incubator.vector.${Lane}Vector.@{load};

import java.util.Arrays;
import jdk.incubator.vector.${Lane}Vector;

/**
 * {@link ColumnOps} on ${lane} with the JDK's vectors: memory is read in its order, and what belongs to a column, its
 * coefficients and sums, comes from tables. Loops that depend on the activation are in classes of their own, one for each.
 */
final class ${Lane}VectorColumns extends ${Lane}Tables implements ColumnOps {
    private ${lane}[] firsts = {};
    private ${lane}[] seconds = {};

    private void clear(int size) {
        if (size > firsts.length) {
            firsts = new ${lane}[size];
            seconds = new ${lane}[size];
        } else {
            Arrays.fill(firsts, 0, size, 0);
            Arrays.fill(seconds, 0, size, 0);
        }
    }

    @Override
    public void sums(Memory x, int at, int stride, int runs, int from, int length, double zoomOfAll, double[] sum,
                     double[] squares) {
        clear(length);
        sum(x, at, stride, runs, from, length, (${lane}) zoomOfAll);
        add(firsts, length, sum, from);
        add(seconds, length, squares, from);
    }

    /** Four runs at once, whose loads and stores of sums are shared, and the rest one by one. */
    private void sum(Memory x, int atX, int stride, int runs, int from, int length, ${lane} zoomOfAll) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        ${Lane}Vector t = broadcast(SPECIES, zoomOfAll);
        ${lane}[] offsets = offset;
        ${lane}[] sums = firsts;
        ${lane}[] squares = seconds;
        int r = 0;
        for (; r <= runs - 4; r += 4) {
            var at = startX + r * stride;
            var at1 = at + stride;
            var at2 = at1 + stride;
            var at3 = at2 + stride;
            for (int i = 0; i <= length - W; i += W) {
                ${Lane}Vector k = fromArray(SPECIES, offsets, from + i);
                ${Lane}Vector d0 = @{load}(SPECIES, xs, at + STEP * i, ORDER).fma(t, k);
                ${Lane}Vector d1 = @{load}(SPECIES, xs, at1 + STEP * i, ORDER).fma(t, k);
                ${Lane}Vector d2 = @{load}(SPECIES, xs, at2 + STEP * i, ORDER).fma(t, k);
                ${Lane}Vector d3 = @{load}(SPECIES, xs, at3 + STEP * i, ORDER).fma(t, k);
                fromArray(SPECIES, sums, i).add(d0.add(d1).add(d2.add(d3))).intoArray(sums, i);
                ${Lane}Vector q = d1.fma(d1, d0.fma(d0, fromArray(SPECIES, squares, i)));
                d3.fma(d3, d2.fma(d2, q)).intoArray(squares, i);
            }
        }
        for (; r < runs; r++) {
            var at = startX + r * stride;
            for (int i = 0; i <= length - W; i += W) {
                ${Lane}Vector d = @{load}(SPECIES, xs, at + STEP * i, ORDER).fma(t, fromArray(SPECIES, offsets, from + i));
                fromArray(SPECIES, sums, i).add(d).intoArray(sums, i);
                d.fma(d, fromArray(SPECIES, squares, i)).intoArray(squares, i);
            }
        }
        for (int i = length - length % W; i < length; i++) {
            for (r = 0; r < runs; r++) {
                ${lane} d = Math.fma(get(x, atX + r * stride + i * BYTES), zoomOfAll, offsets[from + i]);
                sums[i] += d;
                squares[i] = Math.fma(d, d, squares[i]);
            }
        }
    }

    @Override
    public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                       boolean relu) {
        if (relu) {
            ${Lane}VectorReluColumns.affine(this, x, atX, strideX, y, atY, strideY, runs, from, length);
        } else {
            ${Lane}VectorIdentityColumns.affine(this, x, atX, strideX, y, atY, strideY, runs, from, length);
        }
    }

    @Override
    public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from,
                         int length, boolean relu, double[] sum, double[] products) {
        clear(length);
        if (relu) {
            ${Lane}VectorReluColumns.gradSums(this, x, atX, strideX, dy, atDy, strideDy, runs, from, length, firsts, seconds);
        } else {
            ${Lane}VectorIdentityColumns.gradSums(this, x, atX, strideX, dy, atDy, strideDy, runs, from, length, firsts, seconds);
        }
        add(firsts, length, sum, from);
        add(seconds, length, products, from);
    }

    @Override
    public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                           int strideDx, int runs, int from, int length, boolean relu) {
        if (relu) {
            ${Lane}VectorReluColumns.affineGrad(this, x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs, from,
                    length);
        } else {
            ${Lane}VectorIdentityColumns.affineGrad(this, x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs, from,
                    length);
        }
    }
}
