// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.broadcast.BroadcastAddOp;
import org.nd4j.linalg.api.ops.impl.broadcast.BroadcastMulOp;
import org.nd4j.linalg.api.ops.impl.reduce.floating.SquaredNorm;
import org.nd4j.linalg.api.ops.impl.reduce.same.Sum;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.AddOp;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.MulOp;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.SubOp;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * Normalization over the channels of each group at each position, in double. Arrays are seen as {@code [N, G, C/G, S]}, or
 * {@code [N·S, G, C/G]} where channels come last: axis 2 is the one that is normalized.
 */
final class Nd4jPositions {
    private static final int NORMALIZED = 2;

    private final View view;
    private final Mask mask;
    private final PositionNorm norm;
    private final Nd4jCube cubes;
    private final boolean channelsLast;
    private final long[] shape;
    /** Of a number for each group at each position. */
    private final long[] perGroup;
    private final int cells;

    Nd4jPositions(View view, Mask mask, PositionNorm norm) {
        this.view = view;
        this.mask = mask;
        this.norm = norm;
        cubes = new Nd4jCube(view);
        long n = view.examples();
        long s = view.positions();
        long size = view.channels() / norm.groups();
        channelsLast = view.positions() == 1 || view.channelAxis() > 1;
        shape = channelsLast ? new long[]{n * s, norm.groups(), size} : new long[]{n, norm.groups(), size, s};
        perGroup = shape.clone();
        perGroup[NORMALIZED] = 1;
        cells = view.examples() * norm.groups() * view.positions();
    }

    Moments forward(INDArray x, boolean relu, INDArray y) {
        INDArray gate = gate();
        INDArray values = copy(x, gate);
        Moments found = normalize(values, gate, null);
        INDArray result = output(y, values);
        scaleAndShift(values, result);
        if (relu) {
            Transforms.relu(result, false);
        }
        Gates.close(result, gate);
        Nd4jCube.deliver(result, y);
        return PositionKernels.worthKeeping(view, norm) ? found : null;
    }

    PositionNorm.Gradients backward(INDArray x, INDArray dy, Moments known, boolean relu, INDArray dx) {
        INDArray gate = gate();
        INDArray normalized = copy(x, gate);
        Moments moments = normalize(normalized, gate, known);
        INDArray gradient = copy(dy, gate);
        INDArray products = normalized.ulike();
        if (relu) {
            scaleAndShift(normalized, products);
            Gates.pass(gradient, Transforms.relu(products, false), gradient);
        }
        INDArray toParameters = Nd4j.createUninitialized(DataType.DOUBLE, new long[]{2, view.channels()}, 'c');
        Nd4j.exec(new Sum(gradient, perChannel(Nd4jCube.part(toParameters, 0)), false, shared()));
        Nd4jCube.product(gradient, normalized, products);
        Nd4j.exec(new Sum(products, perChannel(Nd4jCube.part(toParameters, 1)), false, shared()));
        INDArray gammas = perChannel(Nd4j.createFromArray(ofChannels(norm::gamma)));
        Nd4j.exec(new BroadcastMulOp(gradient, gammas, gradient, 1, NORMALIZED));
        Nd4j.exec(new BroadcastMulOp(products, gammas, products, 1, NORMALIZED));
        INDArray sums = Nd4j.createUninitialized(DataType.DOUBLE, new long[]{2, cells}, 'c');
        sum(gradient, Nd4jCube.part(sums, 0));
        sum(products, Nd4jCube.part(sums, 1));
        double[] found = sums.data().asDouble();
        INDArray[] k = upload(cell -> unit(moments, cell),
                cell -> norm.gradSlope(unit(moments, cell), moments.count(at(cell)), found[cells + cell]),
                cell -> norm.gradShift(unit(moments, cell), moments.count(at(cell)), found[cell]));
        INDArray result = output(dx, gradient);
        multiply(gradient, k[0], result);
        multiply(normalized, k[1], normalized);
        Nd4jCube.sum(result, normalized, result);
        Nd4j.exec(new AddOp(new INDArray[]{result, k[2]}, new INDArray[]{result}));
        Gates.close(result, gate);
        Nd4jCube.deliver(result, dx);
        double[] gradients = toParameters.data().asDouble();
        int channels = view.channels();
        return new PositionNorm.Gradients(Arrays.copyOfRange(gradients, channels, 2 * channels),
                Arrays.copyOf(gradients, channels));
    }

    private INDArray gate() {
        INDArray gate = cubes.gate(mask, DataType.DOUBLE);
        return gate == null ? null : gate.reshape('c', shape);
    }

    private INDArray copy(INDArray array, INDArray gate) {
        INDArray copy = cubes.copy(array, DataType.DOUBLE).reshape('c', shape);
        Gates.close(copy, gate);
        return copy;
    }

    private INDArray output(INDArray array, INDArray otherwise) {
        return Nd4jCube.isCube(array, DataType.DOUBLE) ? Nd4jCube.view(array, shape) : otherwise;
    }

    /** Normalizes values in place; finds the moments unless they are known. */
    private Moments normalize(INDArray values, INDArray gate, Moments known) {
        Moments moments = known;
        if (known == null) {
            moments = moments(values, gate);
        } else if (norm.isCentered()) {
            subtract(values, upload(cell -> known.mean(at(cell)))[0]);
            Gates.close(values, gate);
        }
        Moments all = moments;
        multiply(values, upload(cell -> unit(all, cell))[0], values);
        return moments;
    }

    /** The moments of the groups; subtracts the means from the values if the norm does. */
    private Moments moments(INDArray values, INDArray gate) {
        double[] counts = counts();
        INDArray sums = Nd4j.createUninitialized(DataType.DOUBLE, new long[]{3, cells}, 'c');
        INDArray mean = Nd4jCube.part(sums, 0);
        sum(values, mean);
        Nd4jCube.toMeans(mean, mask, counts);
        INDArray deviations = norm.isCentered() ? values : values.dup('c');
        subtract(deviations, mean.reshape('c', perGroup));
        Gates.close(deviations, gate);
        sum(deviations, Nd4jCube.part(sums, 1));
        Nd4j.exec(new SquaredNorm(deviations, reduced(Nd4jCube.part(sums, 2)), false, NORMALIZED));
        Moments moments = new Moments(view.examples() * norm.groups(), view.positions());
        double[] found = Nd4jCube.take(sums, counts, deviations, gate, new int[]{NORMALIZED}, this::at, moments);
        if (norm.isCentered()) {
            centerConstants(values, gate,
                    cell -> moments.squares(at(cell)) == 0 ? found[cells + cell] / Math.max(1, counts[cell]) : 0);
        }
        return moments;
    }

    /** Elements that are all alike differ from their mean by its rounding alone, which a small eps would magnify. */
    private void centerConstants(INDArray deviations, INDArray gate, IntToDoubleFunction rest) {
        if (IntStream.range(0, cells).anyMatch(cell -> rest.applyAsDouble(cell) != 0)) {
            subtract(deviations, upload(rest)[0]);
            Gates.close(deviations, gate);
        }
    }

    /** How many elements of each cell count. */
    private double[] counts() {
        double[] counts = new double[cells];
        int size = (int) shape[NORMALIZED];
        Arrays.fill(counts, size);
        for (int cell = 0; mask != null && cell < cells; cell++) {
            int row = at(cell) / view.positions();
            counts[cell] = 0;
            for (int c = row % norm.groups() * size; c < (row % norm.groups() + 1) * size; c++) {
                counts[cell] += mask.keeps(row / norm.groups(), c, at(cell) % view.positions()) ? 1 : 0;
            }
        }
        return counts;
    }

    /** Where the moments of a cell stand, (n·G + g)·S + s. */
    private int at(int cell) {
        if (!channelsLast) {
            return cell;
        }
        int position = cell / norm.groups();
        int s = view.positions();
        return (position / s * norm.groups() + cell % norm.groups()) * s + position % s;
    }

    private double unit(Moments moments, int cell) {
        int at = at(cell);
        return norm.unit(moments.count(at), moments.mean(at), moments.squares(at));
    }

    private void sum(INDArray values, INDArray into) {
        Nd4j.exec(new Sum(values, reduced(into), false, NORMALIZED));
    }

    private INDArray reduced(INDArray table) {
        return channelsLast ? table.reshape('c', shape[0], shape[1]) : table.reshape('c', shape[0], shape[1], shape[3]);
    }

    /** The axes that are not those of channels. */
    private int[] shared() {
        return channelsLast ? new int[]{0} : new int[]{0, 3};
    }

    private INDArray perChannel(INDArray numbers) {
        return numbers.reshape('c', shape[1], shape[NORMALIZED]);
    }

    /** {@code into = gamma·normalized + beta}. */
    private void scaleAndShift(INDArray normalized, INDArray into) {
        INDArray both = Nd4j.createFromArray(new double[][]{ofChannels(norm::gamma), ofChannels(norm::beta)});
        Nd4j.exec(new BroadcastMulOp(normalized, perChannel(Nd4jCube.part(both, 0)), into, 1, NORMALIZED));
        Nd4j.exec(new BroadcastAddOp(into, perChannel(Nd4jCube.part(both, 1)), into, 1, NORMALIZED));
    }

    private double[] ofChannels(IntToDoubleFunction number) {
        double[] all = new double[view.channels()];
        Arrays.setAll(all, number);
        return all;
    }

    /** Takes a number for each cell to where the arrays are, and some more such tables at the same time. */
    private INDArray[] upload(IntToDoubleFunction... tables) {
        double[] all = new double[tables.length * cells];
        Arrays.setAll(all, i -> tables[i / cells].applyAsDouble(i % cells));
        INDArray array = Nd4j.createFromArray(all).reshape('c', tables.length, cells);
        INDArray[] each = new INDArray[tables.length];
        Arrays.setAll(each, i -> Nd4jCube.part(array, i).reshape('c', perGroup));
        return each;
    }

    // Of all broadcasts these have the inner axis missing, where ND4J's old operations jump through memory element by element.
    private static void subtract(INDArray values, INDArray table) {
        Nd4j.exec(new SubOp(new INDArray[]{values, table}, new INDArray[]{values}));
    }

    private static void multiply(INDArray values, INDArray table, INDArray into) {
        Nd4j.exec(new MulOp(new INDArray[]{values, table}, new INDArray[]{into}));
    }
}
