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
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * Normalization over the channels of each group at each position, in the input's own type (HALF in FLOAT) with sums in double.
 * Cells are groups: rows of C/G channels where channels come last, else columns of {@code [N·G, C/G, S]}.
 */
final class Nd4jPositions {
    /** Of a deviation less that from the mean as it is rounded, in units: half of what rounding an element of that size loses. */
    private static final double NO_REST = 0x1p-24;

    private final View view;
    private final Mask mask;
    private final PositionNorm norm;
    private final DataType type;
    private final Nd4jCube cubes;
    private final boolean channelsLast;
    private final Nd4jCells groups;
    private final Nd4jCells channels;

    /**
     * A pass.
     *
     * @param view view of the input, nothing folded
     * @param mask mask for it, or null
     * @param norm groups, gamma, beta and eps
     * @param type of the arithmetic, FLOAT or DOUBLE
     */
    Nd4jPositions(View view, Mask mask, PositionNorm norm, DataType type) {
        this.view = view;
        this.mask = mask;
        this.norm = norm;
        this.type = type;
        cubes = new Nd4jCube(view);
        channels = new Nd4jCube(view.batchAsPositions()).cells;
        long s = view.positions();
        long size = view.channels() / norm.groups();
        long count = (long) view.examples() * norm.groups();
        channelsLast = s == 1 || view.channelAxis() > 1;
        groups = channelsLast ? Nd4jCells.rows(count * s, size) : Nd4jCells.columns(count, size, s);
    }

    /** The same pass where numbers leave the range of FLOAT. */
    private Nd4jPositions inDouble() {
        return new Nd4jPositions(view, mask, norm, DataType.DOUBLE);
    }

    Moments forward(INDArray x, boolean relu, INDArray y) {
        Values values = new Values(x);
        INDArray result = Nd4jCube.output(y, x, values.elements);
        if (!values.find(result)) {
            return inDouble().forward(x, relu, y);
        }
        values.normalize(result);
        scaleAndShift(result, result);
        if (relu) {
            Transforms.relu(result, false);
        }
        Gates.close(result, values.gate);
        Nd4jCube.deliver(result, y);
        return PositionKernels.worthKeeping(view, norm) ? values.moments : null;
    }

    PositionNorm.Gradients backward(INDArray x, INDArray dy, Moments known, boolean relu, INDArray dx) {
        Values values = new Values(x);
        values.moments = known;
        INDArray normalized = Nd4jCube.scratch(x, values.elements);
        if (known == null ? !values.find(normalized) : !values.inRange()) {
            return inDouble().backward(x, dy, known, relu, dx);
        }
        values.normalize(normalized);
        INDArray active = active(cubes.of(dy, type), normalized, relu, values.gate);
        Nd4jCells.Sums toParameters = channels.new Sums(2, false);
        toParameters.sum(0, active);
        toParameters.products(1, active, normalized);
        INDArray result = Nd4jCube.output(dx, dy, active);
        if (norm.gamma() != null) {
            channels.multiply(active, channels.upload(type, norm.gamma())[0], result);
            active = result;
        }
        gradient(values.moments, active, normalized, result);
        Gates.close(result, values.gate);
        Nd4jCube.deliver(result, dx);
        double[] found = toParameters.read();
        return new PositionNorm.Gradients(Arrays.copyOfRange(found, channels.count, 2 * channels.count),
                Arrays.copyOf(found, channels.count));
    }

    /** dy where it counts and a ReLU was active, elsewhere 0; may be dy itself. */
    private INDArray active(INDArray gradient, INDArray normalized, boolean relu, INDArray gate) {
        if (!relu && gate == null) {
            return gradient;
        }
        INDArray passed = gradient.ulike();
        if (relu) {
            scaleAndShift(normalized, passed);
            if (norm.gamma() == null && norm.beta() == null) {
                passed.assign(normalized);
            }
            Gates.pass(gradient, Transforms.relu(passed, false), passed);
            Gates.close(passed, gate);
        } else {
            Gates.pass(gradient, gate, passed);
        }
        return passed;
    }

    /** {@code unit·weighted + slope·normalized + shift} with the numbers of each group; normalized is not read again. */
    private void gradient(Moments moments, INDArray weighted, INDArray normalized, INDArray into) {
        Nd4jCells.Sums sums = groups.new Sums(2, false);
        sums.sum(0, weighted);
        sums.products(1, weighted, normalized);
        double[] found = sums.read();
        int cells = groups.count;
        INDArray[] k = groups.upload(type, all(cell -> unit(moments, cell)),
                all(cell -> norm.gradSlope(unit(moments, cell), moments.count(at(cell)), found[cells + cell])),
                all(cell -> norm.gradShift(unit(moments, cell), moments.count(at(cell)), found[cell])));
        groups.multiply(weighted, k[0], into);
        groups.multiply(normalized, k[1], normalized);
        Nd4jCube.sum(into, normalized, into);
        if (norm.isCentered()) {
            groups.add(into, k[2], into);
        }
    }

    /** {@code into = gamma·normalized + beta}; nothing where there is neither. */
    private void scaleAndShift(INDArray normalized, INDArray into) {
        INDArray from = normalized;
        if (norm.gamma() != null) {
            channels.multiply(from, channels.upload(type, norm.gamma())[0], into);
            from = into;
        }
        if (norm.beta() != null) {
            channels.add(from, channels.upload(type, norm.beta())[0], into);
        }
    }

    /** A number for each cell. */
    private double[] all(IntToDoubleFunction number) {
        return IntStream.range(0, groups.count).mapToDouble(number::applyAsDouble).toArray();
    }

    /** How many elements of each cell count. */
    private double[] counts() {
        int size = groups.size;
        return all(cell -> {
            int row = at(cell) / view.positions();
            int first = row % norm.groups() * size;
            return mask == null ? size : IntStream.range(first, first + size)
                    .filter(c -> mask.keeps(row / norm.groups(), c, at(cell) % view.positions())).count();
        });
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

    /** The input with its moments. */
    private final class Values {
        /** 0 where the mask says so; may be the input itself. */
        private INDArray elements;
        private final INDArray gate;
        private Moments moments;
        /** Elements less the pivots of their cells, or null. */
        private INDArray deviations;
        private double[] pivots;

        Values(INDArray x) {
            gate = cubes.gate(mask, type);
            elements = cubes.of(x, type);
            if (gate != null) {
                INDArray kept = Nd4jCube.scratch(x, elements);
                Gates.pass(elements, gate, kept);
                elements = kept;
            }
        }

        /**
         * Finds the moments.
         *
         * @param room what may be written to on the way
         * @return whether all is within the range of the type
         */
        boolean find(INDArray room) {
            moments = new Moments(view.examples() * norm.groups(), view.positions());
            double[] counts = counts();
            if (norm.isCentered()) {
                // The elements are read again where a pivot is not the center.
                deviations = room == elements ? elements.ulike() : room;
                pivots = Nd4jCube.moments(groups, elements, gate, counts, deviations, Nd4jPositions.this::at, moments);
                return pivots != null && inRange();
            }
            Nd4jCells.Sums sums = groups.new Sums(1, false);
            sums.products(0, elements, elements);
            double[] squares = sums.read();
            if (type == DataType.FLOAT && !Range.holds(groups, elements, counts, new double[groups.count], squares)) {
                return false;
            }
            for (int cell = 0; cell < groups.count; cell++) {
                moments.merge(at(cell), counts[cell], 0, squares[cell]);
            }
            return inRange();
        }

        /** Whether the type holds all units with their digits, or they are 0, or NaN, which is to change no other cell. */
        boolean inRange() {
            return type == DataType.DOUBLE || IntStream.range(0, groups.count).mapToDouble(cell -> unit(moments, cell))
                    .allMatch(unit -> unit == 0 || Double.isNaN(unit) || Range.moderate(unit));
        }

        /** {@code into = (x − center)·unit}. */
        void normalize(INDArray into) {
            INDArray from = elements;
            if (norm.isCentered()) {
                double[] centers = all(cell -> rounded(moments.mean(at(cell))));
                if (!Arrays.equals(centers, pivots)) {
                    groups.subtract(elements, groups.upload(type, centers)[0], into);
                    Gates.close(into, gate);
                    deviations = into;
                }
                from = deviations;
                double[] rest = all(cell -> rest(cell, centers[cell]));
                if (Arrays.stream(rest).anyMatch(value -> value != 0)) {
                    groups.subtract(from, groups.upload(type, rest)[0], into);
                    Gates.close(into, gate);
                    from = into;
                }
            }
            groups.multiply(from, groups.upload(type, all(cell -> unit(moments, cell)))[0], into);
        }

        private double rounded(double mean) {
            return type == DataType.DOUBLE ? mean : (float) mean;
        }

        /** What rounding the mean took from all deviations of a cell, unless that is less than rounding them does. */
        private double rest(int cell, double center) {
            double rest = moments.mean(at(cell)) - center;
            return Math.abs(rest) * unit(moments, cell) > NO_REST && moments.squares(at(cell)) > 0 ? rest : 0;
        }
    }
}
