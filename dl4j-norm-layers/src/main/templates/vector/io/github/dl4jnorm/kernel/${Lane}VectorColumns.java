// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.Lanes.load${Lane};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.active;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.all;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.get;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.of;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.put;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.rectified;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.threshold;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.zero;

import java.util.Arrays;
import jdk.incubator.vector.${Lane}Vector;

/**
 * {@link ColumnOps} on ${lane} with the JDK's vectors: memory is read in its order, and what belongs to a column, its
 * coefficients and sums, comes from tables.
 *
 * <p>The loops that matter leave out the zoom, which is 1 but for numbers at the ends of the range: with one more table that
 * of the gradient would be too large for the compiler, which then leaves a vector out of the registers. Those here are for
 * what is left, and for a zoom.
 */
final class ${Lane}VectorColumns extends ${Lane}Tables implements ColumnOps {
    private ${lane}[] firsts = {};
    private ${lane}[] seconds = {};

    private static int whole(int length) {
        return length - length % W;
    }

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
        int whole = whole(length);
        clear(whole);
        int r = 0;
        for (; r <= runs - 4; r += 4) {
            sumFour(x, at + r * stride, stride, from, whole, zoomOfAll);
        }
        for (; r < runs; r++) {
            sumOne(x, at + r * stride, from, whole, zoomOfAll);
        }
        add(firsts, whole, sum, from);
        add(seconds, whole, squares, from);
        for (int i = whole; i < length; i++) {
            int column = from + i;
            for (r = 0; r < runs; r++) {
                double d = Math.fma(get(x, at + r * stride + i * BYTES), (${lane}) zoomOfAll, offset[column]);
                sum[channel(column)] += d;
                squares[channel(column)] += d * d;
            }
        }
    }

    private void sumFour(Memory x, int at, int stride, int from, int whole, double zoomOfAll) {
        var xs = Lanes.of(x);
        ${Lane}Vector t = all(zoomOfAll);
        ${lane}[] offsets = offset;
        ${lane}[] sums = firsts;
        ${lane}[] squares = seconds;
        int at1 = at + stride;
        int at2 = at1 + stride;
        int at3 = at2 + stride;
        for (int i = 0; i <= whole - W; i += W) {
            ${Lane}Vector k = of(offsets, from + i);
            ${Lane}Vector d0 = load${Lane}(xs, at, i).fma(t, k);
            ${Lane}Vector d1 = load${Lane}(xs, at1, i).fma(t, k);
            ${Lane}Vector d2 = load${Lane}(xs, at2, i).fma(t, k);
            ${Lane}Vector d3 = load${Lane}(xs, at3, i).fma(t, k);
            of(sums, i).add(d0.add(d1).add(d2.add(d3))).intoArray(sums, i);
            ${Lane}Vector q = d1.fma(d1, d0.fma(d0, of(squares, i)));
            d3.fma(d3, d2.fma(d2, q)).intoArray(squares, i);
        }
    }

    private void sumOne(Memory x, int at, int from, int whole, double zoomOfAll) {
        var xs = Lanes.of(x);
        ${Lane}Vector t = all(zoomOfAll);
        ${lane}[] offsets = offset;
        ${lane}[] sums = firsts;
        ${lane}[] squares = seconds;
        for (int i = 0; i <= whole - W; i += W) {
            ${Lane}Vector d = load${Lane}(xs, at, i).fma(t, of(offsets, from + i));
            of(sums, i).add(d).intoArray(sums, i);
            d.fma(d, of(squares, i)).intoArray(squares, i);
        }
    }

    @Override
    public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                       boolean relu) {
        ${lane} h = threshold(relu);
        int whole = whole(length);
        if (zoomed) {
            for (int r = 0; r < runs; r++) {
                affineZoomed(x, atX + r * strideX, y, atY + r * strideY, from, whole, h);
            }
        } else if (relu) {
            ${Lane}VectorReluColumns.affine(this, x, atX, strideX, y, atY, strideY, runs, from, whole);
        } else {
            ${Lane}VectorIdentityColumns.affine(this, x, atX, strideX, y, atY, strideY, runs, from, whole);
        }
        for (int i = whole; i < length; i++) {
            int c = from + i;
            for (int r = 0; r < runs; r++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zoom[c], offset[c]);
                ${lane} z = Math.fma(d, factor[c], shift[c]);
                put(y, atY + r * strideY + i * BYTES, active(z, z, h));
            }
        }
    }

    private void affineZoomed(Memory x, int at, Memory y, int into, int from, int whole, ${lane} h) {
        var xs = Lanes.of(x);
        var ys = Lanes.of(y);
        ${lane}[] zooms = zoom;
        ${lane}[] offsets = offset;
        ${lane}[] factors = factor;
        ${lane}[] shifts = shift;
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        for (int i = 0; i <= whole - W; i += W) {
            ${Lane}Vector d = load${Lane}(xs, at, i).fma(of(zooms, from + i), of(offsets, from + i));
            ${Lane}Vector a = of(factors, from + i);
            Lanes.store(rectified(d, a, of(shifts, from + i), vh, none), ys, into, i);
        }
    }

    @Override
    public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from,
                         int length, boolean relu, double[] sum, double[] products) {
        ${lane} h = threshold(relu);
        int whole = whole(length);
        clear(whole);
        if (zoomed) {
            for (int r = 0; r < runs; r++) {
                gradSumZoomed(x, atX + r * strideX, dy, atDy + r * strideDy, from, whole, h);
            }
        } else if (relu) {
            ${Lane}VectorReluColumns.gradSums(this, x, atX, strideX, dy, atDy, strideDy, runs, from, whole, firsts, seconds);
        } else {
            ${Lane}VectorIdentityColumns.gradSums(this, x, atX, strideX, dy, atDy, strideDy, runs, from, whole, firsts, seconds);
        }
        add(firsts, whole, sum, from);
        add(seconds, whole, products, from);
        for (int i = whole; i < length; i++) {
            int c = from + i;
            for (int r = 0; r < runs; r++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zoom[c], offset[c]);
                ${lane} g = get(dy, atDy + r * strideDy + i * BYTES);
                g = active(g, Math.fma(d, factor[c], shift[c]), h);
                sum[channel(c)] += g;
                products[channel(c)] += (double) g * d;
            }
        }
    }

    private void gradSumZoomed(Memory x, int at, Memory dy, int atDy, int from, int whole, ${lane} h) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        ${lane}[] zooms = zoom;
        ${lane}[] offsets = offset;
        ${lane}[] factors = factor;
        ${lane}[] shifts = shift;
        ${lane}[] sums = firsts;
        ${lane}[] products = seconds;
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        for (int i = 0; i <= whole - W; i += W) {
            ${Lane}Vector d = load${Lane}(xs, at, i).fma(of(zooms, from + i), of(offsets, from + i));
            ${Lane}Vector z = d.fma(of(factors, from + i), of(shifts, from + i));
            ${Lane}Vector g = active(load${Lane}(dys, atDy, i), z, vh, none);
            of(sums, i).add(g).intoArray(sums, i);
            g.fma(d, of(products, i)).intoArray(products, i);
        }
    }

    @Override
    public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                           int strideDx, int runs, int from, int length, boolean relu) {
        ${lane} h = threshold(relu);
        int whole = whole(length);
        if (zoomed) {
            for (int r = 0; r < runs; r++) {
                gradZoomed(x, atX + r * strideX, dy, atDy + r * strideDy, dx, atDx + r * strideDx, from, whole, h);
            }
        } else if (relu) {
            ${Lane}VectorReluColumns.affineGrad(this, x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs, from, whole);
        } else {
            ${Lane}VectorIdentityColumns.affineGrad(this, x, atX, strideX, dy, atDy, strideDy, dx, atDx, strideDx, runs, from,
                    whole);
        }
        for (int i = whole; i < length; i++) {
            int c = from + i;
            for (int r = 0; r < runs; r++) {
                ${lane} d = Math.fma(get(x, atX + r * strideX + i * BYTES), zoom[c], offset[c]);
                ${lane} g = get(dy, atDy + r * strideDy + i * BYTES);
                g = active(g, Math.fma(d, factor[c], shift[c]), h);
                put(dx, atDx + r * strideDx + i * BYTES, Math.fma(g, scale[c], Math.fma(d, slope[c], gradShift[c])));
            }
        }
    }

    private void gradZoomed(Memory x, int at, Memory dy, int atDy, Memory dx, int into, int from, int whole, ${lane} h) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        var dxs = Lanes.of(dx);
        ${lane}[] zooms = zoom;
        ${lane}[] offsets = offset;
        ${lane}[] factors = factor;
        ${lane}[] shifts = shift;
        ${lane}[] scales = scale;
        ${lane}[] slopes = slope;
        ${lane}[] gradShifts = gradShift;
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        for (int i = 0; i <= whole - W; i += W) {
            ${Lane}Vector t = of(zooms, from + i);
            ${Lane}Vector k = of(offsets, from + i);
            ${Lane}Vector a = of(factors, from + i);
            ${Lane}Vector b = of(shifts, from + i);
            ${Lane}Vector s = of(scales, from + i);
            ${Lane}Vector q = of(slopes, from + i);
            ${Lane}Vector o = of(gradShifts, from + i);
            ${Lane}Vector d0 = load${Lane}(xs, at, i).fma(t, k);
            ${Lane}Vector g0 = active(load${Lane}(dys, atDy, i), d0.fma(a, b), vh, none);
            Lanes.store(g0.fma(s, d0.fma(q, o)), dxs, into, i);
        }
    }
}
