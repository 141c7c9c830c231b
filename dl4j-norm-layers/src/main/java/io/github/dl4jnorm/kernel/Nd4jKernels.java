// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Affine.Coefficients;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.GradSums;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.SumTable;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * {@link NormKernels} made of ND4J operations, for every backend: never looks at memory. Sums are formed in double, as
 * ND4J's float reductions lose whole digits; the maps run in the input's own type (HALF in FLOAT).
 */
final class Nd4jKernels implements NormKernels {

    @Override
    public String name() {
        return "nd4j";
    }

    @Override
    public Moments moments(INDArray x, View view, Mask mask) {
        INDArray keep = Cubes.mask(mask, view, DataType.DOUBLE);
        INDArray cube = Cubes.of(x, view, DataType.DOUBLE, keep);
        INDArray count = Cubes.count(keep, view);
        INDArray divisor = Transforms.max(count, 1);
        INDArray mean = cube.sum(true, 2).divi(divisor);
        // Once more about the mean: that of a constant is exact then.
        mean.addi(Cubes.where(keep, cube.sub(mean)).sum(true, 2).divi(divisor));
        INDArray centered = Cubes.where(keep, cube.sub(mean));
        double[] counts = count.dup('c').data().asDouble();
        double[] means = mean.dup('c').data().asDouble();
        double[] squares = centered.muli(centered).sum(true, 2).dup('c').data().asDouble();
        Cubes.dropRounding(cube, keep == null ? null : Cubes.spread(keep, view.channels()), counts, means, squares);
        Moments result = new Moments(view.examples(), view.channels());
        for (int cell = 0; cell < means.length; cell++) {
            result.merge(cell, counts[cell], means[cell], squares[cell]);
        }
        return result;
    }

    @Override
    public void affine(INDArray x, View view, Mask mask, Affine affine, boolean relu, INDArray y) {
        Table table = new Table(view, affine, null, Cubes.working(x));
        INDArray keep = Cubes.mask(mask, view, table.type);
        INDArray cube = Cubes.of(x, view, table.type, keep);
        INDArray result = cube.sub(table.center).muli(table.scale).addi(table.shift);
        Cubes.assign(Cubes.where(keep, relu ? Transforms.relu(result, false) : result), view, y);
    }

    @Override
    public GradSums gradSums(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu) {
        INDArray keep = Cubes.mask(mask, view, DataType.DOUBLE);
        Table exact = new Table(view, affine, null, DataType.DOUBLE);
        INDArray centered = Cubes.where(keep, Cubes.of(x, view, DataType.DOUBLE, keep).subi(exact.center));
        INDArray active = Cubes.of(dy, view, DataType.DOUBLE, keep);
        if (relu) {
            // In the type of the forward pass, so that both agree on the sign.
            Table forward = new Table(view, affine, null, Cubes.working(x));
            INDArray cube = Cubes.of(x, view, forward.type, Cubes.mask(mask, view, forward.type));
            active = forward.active(active, cube.subi(forward.center), true);
        }
        double[] sums = active.sum(true, 2).dup('c').data().asDouble();
        double[] products = active.mul(centered).sum(true, 2).dup('c').data().asDouble();
        SumTable table = new SumTable(view.examples(), view.channels());
        for (int cell = 0; cell < sums.length; cell++) {
            table.add(cell, sums[cell], products[cell]);
        }
        return table;
    }

    @Override
    public void affineGrad(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu, GradAffine grad,
                           INDArray dx) {
        Table table = new Table(view, affine, grad, Cubes.working(x));
        INDArray keep = Cubes.mask(mask, view, table.type);
        INDArray centered = Cubes.of(x, view, table.type, keep).sub(table.center);
        INDArray active = table.active(Cubes.of(dy, view, table.type, keep), centered, relu);
        INDArray result = centered.muli(table.unit).muli(table.slope).addi(active.mul(table.scale))
                .addi(table.gradShift);
        Cubes.assign(Cubes.where(keep, result), view, dx);
    }

    @Override
    public Moments positionNorm(INDArray x, View view, Mask mask, PositionNorm norm, boolean relu, INDArray y) {
        Positions all = new Positions(x, view, mask, norm);
        INDArray result = all.normalized.mul(all.gamma).addi(all.beta);
        Cubes.assign(Cubes.where(all.keep, relu ? Transforms.relu(result, false) : result), view, y);
        return null;
    }

    @Override
    public PositionNorm.Gradients positionNormGrad(INDArray x, INDArray dy, View view, Mask mask, PositionNorm norm,
                                                   Moments known, boolean relu, INDArray dx) {
        Positions all = new Positions(x, view, mask, norm);
        INDArray active = Cubes.of(dy, view, DataType.DOUBLE, all.keep);
        if (relu) {
            active = Cubes.positive(active, all.normalized.mul(all.gamma).addi(all.beta));
        }
        INDArray toBeta = active.sum(0, 2);
        INDArray toGamma = active.mul(all.normalized).sum(0, 2);
        INDArray scaled = active.mul(all.gamma);
        INDArray shift = all.shift(all.sum(scaled));
        INDArray slope = all.slope(all.sum(scaled.mul(all.normalized)));
        INDArray result = scaled.muli(all.spread(all.unit)).addi(all.normalized.mul(all.spread(slope)))
                .addi(all.spread(shift));
        Cubes.assign(Cubes.where(all.keep, result), view, dx);
        return new PositionNorm.Gradients(toGamma.dup('c').data().asDouble(), toBeta.dup('c').data().asDouble());
    }

    /** Coefficients of all examples and channels as arrays of shape [N, C, 1]. */
    private static final class Table {
        /** The working type, or DOUBLE where differences of the largest numbers of FLOAT would leave its range. */
        final DataType type;
        final INDArray scale;
        final INDArray center;
        final INDArray unit;
        final INDArray shift;
        final INDArray slope;
        final INDArray gradShift;

        /** Center is the mean rounded to the working type; what it lost goes into the shifts, where it is small. */
        Table(View view, Affine affine, GradAffine grad, DataType working) {
            int channels = view.channels();
            int cells = view.examples() * channels;
            type = working == DataType.DOUBLE || moderate(view, affine) ? working : DataType.DOUBLE;
            double[][] columns = new double[6][cells];
            Coefficients k = new Coefficients(channels);
            double[] slopes = new double[channels];
            double[] shifts = new double[channels];
            for (int n = 0; n < view.examples(); n++) {
                affine.row(n, 0, channels, k);
                if (grad != null) {
                    grad.row(n, 0, channels, k, slopes, shifts);
                }
                for (int c = 0; c < channels; c++) {
                    int cell = n * channels + c;
                    double center = type == DataType.DOUBLE ? k.center[c] : (float) k.center[c];
                    double lost = center - k.center[c];
                    columns[0][cell] = k.scale[c];
                    columns[1][cell] = center;
                    columns[2][cell] = k.unit[c];
                    columns[3][cell] = k.shift[c] + k.scale[c] * lost;
                    columns[4][cell] = slopes[c];
                    columns[5][cell] = shifts[c] + slopes[c] * k.unit[c] * lost;
                }
            }
            scale = Cubes.column(columns[0], view, type);
            center = Cubes.column(columns[1], view, type);
            unit = Cubes.column(columns[2], view, type);
            shift = Cubes.column(columns[3], view, type);
            slope = Cubes.column(columns[4], view, type);
            gradShift = Cubes.column(columns[5], view, type);
        }

        private static boolean moderate(View view, Affine affine) {
            Coefficients k = new Coefficients(view.channels());
            boolean moderate = true;
            for (int n = 0; n < view.examples(); n++) {
                affine.row(n, 0, view.channels(), k);
                for (int c = 0; c < view.channels(); c++) {
                    // NaN or infinity in the input is to change nothing outside of its group, not even by rounding.
                    k.unit[c] = Double.isNaN(k.unit[c]) ? 1 : k.unit[c];
                }
                moderate &= Range.moderate(k.unit, view.channels());
            }
            return moderate;
        }

        INDArray active(INDArray dy, INDArray centered, boolean relu) {
            return relu ? Cubes.positive(dy, centered.mul(scale).addi(shift)) : dy;
        }
    }

    /** Input normalized over the channels of each group, in double. */
    private static final class Positions {
        private final int n;
        private final int c;
        private final int s;
        private final PositionNorm norm;
        private final double[] count;
        final INDArray keep;
        private final double[] units;
        final INDArray unit;
        final INDArray normalized;
        final INDArray gamma;
        final INDArray beta;

        Positions(INDArray x, View view, Mask mask, PositionNorm norm) {
            n = view.examples();
            c = view.channels();
            s = view.positions();
            this.norm = norm;
            keep = Cubes.mask(mask, view, DataType.DOUBLE);
            INDArray cube = Cubes.of(x, view, DataType.DOUBLE, keep);
            INDArray counts = sum(keep == null ? Nd4j.onesLike(cube) : Nd4j.onesLike(cube).muli(keep));
            INDArray mean = sum(cube).divi(Transforms.max(counts, 1));
            mean.addi(sum(Cubes.where(keep, cube.sub(spread(mean)))).divi(Transforms.max(counts, 1)));
            INDArray deviation = Cubes.where(keep, cube.sub(spread(mean)));
            count = numbers(counts);
            double[] means = numbers(mean);
            double[] squares = numbers(sum(deviation.mul(deviation)));
            Cubes.dropRounding(grouped(cube), keep == null ? null : grouped(Cubes.spread(keep, c)), count, means, squares);
            units = new double[count.length];
            Arrays.setAll(units, i -> norm.unit(count[i], means[i], squares[i]));
            unit = groups(units);
            INDArray centered = norm.isCentered() ? deviation : cube;
            normalized = centered.muli(spread(unit));
            gamma = Nd4j.createFromArray(filled(norm, true)).reshape(1, c, 1);
            beta = Nd4j.createFromArray(filled(norm, false)).reshape(1, c, 1);
        }

        private double[] filled(PositionNorm norm, boolean scale) {
            double[] values = new double[c];
            for (int i = 0; i < c; i++) {
                values[i] = scale ? norm.gamma(i) : norm.beta(i);
            }
            return values;
        }

        /** Sum over the channels of each group: [N, G, 1, S]. */
        INDArray sum(INDArray cube) {
            return grouped(cube).sum(true, 2);
        }

        private INDArray grouped(INDArray cube) {
            return cube.dup('c').reshape('c', n, norm.groups(), c / norm.groups(), s);
        }

        INDArray shift(INDArray sums) {
            double[] values = numbers(sums);
            Arrays.setAll(values, i -> norm.gradShift(units[i], count[i], values[i]));
            return groups(values);
        }

        INDArray slope(INDArray products) {
            double[] values = numbers(products);
            Arrays.setAll(values, i -> norm.gradSlope(units[i], count[i], values[i]));
            return groups(values);
        }

        private static double[] numbers(INDArray groups) {
            return groups.dup('c').data().asDouble();
        }

        private INDArray groups(double[] values) {
            return Nd4j.createFromArray(values).reshape('c', n, norm.groups(), 1, s);
        }

        /** [N, G, 1, S] back to [N, C, S]. */
        INDArray spread(INDArray groups) {
            return Nd4j.tile(groups, 1, 1, c / norm.groups(), 1).reshape('c', n, c, s);
        }
    }
}
