// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import java.util.function.IntUnaryOperator;
import org.nd4j.common.util.ArrayUtil;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.broadcast.BroadcastAddOp;
import org.nd4j.linalg.api.ops.impl.broadcast.BroadcastCopyOp;
import org.nd4j.linalg.api.ops.impl.broadcast.BroadcastMulOp;
import org.nd4j.linalg.api.ops.impl.broadcast.BroadcastSubOp;
import org.nd4j.linalg.api.ops.impl.reduce.floating.SquaredNorm;
import org.nd4j.linalg.api.ops.impl.reduce.same.Sum;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.MulOp;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The arrays of a {@link View} as ND4J's operations take them best: cubes of examples, channels and positions in the order of
 * the memory, {@code [N, C, S]} or {@code [N, S, C]}, and tables with a number for each example and channel, or for each
 * channel where the view folds the batch.
 *
 * <p>Nearly all are operations of ND4J's old kind: on CUDA each custom one waits for the device before and after.
 */
final class Nd4jCube {
    private static final int EXAMPLES = 0;

    private final View view;
    private final long[] shape;
    private final int channels;
    private final int positions;

    Nd4jCube(View view) {
        this.view = view;
        long[] array = view.shape();
        boolean last = array.length > 2 && view.channelAxis() == array.length - 1;
        channels = last ? 2 : 1;
        positions = last ? 1 : 2;
        shape = new long[]{array[0], 0, 0};
        shape[channels] = array[view.channelAxis()];
        shape[positions] = view.length() / shape[EXAMPLES] / shape[channels];
    }

    /** The array itself as a cube if it has this type and its memory lies so, else a copy. */
    INDArray of(INDArray array, DataType type) {
        return isCube(array, type) ? view(array, shape) : copy(array, type);
    }

    /** A copy of the array as a cube. */
    INDArray copy(INDArray array, DataType type) {
        Extent.requireWithinBuffer(array);
        return Nd4j.createUninitialized(type, array.shape(), 'c').assign(array).reshape('c', shape);
    }

    /**
     * Memory to write to instead of what {@link #of} gave: that itself if it is a copy.
     *
     * @param array the array
     * @param cube  what it gave
     */
    static INDArray scratch(INDArray array, INDArray cube) {
        return isCube(array, cube.dataType()) ? cube.ulike() : cube;
    }

    /** Memory for a result: that of its array if that can be a cube, else {@link #scratch}. */
    static INDArray output(INDArray result, INDArray array, INDArray cube) {
        return isCube(result, cube.dataType()) ? view(result, cube.shape()) : scratch(array, cube);
    }

    /** {@code into = cube + other}, {@link #product} likewise: of equal shapes. */
    static void sum(INDArray cube, INDArray other, INDArray into) {
        Nd4j.exec(new Axpy(cube, other, into, 1));
    }

    static void product(INDArray cube, INDArray other, INDArray into) {
        Nd4j.exec(new MulOp(new INDArray[]{cube, other}, new INDArray[]{into}));
    }

    /** Writes into an array what is not there yet, as {@link #output} gave other memory. */
    static void deliver(INDArray cube, INDArray array) {
        if (!isCube(array, cube.dataType())) {
            Extent.requireWithinBuffer(array);
            array.assign(cube.reshape('c', array.shape()));
        }
    }

    /** Whether an array is of this type and its memory in the order of a cube. */
    static boolean isCube(INDArray array, DataType type) {
        if (array.dataType() != type) {
            return false;
        }
        // By the strides: the ordering an array reports may be wrong.
        long expected = 1;
        for (int axis = array.rank() - 1; axis >= 0; axis--) {
            if (array.size(axis) > 1 && array.stride(axis) != expected) {
                return false;
            }
            expected *= array.size(axis);
        }
        Extent.requireWithinBuffer(array);
        return true;
    }

    /** Number of cells of a table. */
    int cells() {
        return view.examples() * view.channels();
    }

    /** Room for tables of sums: an array of {@link #cells()} numbers each. */
    INDArray tables(int count) {
        return Nd4j.createUninitialized(DataType.DOUBLE, new long[]{count, cells()}, 'c');
    }

    /** Sums over all elements of a cell, into one of the tables. */
    void sum(INDArray cube, INDArray tables, int index) {
        Nd4j.exec(new Sum(cube, cellsOf(tables, index), false, reduced()));
    }

    /** Sums of squares of all elements of a cell, into one of the tables. */
    void sumSquares(INDArray cube, INDArray tables, int index) {
        Nd4j.exec(new SquaredNorm(cube, cellsOf(tables, index), false, reduced()));
    }

    /** One of some tables as an array of the axes that reductions leave. */
    private INDArray cellsOf(INDArray tables, int index) {
        INDArray table = part(tables, index);
        return view.batchFolded() || view.channelsFolded() ? table
                : table.reshape('c', view.examples(), view.channels());
    }

    private int[] reduced() {
        if (view.batchFolded()) {
            return view.channelsFolded() ? new int[]{0, 1, 2} : new int[]{EXAMPLES, positions};
        }
        return view.channelsFolded() ? new int[]{1, 2} : new int[]{positions};
    }

    /**
     * Takes tables to where the arrays are, all at once. Those of a folded batch are written out for each example where channels
     * come first: ND4J goes through the axes of a broadcast, and of one axis in the middle it takes twice as long.
     */
    INDArray[] upload(DataType type, double[]... tables) {
        int copies = perExample() ? (int) shape[EXAMPLES] : 1;
        int size = cells() * copies;
        INDArray all = array(type, tables.length * size, i -> tables[i / size][i % size % cells()])
                .reshape('c', tables.length, size);
        INDArray[] each = new INDArray[tables.length];
        Arrays.setAll(each, i -> broadcast(part(all, i)));
        return each;
    }

    /** One of the parts that an array has along its first axis, as a view. */
    static INDArray part(INDArray array, int index) {
        long size = array.stride(0);
        return Nd4j.create(array.data(), new long[]{size}, new long[]{1}, array.offset() + index * size, 'c');
    }

    /**
     * The memory of an array that {@link #isCube is a cube} in another shape. Never a copy, as a reshape may be.
     *
     * @throws IllegalArgumentException if the shape has another number of elements: ND4J would go past the end of the memory
     */
    static INDArray view(INDArray array, long... shape) {
        if (ArrayUtil.prodLong(shape) != array.length()) {
            throw new IllegalArgumentException("expected an array of " + ArrayUtil.prodLong(shape) + " elements, got "
                    + array.length() + " of shape " + Arrays.toString(array.shape()));
        }
        return Nd4j.create(array.data(), shape, Nd4j.getStrides(shape, 'c'), array.offset(), 'c');
    }

    private interface Element {
        double at(int i);
    }

    private static INDArray array(DataType type, int length, Element element) {
        if (type == DataType.DOUBLE) {
            double[] values = new double[length];
            Arrays.setAll(values, element::at);
            return Nd4j.createFromArray(values);
        }
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = (float) element.at(i);
        }
        return Nd4j.createFromArray(values);
    }

    /** Whether tables of a folded batch are broadcast with a row for each example. */
    private boolean perExample() {
        return view.batchFolded() && !view.channelsFolded() && channels == 1 && shape[EXAMPLES] > 1;
    }

    private INDArray broadcast(INDArray table) {
        boolean both = axes().length == 2;
        return both ? table.reshape('c', shape[EXAMPLES], table.length() / shape[EXAMPLES]) : table;
    }

    /** The axes that tables have when they are broadcast. */
    private int[] axes() {
        if (view.channelsFolded()) {
            return new int[]{EXAMPLES};
        }
        return view.batchFolded() && !perExample() ? new int[]{channels} : new int[]{EXAMPLES, channels};
    }

    /** One of the tables of sums, ready to be broadcast. */
    INDArray spread(INDArray tables, int index) {
        INDArray table = part(tables, index);
        if (!perExample()) {
            return broadcast(table);
        }
        INDArray rows = Nd4j.createUninitialized(DataType.DOUBLE, new long[]{shape[EXAMPLES], cells()}, 'c');
        return Nd4j.exec(new BroadcastCopyOp(rows, table, rows, 1));
    }

    /** {@code into = cube − table}. */
    void subtract(INDArray cube, INDArray table, INDArray into) {
        Nd4j.exec(new BroadcastSubOp(cube, table, into, axes()));
    }

    /** {@code into = cube·table}. */
    void multiply(INDArray cube, INDArray table, INDArray into) {
        Nd4j.exec(new BroadcastMulOp(cube, table, into, axes()));
    }

    /** {@code into = cube + table}. */
    void add(INDArray cube, INDArray table, INDArray into) {
        Nd4j.exec(new BroadcastAddOp(cube, table, into, axes()));
    }

    /** How many elements of each cell count. */
    double[] counts(Mask mask) {
        double[] counts = new double[cells()];
        if (mask == null) {
            Arrays.fill(counts, view.positions());
            return counts;
        }
        for (int cell = 0; cell < counts.length; cell++) {
            int[] runs = mask.runs(cell / view.channels(), cell % view.channels());
            for (int i = 0; i < runs.length; i += 2) {
                counts[cell] += runs[i + 1] - runs[i];
            }
        }
        return counts;
    }

    /** 1 for each element of a cube that counts, else 0; null without a mask. */
    INDArray gate(Mask mask, DataType type) {
        if (mask == null) {
            return null;
        }
        if (mask.perChannel() || view.channelsFolded()) {
            int inner = (int) shape[2];
            int outer = (int) shape[1];
            return array(type, (int) view.length(), i -> {
                int first = i / inner % outer;
                int second = i % inner;
                return keeps(mask, i / inner / outer, channels == 1 ? first : second, channels == 1 ? second : first);
            }).reshape('c', shape);
        }
        int length = (int) shape[positions];
        INDArray small = array(type, (int) shape[EXAMPLES] * length, i -> keeps(mask, i / length, 0, i % length))
                .reshape('c', shape[EXAMPLES], length);
        INDArray gate = Nd4j.createUninitialized(type, shape, 'c');
        return Nd4j.exec(new BroadcastCopyOp(gate, small, gate, EXAMPLES, positions));
    }

    /** What the mask says of an element of the array, which may count examples and channels apart where the view folds them. */
    private double keeps(Mask mask, int n, int c, int s) {
        int position = s;
        if (view.channelsFolded()) {
            position = channels == 1 ? c * (int) shape[positions] + s : s * (int) shape[channels] + c;
        }
        if (view.batchFolded()) {
            position += n * (view.positions() / (int) shape[EXAMPLES]);
        }
        return mask.keeps(view.batchFolded() ? 0 : n, view.channelsFolded() ? 0 : c, position) ? 1 : 0;
    }

    /**
     * Count, mean and squares of each cell.
     *
     * @param cube copy of the input in DOUBLE; the mean is subtracted from it
     * @param mask what counts, or null
     */
    Moments moments(INDArray cube, Mask mask) {
        INDArray gate = gate(mask, DataType.DOUBLE);
        double[] counts = counts(mask);
        INDArray sums = tables(3);
        Gates.close(cube, gate);
        sum(cube, sums, 0);
        toMeans(part(sums, 0), mask, counts);
        subtract(cube, spread(sums, 0), cube);
        Gates.close(cube, gate);
        sum(cube, sums, 1);
        sumSquares(cube, sums, 2);
        Moments moments = new Moments(view.examples(), view.channels());
        take(sums, counts, cube, gate, reduced(), IntUnaryOperator.identity(), moments);
        return moments;
    }

    /** From sums to means, in place. */
    static void toMeans(INDArray sums, Mask mask, double[] counts) {
        if (mask == null) {
            // All alike: no table of them has to travel.
            sums.divi(counts[0]);
        } else {
            sums.divi(array(DataType.DOUBLE, counts.length, i -> Math.max(1, counts[i])));
        }
    }

    /**
     * Reads means and what was summed up about them, in one transfer.
     *
     * @param sums       means, sums of deviations and of their squares
     * @param counts     number of elements
     * @param deviations elements less their mean
     * @param gate       which of them count, or null
     * @param axes       those over which they were summed up
     * @param at         where the moments of a cell stand
     * @param into       receives them
     * @return the sums as they were
     */
    static double[] take(INDArray sums, double[] counts, INDArray deviations, INDArray gate, int[] axes, IntUnaryOperator at,
                     Moments into) {
        double[] found = sums.data().asDouble();
        int cells = counts.length;
        double[] squares = Arrays.copyOfRange(found, 2 * cells, 3 * cells);
        Gates.dropRounding(deviations, gate, axes, counts, found, squares);
        for (int cell = 0; cell < cells; cell++) {
            // Once more about the mean: that of a constant is exact then.
            into.mergeSums(at.applyAsInt(cell), counts[cell], found[cell], found[cells + cell], squares[cell]);
        }
        return found;
    }
}
