// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.Lanes.load${Lane};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.all;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.get;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.of;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.put;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.${activation};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.zero;

import jdk.incubator.vector.${Lane}Vector;

/**
 * The loops of {@link ${Lane}VectorCrossings} with the activation ${activation}. Each is there twice, so that what is the same
 * all along a run stays in registers: for channels along the run and for positions. What is left of a run after the last
 * whole vector goes one by one.
 */
final class ${Lane}Vector${Activation}Crossings {
    private ${Lane}Vector${Activation}Crossings() {
    }

    private static ${lane} normalized(${Lane}CrossTables tables, Memory x, int at, int position) {
        ${lane} d = Math.fma(get(x, at), tables.zoom[position], tables.offset[position]);
        return Math.fma(d, tables.factor[position], tables.rest[position]);
    }

    static void affine(${Lane}CrossTables tables, Memory x, int atX, Memory y, int atY, int from, int length) {
        var xs = Lanes.of(x);
        var ys = Lanes.of(y);
        ${lane}[] gammas = tables.gamma;
        ${lane}[] betas = tables.beta;
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] rests = tables.rest;
        ${Lane}Vector none = zero();
        int i = 0;
        if (tables.channelMask != 0) {
            ${Lane}Vector t = all(zooms[0]);
            ${Lane}Vector k = all(offsets[0]);
            ${Lane}Vector a = all(factors[0]);
            ${Lane}Vector b = all(rests[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(t, k).fma(a, b);
                ${Lane}Vector scale = of(gammas, place);
                // Written twice, computed once: the compiler would make an object of a vector used twice.
                Lanes.store(${activation}(hat.fma(scale, of(betas, place)), hat.fma(scale, of(betas, place)), none), ys, atY, i);
            }
        } else {
            ${Lane}Vector scale = all(gammas[0]);
            ${Lane}Vector shift = all(betas[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(of(zooms, place), of(offsets, place))
                        .fma(of(factors, place), of(rests, place));
                Lanes.store(${activation}(hat.fma(scale, shift), hat.fma(scale, shift), none), ys, atY, i);
            }
        }
        for (; i < length; i++) {
            int channel = from + i & tables.channelMask;
            ${lane} z = Math.fma(normalized(tables, x, atX + i * BYTES, from + i & tables.positionMask), gammas[channel],
                    betas[channel]);
            put(y, atY + i * BYTES, ${activation}(z, z));
        }
    }

    /** Leaves the sums of the run in W elements each, not added up. */
    static void sums(${Lane}CrossTables tables, Memory x, int atX, Memory dy, int atDy, int from, int length,
                     ${lane}[] scratch) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        ${lane}[] gammas = tables.gamma;
        ${lane}[] betas = tables.beta;
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] rests = tables.rest;
        ${lane}[] placeSums = tables.sums;
        ${lane}[] placeProducts = tables.products;
        ${Lane}Vector none = zero();
        ${Lane}Vector sum = zero();
        ${Lane}Vector product = zero();
        boolean alongChannels = tables.channelMask != 0;
        int i = 0;
        if (alongChannels) {
            ${Lane}Vector t = all(zooms[0]);
            ${Lane}Vector k = all(offsets[0]);
            ${Lane}Vector a = all(factors[0]);
            ${Lane}Vector b = all(rests[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(t, k).fma(a, b);
                ${Lane}Vector scale = of(gammas, place);
                ${Lane}Vector g = ${activation}(load${Lane}(dys, atDy, i), hat.fma(scale, of(betas, place)), none);
                ${Lane}Vector along = g.mul(scale);
                sum = sum.add(along);
                product = along.fma(hat, product);
                of(placeSums, place).add(g).intoArray(placeSums, place);
                g.fma(hat, of(placeProducts, place)).intoArray(placeProducts, place);
            }
        } else {
            ${Lane}Vector scale = all(gammas[0]);
            ${Lane}Vector shift = all(betas[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(of(zooms, place), of(offsets, place))
                        .fma(of(factors, place), of(rests, place));
                ${Lane}Vector g = ${activation}(load${Lane}(dys, atDy, i), hat.fma(scale, shift), none);
                ${Lane}Vector here = g.mul(scale);
                sum = sum.add(g);
                product = g.fma(hat, product);
                of(placeSums, place).add(here).intoArray(placeSums, place);
                here.fma(hat, of(placeProducts, place)).intoArray(placeProducts, place);
            }
        }
        sum.intoArray(scratch, 0);
        product.intoArray(scratch, W);
        for (; i < length; i++) {
            int place = from + i;
            int channel = place & tables.channelMask;
            ${lane} hat = normalized(tables, x, atX + i * BYTES, place & tables.positionMask);
            ${lane} g = ${activation}(get(dy, atDy + i * BYTES), Math.fma(hat, gammas[channel], betas[channel]));
            ${lane} scaled = g * gammas[channel];
            ${lane} here = alongChannels ? g : scaled;
            ${lane} along = alongChannels ? scaled : g;
            int lane = i % W;
            scratch[lane] += along;
            scratch[W + lane] = Math.fma(along, hat, scratch[W + lane]);
            placeSums[place] += here;
            placeProducts[place] = Math.fma(here, hat, placeProducts[place]);
        }
    }

    static void grad(${Lane}CrossTables tables, Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from,
                     int length) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        var dxs = Lanes.of(dx);
        ${lane}[] gammas = tables.gamma;
        ${lane}[] betas = tables.beta;
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] rests = tables.rest;
        ${lane}[] units = tables.unit;
        ${lane}[] slopes = tables.slope;
        ${lane}[] gradShifts = tables.gradShift;
        ${Lane}Vector none = zero();
        int i = 0;
        if (tables.channelMask != 0) {
            ${Lane}Vector t = all(zooms[0]);
            ${Lane}Vector k = all(offsets[0]);
            ${Lane}Vector a = all(factors[0]);
            ${Lane}Vector b = all(rests[0]);
            ${Lane}Vector u = all(units[0]);
            ${Lane}Vector q = all(slopes[0]);
            ${Lane}Vector o = all(gradShifts[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(t, k).fma(a, b);
                ${Lane}Vector scale = of(gammas, place);
                ${Lane}Vector g = ${activation}(load${Lane}(dys, atDy, i), hat.fma(scale, of(betas, place)), none);
                ${Lane}Vector own = g.mul(scale).mul(u);
                Lanes.store(hat.fma(q, o).add(own), dxs, atDx, i);
            }
        } else {
            ${Lane}Vector scale = all(gammas[0]);
            ${Lane}Vector shift = all(betas[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(of(zooms, place), of(offsets, place))
                        .fma(of(factors, place), of(rests, place));
                ${Lane}Vector g = ${activation}(load${Lane}(dys, atDy, i), hat.fma(scale, shift), none);
                ${Lane}Vector own = g.mul(scale).mul(of(units, place));
                Lanes.store(hat.fma(of(slopes, place), of(gradShifts, place)).add(own), dxs, atDx, i);
            }
        }
        for (; i < length; i++) {
            int channel = from + i & tables.channelMask;
            int position = from + i & tables.positionMask;
            ${lane} hat = normalized(tables, x, atX + i * BYTES, position);
            ${lane} g = ${activation}(get(dy, atDy + i * BYTES), Math.fma(hat, gammas[channel], betas[channel]));
            put(dx, atDx + i * BYTES, Math.fma(hat, slopes[position], gradShifts[position])
                    + g * gammas[channel] * units[position]);
        }
    }
}
