// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.${Lane}Vectors.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.ORDER;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.SPECIES;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.STEP;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.get;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.put;
import static jdk.incubator.vector.${Lane}Vector.broadcast;
import static jdk.incubator.vector.${Lane}Vector.fromArray;
import static jdk.incubator.vector.${Lane}Vector.zero;
import static jdk.incubator.vector.${Lane}Vector.@{load};
import static jdk.incubator.vector.VectorOperators.LE;

import jdk.incubator.vector.${Lane}Vector;

/**
 * The loops of {@link ${Lane}VectorCrossings} with the activation ${activation}. Each is there twice, so that what is the same
 * all along a run stays in registers: for channels along the run and for positions. What is left of a run after the last
 * whole vector goes one by one.
 */
final class ${Lane}Vector${Activation}Crossings {
    private static final boolean RELU = ${relu};

    private ${Lane}Vector${Activation}Crossings() {
    }

    private static ${lane} normalized(${Lane}CrossTables tables, Memory x, int at, int position) {
        ${lane} d = Math.fma(get(x, at), tables.zoom[position], tables.offset[position]);
        return Math.fma(d, tables.factor[position], tables.rest[position]);
    }

    static void affine(${Lane}CrossTables tables, Memory x, int atX, Memory y, int atY, int from, int length) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var ys = Lanes.of(y);
        var startY = Lanes.base(y) + atY;
        ${lane}[] gammas = tables.gamma;
        ${lane}[] betas = tables.beta;
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] rests = tables.rest;
        ${Lane}Vector none = zero(SPECIES);
        int i = 0;
        if (tables.channelMask != 0) {
            ${Lane}Vector t = broadcast(SPECIES, zooms[0]);
            ${Lane}Vector k = broadcast(SPECIES, offsets[0]);
            ${Lane}Vector a = broadcast(SPECIES, factors[0]);
            ${Lane}Vector b = broadcast(SPECIES, rests[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                ${Lane}Vector hat = @{load}(SPECIES, xs, startX + STEP * i, ORDER).fma(t, k).fma(a, b);
                ${Lane}Vector scale = fromArray(SPECIES, gammas, place);
                ${Lane}Vector z = hat.fma(scale, fromArray(SPECIES, betas, place));
                if (RELU) {
                    z = z.blend(none, z.compare(LE, none));
                }
                z.@{store}(ys, startY + STEP * i, ORDER);
            }
        } else {
            ${Lane}Vector scale = broadcast(SPECIES, gammas[0]);
            ${Lane}Vector shift = broadcast(SPECIES, betas[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                ${Lane}Vector hat = @{load}(SPECIES, xs, startX + STEP * i, ORDER)
                        .fma(fromArray(SPECIES, zooms, place), fromArray(SPECIES, offsets, place))
                        .fma(fromArray(SPECIES, factors, place), fromArray(SPECIES, rests, place));
                ${Lane}Vector z = hat.fma(scale, shift);
                if (RELU) {
                    z = z.blend(none, z.compare(LE, none));
                }
                z.@{store}(ys, startY + STEP * i, ORDER);
            }
        }
        for (; i < length; i++) {
            int channel = from + i & tables.channelMask;
            ${lane} z = Math.fma(normalized(tables, x, atX + i * BYTES, from + i & tables.positionMask), gammas[channel],
                    betas[channel]);
            put(y, atY + i * BYTES, RELU && z <= 0 ? 0 : z);
        }
    }

    /** Leaves the sums of the run in W elements each, not added up. */
    static void sums(${Lane}CrossTables tables, Memory x, int atX, Memory dy, int atDy, int from, int length,
                     ${lane}[] scratch) {
        var xs = Lanes.of(x);
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        ${lane}[] gammas = tables.gamma;
        ${lane}[] betas = tables.beta;
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] rests = tables.rest;
        ${lane}[] placeSums = tables.sums;
        ${lane}[] placeProducts = tables.products;
        ${Lane}Vector none = zero(SPECIES);
        ${Lane}Vector sum = zero(SPECIES);
        ${Lane}Vector product = zero(SPECIES);
        boolean alongChannels = tables.channelMask != 0;
        int i = 0;
        if (alongChannels) {
            ${Lane}Vector t = broadcast(SPECIES, zooms[0]);
            ${Lane}Vector k = broadcast(SPECIES, offsets[0]);
            ${Lane}Vector a = broadcast(SPECIES, factors[0]);
            ${Lane}Vector b = broadcast(SPECIES, rests[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                ${Lane}Vector hat = @{load}(SPECIES, xs, startX + STEP * i, ORDER).fma(t, k).fma(a, b);
                ${Lane}Vector scale = fromArray(SPECIES, gammas, place);
                ${Lane}Vector g = @{load}(SPECIES, dys, startDy + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, hat.fma(scale, fromArray(SPECIES, betas, place)).compare(LE, none));
                }
                ${Lane}Vector along = g.mul(scale);
                sum = sum.add(along);
                product = along.fma(hat, product);
                fromArray(SPECIES, placeSums, place).add(g).intoArray(placeSums, place);
                g.fma(hat, fromArray(SPECIES, placeProducts, place)).intoArray(placeProducts, place);
            }
        } else {
            ${Lane}Vector scale = broadcast(SPECIES, gammas[0]);
            ${Lane}Vector shift = broadcast(SPECIES, betas[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                ${Lane}Vector hat = @{load}(SPECIES, xs, startX + STEP * i, ORDER)
                        .fma(fromArray(SPECIES, zooms, place), fromArray(SPECIES, offsets, place))
                        .fma(fromArray(SPECIES, factors, place), fromArray(SPECIES, rests, place));
                ${Lane}Vector g = @{load}(SPECIES, dys, startDy + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, hat.fma(scale, shift).compare(LE, none));
                }
                ${Lane}Vector here = g.mul(scale);
                sum = sum.add(g);
                product = g.fma(hat, product);
                fromArray(SPECIES, placeSums, place).add(here).intoArray(placeSums, place);
                here.fma(hat, fromArray(SPECIES, placeProducts, place)).intoArray(placeProducts, place);
            }
        }
        sum.intoArray(scratch, 0);
        product.intoArray(scratch, W);
        for (; i < length; i++) {
            int place = from + i;
            int channel = place & tables.channelMask;
            ${lane} hat = normalized(tables, x, atX + i * BYTES, place & tables.positionMask);
            ${lane} z = Math.fma(hat, gammas[channel], betas[channel]);
            ${lane} g = RELU && z <= 0 ? 0 : get(dy, atDy + i * BYTES);
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
        var startX = Lanes.base(x) + atX;
        var dys = Lanes.of(dy);
        var startDy = Lanes.base(dy) + atDy;
        var dxs = Lanes.of(dx);
        var startDx = Lanes.base(dx) + atDx;
        ${lane}[] gammas = tables.gamma;
        ${lane}[] betas = tables.beta;
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] rests = tables.rest;
        ${lane}[] units = tables.unit;
        ${lane}[] slopes = tables.slope;
        ${lane}[] gradShifts = tables.gradShift;
        ${Lane}Vector none = zero(SPECIES);
        int i = 0;
        if (tables.channelMask != 0) {
            ${Lane}Vector t = broadcast(SPECIES, zooms[0]);
            ${Lane}Vector k = broadcast(SPECIES, offsets[0]);
            ${Lane}Vector a = broadcast(SPECIES, factors[0]);
            ${Lane}Vector b = broadcast(SPECIES, rests[0]);
            ${Lane}Vector u = broadcast(SPECIES, units[0]);
            ${Lane}Vector q = broadcast(SPECIES, slopes[0]);
            ${Lane}Vector o = broadcast(SPECIES, gradShifts[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                ${Lane}Vector hat = @{load}(SPECIES, xs, startX + STEP * i, ORDER).fma(t, k).fma(a, b);
                ${Lane}Vector scale = fromArray(SPECIES, gammas, place);
                ${Lane}Vector g = @{load}(SPECIES, dys, startDy + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, hat.fma(scale, fromArray(SPECIES, betas, place)).compare(LE, none));
                }
                ${Lane}Vector own = g.mul(scale).mul(u);
                hat.fma(q, o).add(own).@{store}(dxs, startDx + STEP * i, ORDER);
            }
        } else {
            ${Lane}Vector scale = broadcast(SPECIES, gammas[0]);
            ${Lane}Vector shift = broadcast(SPECIES, betas[0]);
            for (; i <= length - W; i += W) {
                int place = from + i;
                ${Lane}Vector hat = @{load}(SPECIES, xs, startX + STEP * i, ORDER)
                        .fma(fromArray(SPECIES, zooms, place), fromArray(SPECIES, offsets, place))
                        .fma(fromArray(SPECIES, factors, place), fromArray(SPECIES, rests, place));
                ${Lane}Vector g = @{load}(SPECIES, dys, startDy + STEP * i, ORDER);
                if (RELU) {
                    g = g.blend(none, hat.fma(scale, shift).compare(LE, none));
                }
                ${Lane}Vector own = g.mul(scale).mul(fromArray(SPECIES, units, place));
                hat.fma(fromArray(SPECIES, slopes, place), fromArray(SPECIES, gradShifts, place)).add(own)
                        .@{store}(dxs, startDx + STEP * i, ORDER);
            }
        }
        for (; i < length; i++) {
            int channel = from + i & tables.channelMask;
            int position = from + i & tables.positionMask;
            ${lane} hat = normalized(tables, x, atX + i * BYTES, position);
            ${lane} z = Math.fma(hat, gammas[channel], betas[channel]);
            ${lane} g = RELU && z <= 0 ? 0 : get(dy, atDy + i * BYTES);
            put(dx, atDx + i * BYTES, Math.fma(hat, slopes[position], gradShifts[position])
                    + g * gammas[channel] * units[position]);
        }
    }
}
