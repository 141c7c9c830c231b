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
import static io.github.dl4jnorm.kernel.${Lane}Vectors.total;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.zero;

import jdk.incubator.vector.${Lane}Vector;

/**
 * {@link CrossOps} on ${lane} with the JDK's vectors. Each loop is there twice, so that what is the same all along a run
 * stays in registers: for channels along the run and for positions.
 */
final class ${Lane}VectorCrossings extends ${Lane}CrossTables {
    private final ${lane}[] scratch = new ${lane}[2 * W];

    private ${lane} normalizedOne(Memory x, int at, int position) {
        return Math.fma(Math.fma(get(x, at), zoom[position], offset[position]), factor[position], rest[position]);
    }

    @Override
    public void affine(Memory x, int atX, Memory y, int atY, int from, int length, boolean relu) {
        ${lane} h = threshold(relu);
        int i = channelMask != 0 ? affineChannels(x, atX, y, atY, from, length, h)
                : affinePositions(x, atX, y, atY, from, length, h);
        for (; i < length; i++) {
            int channel = from + i & channelMask;
            ${lane} z = Math.fma(normalizedOne(x, atX + i * BYTES, from + i & positionMask), gamma[channel],
                    beta[channel]);
            put(y, atY + i * BYTES, active(z, z, h));
        }
    }

    private int affineChannels(Memory x, int atX, Memory y, int atY, int from, int length, ${lane} h) {
        var xs = Lanes.of(x);
        var ys = Lanes.of(y);
        ${Lane}Vector t = of(zoom, 0);
        ${Lane}Vector k = of(offset, 0);
        ${Lane}Vector a = of(factor, 0);
        ${Lane}Vector b = of(rest, 0);
        ${lane}[] gammas = gamma;
        ${lane}[] betas = beta;
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        int i = 0;
        for (; i <= length - W; i += W) {
            int place = from + i;
            ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(t, k)
                    .fma(a, b);
            ${Lane}Vector scale = of(gammas, place);
            Lanes.store(rectified(hat, scale, of(betas, place), vh, none), ys, atY, i);
        }
        return i;
    }

    private int affinePositions(Memory x, int atX, Memory y, int atY, int from, int length, ${lane} h) {
        var xs = Lanes.of(x);
        var ys = Lanes.of(y);
        ${Lane}Vector scale = of(gamma, 0);
        ${Lane}Vector shift = of(beta, 0);
        ${lane}[] zooms = zoom;
        ${lane}[] offsets = offset;
        ${lane}[] factors = factor;
        ${lane}[] rests = rest;
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        int i = 0;
        for (; i <= length - W; i += W) {
            int place = from + i;
            ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(of(zooms, place), of(offsets, place))
                    .fma(of(factors, place), of(rests, place));
            Lanes.store(rectified(hat, scale, shift, vh, none), ys, atY, i);
        }
        return i;
    }

    @Override
    public void gradSums(Memory x, int atX, Memory dy, int atDy, int from, int length, boolean relu, double[] into) {
        ${lane} h = threshold(relu);
        boolean alongChannels = channelMask != 0;
        int i = alongChannels ? sumChannels(x, atX, dy, atDy, from, length, h, into)
                : sumPositions(x, atX, dy, atDy, from, length, h, into);
        for (; i < length; i++) {
            int channel = from + i & channelMask;
            ${lane} hat = normalizedOne(x, atX + i * BYTES, from + i & positionMask);
            ${lane} g = active(get(dy, atDy + i * BYTES), Math.fma(hat, gamma[channel], beta[channel]), h);
            ${lane} scaled = g * gamma[channel];
            ${lane} here = alongChannels ? g : scaled;
            ${lane} along = alongChannels ? scaled : g;
            into[0] += along;
            into[1] += (double) along * hat;
            sums[from + i] += here;
            products[from + i] = Math.fma(here, hat, products[from + i]);
        }
    }

    private int sumChannels(Memory x, int atX, Memory dy, int atDy, int from, int length, ${lane} h,
                            double[] into) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        ${Lane}Vector t = of(zoom, 0);
        ${Lane}Vector k = of(offset, 0);
        ${Lane}Vector a = of(factor, 0);
        ${Lane}Vector b = of(rest, 0);
        ${lane}[] gammas = gamma;
        ${lane}[] betas = beta;
        ${lane}[] placeSums = sums;
        ${lane}[] placeProducts = products;
        ${Lane}Vector sum = zero();
        ${Lane}Vector product = zero();
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        int i = 0;
        for (; i <= length - W; i += W) {
            int place = from + i;
            ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(t, k)
                    .fma(a, b);
            ${Lane}Vector scale = of(gammas, place);
            ${Lane}Vector g = active(load${Lane}(dys, atDy, i), hat.fma(scale, of(betas, place)), vh, none);
            ${Lane}Vector here = g;
            ${Lane}Vector along = g.mul(scale);
            sum = sum.add(along);
            product = along.fma(hat, product);
            of(placeSums, place).add(here).intoArray(placeSums, place);
            here.fma(hat, of(placeProducts, place)).intoArray(placeProducts, place);
        }
        sum.intoArray(scratch, 0);
        product.intoArray(scratch, W);
        into[0] = total(scratch, 0);
        into[1] = total(scratch, W);
        return i;
    }

    private int sumPositions(Memory x, int atX, Memory dy, int atDy, int from, int length, ${lane} h,
                             double[] into) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        ${Lane}Vector scale = of(gamma, 0);
        ${Lane}Vector shift = of(beta, 0);
        ${lane}[] zooms = zoom;
        ${lane}[] offsets = offset;
        ${lane}[] factors = factor;
        ${lane}[] rests = rest;
        ${lane}[] placeSums = sums;
        ${lane}[] placeProducts = products;
        ${Lane}Vector sum = zero();
        ${Lane}Vector product = zero();
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        int i = 0;
        for (; i <= length - W; i += W) {
            int place = from + i;
            ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(of(zooms, place), of(offsets, place))
                    .fma(of(factors, place), of(rests, place));
            ${Lane}Vector g = active(load${Lane}(dys, atDy, i), hat.fma(scale, shift), vh, none);
            ${Lane}Vector here = g.mul(scale);
            ${Lane}Vector along = g;
            sum = sum.add(along);
            product = along.fma(hat, product);
            of(placeSums, place).add(here).intoArray(placeSums, place);
            here.fma(hat, of(placeProducts, place)).intoArray(placeProducts, place);
        }
        sum.intoArray(scratch, 0);
        product.intoArray(scratch, W);
        into[0] = total(scratch, 0);
        into[1] = total(scratch, W);
        return i;
    }

    @Override
    public void affineGrad(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from, int length,
                           boolean relu) {
        ${lane} h = threshold(relu);
        int i = channelMask != 0 ? gradChannels(x, atX, dy, atDy, dx, atDx, from, length, h)
                : gradPositions(x, atX, dy, atDy, dx, atDx, from, length, h);
        for (; i < length; i++) {
            int channel = from + i & channelMask;
            int position = from + i & positionMask;
            ${lane} hat = normalizedOne(x, atX + i * BYTES, position);
            ${lane} g = active(get(dy, atDy + i * BYTES), Math.fma(hat, gamma[channel], beta[channel]), h);
            put(dx, atDx + i * BYTES,
                    Math.fma(hat, slope[position], gradShift[position]) + g * gamma[channel] * unit[position]);
        }
    }

    private int gradChannels(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from, int length,
                             ${lane} h) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        var dxs = Lanes.of(dx);
        ${Lane}Vector t = of(zoom, 0);
        ${Lane}Vector k = of(offset, 0);
        ${Lane}Vector a = of(factor, 0);
        ${Lane}Vector b = of(rest, 0);
        ${Lane}Vector u = of(unit, 0);
        ${Lane}Vector q = of(slope, 0);
        ${Lane}Vector o = of(gradShift, 0);
        ${lane}[] gammas = gamma;
        ${lane}[] betas = beta;
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        int i = 0;
        for (; i <= length - W; i += W) {
            int place = from + i;
            ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(t, k)
                    .fma(a, b);
            ${Lane}Vector scale = of(gammas, place);
            ${Lane}Vector g = active(load${Lane}(dys, atDy, i), hat.fma(scale, of(betas, place)), vh, none);
            ${Lane}Vector own = g.mul(scale).mul(u);
            Lanes.store(hat.fma(q, o).add(own), dxs, atDx, i);
        }
        return i;
    }

    private int gradPositions(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from, int length,
                              ${lane} h) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        var dxs = Lanes.of(dx);
        ${Lane}Vector scale = of(gamma, 0);
        ${Lane}Vector shift = of(beta, 0);
        ${lane}[] zooms = zoom;
        ${lane}[] offsets = offset;
        ${lane}[] factors = factor;
        ${lane}[] rests = rest;
        ${lane}[] units = unit;
        ${lane}[] slopes = slope;
        ${lane}[] gradShifts = gradShift;
        ${Lane}Vector vh = all(h);
        ${Lane}Vector none = zero();
        int i = 0;
        for (; i <= length - W; i += W) {
            int place = from + i;
            ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(of(zooms, place), of(offsets, place))
                    .fma(of(factors, place), of(rests, place));
            ${Lane}Vector g = active(load${Lane}(dys, atDy, i), hat.fma(scale, shift), vh, none);
            ${Lane}Vector own = g.mul(scale).mul(of(units, place));
            Lanes.store(hat.fma(of(slopes, place), of(gradShifts, place)).add(own), dxs, atDx, i);
        }
        return i;
    }
}
