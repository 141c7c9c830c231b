// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.Lanes.load${Lane};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.all;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.of;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.${activation};
import static io.github.dl4jnorm.kernel.${Lane}Vectors.total;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.zero;

import jdk.incubator.vector.${Lane}Vector;

/**
 * The loops of {@link ${Lane}VectorCrossings} over whole vectors, with the activation ${activation}. Each loop is there twice,
 * so that what is the same all along a run stays in registers: for channels along the run and for positions. They return
 * how many elements they have done.
 */
final class ${Lane}Vector${Activation}Crossings {
    private ${Lane}Vector${Activation}Crossings() {
    }

    static int affineChannels(${Lane}CrossTables tables, Memory x, int atX, Memory y, int atY, int from, int length) {
        var xs = Lanes.of(x);
        var ys = Lanes.of(y);
        ${Lane}Vector t = all(tables.zoom[0]);
        ${Lane}Vector k = all(tables.offset[0]);
        ${Lane}Vector a = all(tables.factor[0]);
        ${Lane}Vector b = all(tables.rest[0]);
        ${lane}[] gammas = tables.gamma;
        ${lane}[] betas = tables.beta;
        ${Lane}Vector none = zero();
        int i = 0;
        for (; i <= length - W; i += W) {
            int place = from + i;
            ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(t, k).fma(a, b);
            ${Lane}Vector scale = of(gammas, place);
            Lanes.store(${activation}(hat.fma(scale, of(betas, place)), hat.fma(scale, of(betas, place)), none), ys, atY, i);
        }
        return i;
    }

    static int affinePositions(${Lane}CrossTables tables, Memory x, int atX, Memory y, int atY, int from, int length) {
        var xs = Lanes.of(x);
        var ys = Lanes.of(y);
        ${Lane}Vector scale = all(tables.gamma[0]);
        ${Lane}Vector shift = all(tables.beta[0]);
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] rests = tables.rest;
        ${Lane}Vector none = zero();
        int i = 0;
        for (; i <= length - W; i += W) {
            int place = from + i;
            ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(of(zooms, place), of(offsets, place))
                    .fma(of(factors, place), of(rests, place));
            Lanes.store(${activation}(hat.fma(scale, shift), hat.fma(scale, shift), none), ys, atY, i);
        }
        return i;
    }

    static int sumChannels(${Lane}CrossTables tables, Memory x, int atX, Memory dy, int atDy, int from, int length,
                           ${lane}[] scratch, double[] into) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        ${Lane}Vector t = all(tables.zoom[0]);
        ${Lane}Vector k = all(tables.offset[0]);
        ${Lane}Vector a = all(tables.factor[0]);
        ${Lane}Vector b = all(tables.rest[0]);
        ${lane}[] gammas = tables.gamma;
        ${lane}[] betas = tables.beta;
        ${lane}[] placeSums = tables.sums;
        ${lane}[] placeProducts = tables.products;
        ${Lane}Vector sum = zero();
        ${Lane}Vector product = zero();
        ${Lane}Vector none = zero();
        int i = 0;
        for (; i <= length - W; i += W) {
            int place = from + i;
            ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(t, k).fma(a, b);
            ${Lane}Vector scale = of(gammas, place);
            ${Lane}Vector g = ${activation}(load${Lane}(dys, atDy, i), hat.fma(scale, of(betas, place)), none);
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

    static int sumPositions(${Lane}CrossTables tables, Memory x, int atX, Memory dy, int atDy, int from, int length,
                           ${lane}[] scratch, double[] into) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        ${Lane}Vector scale = all(tables.gamma[0]);
        ${Lane}Vector shift = all(tables.beta[0]);
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] rests = tables.rest;
        ${lane}[] placeSums = tables.sums;
        ${lane}[] placeProducts = tables.products;
        ${Lane}Vector sum = zero();
        ${Lane}Vector product = zero();
        ${Lane}Vector none = zero();
        int i = 0;
        for (; i <= length - W; i += W) {
            int place = from + i;
            ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(of(zooms, place), of(offsets, place))
                    .fma(of(factors, place), of(rests, place));
            ${Lane}Vector g = ${activation}(load${Lane}(dys, atDy, i), hat.fma(scale, shift), none);
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

    static int gradChannels(${Lane}CrossTables tables, Memory x, int atX, Memory dy, int atDy, Memory dx,
                            int atDx, int from, int length) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        var dxs = Lanes.of(dx);
        ${Lane}Vector t = all(tables.zoom[0]);
        ${Lane}Vector k = all(tables.offset[0]);
        ${Lane}Vector a = all(tables.factor[0]);
        ${Lane}Vector b = all(tables.rest[0]);
        ${Lane}Vector u = all(tables.unit[0]);
        ${Lane}Vector q = all(tables.slope[0]);
        ${Lane}Vector o = all(tables.gradShift[0]);
        ${lane}[] gammas = tables.gamma;
        ${lane}[] betas = tables.beta;
        ${Lane}Vector none = zero();
        int i = 0;
        for (; i <= length - W; i += W) {
            int place = from + i;
            ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(t, k).fma(a, b);
            ${Lane}Vector scale = of(gammas, place);
            ${Lane}Vector g = ${activation}(load${Lane}(dys, atDy, i), hat.fma(scale, of(betas, place)), none);
            ${Lane}Vector own = g.mul(scale).mul(u);
            Lanes.store(hat.fma(q, o).add(own), dxs, atDx, i);
        }
        return i;
    }

    static int gradPositions(${Lane}CrossTables tables, Memory x, int atX, Memory dy, int atDy, Memory dx,
                            int atDx, int from, int length) {
        var xs = Lanes.of(x);
        var dys = Lanes.of(dy);
        var dxs = Lanes.of(dx);
        ${Lane}Vector scale = all(tables.gamma[0]);
        ${Lane}Vector shift = all(tables.beta[0]);
        ${lane}[] zooms = tables.zoom;
        ${lane}[] offsets = tables.offset;
        ${lane}[] factors = tables.factor;
        ${lane}[] rests = tables.rest;
        ${lane}[] units = tables.unit;
        ${lane}[] slopes = tables.slope;
        ${lane}[] gradShifts = tables.gradShift;
        ${Lane}Vector none = zero();
        int i = 0;
        for (; i <= length - W; i += W) {
            int place = from + i;
            ${Lane}Vector hat = load${Lane}(xs, atX, i).fma(of(zooms, place), of(offsets, place))
                    .fma(of(factors, place), of(rests, place));
            ${Lane}Vector g = ${activation}(load${Lane}(dys, atDy, i), hat.fma(scale, shift), none);
            ${Lane}Vector own = g.mul(scale).mul(of(units, place));
            Lanes.store(hat.fma(of(slopes, place), of(gradShifts, place)).add(own), dxs, atDx, i);
        }
        return i;
    }
}
