// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.broadcast.BroadcastCopyOp;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The arrays of a {@link View} as ND4J's operations take them best: in the order of the memory, of examples, channels and
 * positions, {@code [N, C, S]} or {@code [N, S, C]}.
 */
final class Nd4jCube {
    private static final int EXAMPLES = 0;

    /** A cell for each channel of each example, or for each channel where the view folds the batch. */
    final Nd4jCells cells;

    private final View view;
    private final long[] shape;
    /** The axis of positions, where folded channels are among them. */
    private final int positions;

    Nd4jCube(View view) {
        this.view = view;
        long examples = view.shape()[EXAMPLES];
        long channels = view.channels();
        long each = view.length() / examples / channels;
        boolean last = each == 1 || view.channelAxis() == view.shape().length - 1;
        if (channels == 1) {
            shape = new long[]{examples, 1, each};
            positions = 2;
            cells = Nd4jCells.rows(view.examples(), view.positions());
        } else if (last) {
            shape = new long[]{examples, each, channels};
            positions = 1;
            cells = Nd4jCells.columns(view.examples(), view.positions(), channels);
        } else {
            shape = new long[]{examples, channels, each};
            positions = 2;
            cells = view.batchFolded() ? Nd4jCells.planes(examples, channels, each) : Nd4jCells.rows(examples * channels, each);
        }
    }

    /** The array itself as a cube if it has this type and its memory lies so, else a copy. */
    INDArray of(INDArray array, DataType type) {
        return isCube(array, type) ? Nd4jCells.view(array, shape) : copy(array, type);
    }

    /** A copy of the array as a cube. */
    private INDArray copy(INDArray array, DataType type) {
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
        return isCube(result, cube.dataType()) ? Nd4jCells.view(result, cube.shape()) : scratch(array, cube);
    }

    /** {@code into = cube + other}: of equal shapes. */
    static void sum(INDArray cube, INDArray other, INDArray into) {
        Nd4j.exec(new Axpy(cube, other, into, 1));
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

    /** How many elements of each cell count. */
    double[] counts(Mask mask) {
        double[] counts = new double[cells.count];
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

    /**
     * 1 for each element of a cube that counts, else 0; null without a mask. What the mask says travels once for all passes.
     * Only to be read.
     */
    INDArray gate(Mask mask, DataType type) {
        if (mask == null) {
            return null;
        }
        boolean each = mask.perChannel() || view.channelsFolded();
        INDArray gate = mask.derived(List.of(type, each, shape[0], shape[1], shape[2], positions, view.batchFolded()), () -> {
            // It outlives the workspace of this pass.
            try (MemoryWorkspace ws = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
                return each ? gate(mask, type, (int) shape[1], (int) shape[2]).reshape('c', shape)
                        : gate(mask, type, positions == 1 ? (int) shape[1] : 1, positions == 1 ? 1 : (int) shape[2])
                                .reshape('c', shape[EXAMPLES], shape[positions]);
            }
        });
        if (each) {
            return gate;
        }
        INDArray spread = Nd4j.createUninitialized(type, shape, 'c');
        return Nd4j.exec(new BroadcastCopyOp(spread, gate, spread, EXAMPLES, positions));
    }

    private INDArray gate(Mask mask, DataType type, int outer, int inner) {
        return Nd4jCells.array(type, (int) shape[EXAMPLES] * outer * inner, i -> {
            int first = i / inner % outer;
            int second = i % inner;
            int s = positions == 1 ? first : second;
            int n = i / inner / outer;
            boolean keeps = view.batchFolded() ? mask.keeps(0, positions == 1 ? second : first, n * (int) shape[positions] + s)
                    : mask.keeps(n, positions == 1 ? second : first, s);
            return keeps ? 1 : 0;
        });
    }

    /**
     * Moments of cells, and what was made on the way.
     *
     * @param moments    of each cell
     * @param deviations elements less the pivot of their cell, 0 where the mask says so
     * @param pivots     the means, rounded to the type of the deviations
     * @param gate       which elements count, or null
     */
    record Found(Moments moments, INDArray deviations, double[] pivots, INDArray gate) {
    }

    /** Count, mean and squares of each cell. */
    Found moments(INDArray array, Mask mask, DataType type) {
        INDArray gate = gate(mask, type);
        INDArray cube = of(array, type);
        INDArray deviations = scratch(array, cube);
        if (gate != null) {
            Gates.pass(cube, gate, deviations);
            cube = deviations;
        }
        Moments moments = new Moments(view.examples(), view.channels());
        double[] pivots = moments(cells, cube, gate, counts(mask), deviations, IntUnaryOperator.identity(), moments);
        return pivots == null ? moments(array, mask, DataType.DOUBLE) : new Found(moments, deviations, pivots, gate);
    }

    /**
     * Finds moments: means first, then deviations from these, rounded, and their squares, which travel together with the means.
     *
     * @param cells      what has moments
     * @param values     the elements, 0 where they do not count
     * @param gate       which of them count, or null
     * @param counts     how many of each cell
     * @param deviations receives them less the pivots; may be the values
     * @param at         where the moments of a cell stand
     * @param into       receives them
     * @return the pivots, or null if squares left the range of FLOAT
     */
    static double[] moments(Nd4jCells cells, INDArray values, INDArray gate, double[] counts, INDArray deviations,
                            IntUnaryOperator at, Moments into) {
        DataType type = values.dataType();
        boolean wide = type == DataType.DOUBLE;
        Nd4jCells.Sums sums = cells.new Sums(wide ? 2 : 1, true);
        INDArray means = sums.means(values);
        if (gate != null) {
            means.muli(Nd4jCells.array(DataType.DOUBLE, cells.count, i -> cells.size / Math.max(1, counts[i])));
        }
        cells.subtract(values, means.castTo(type), deviations);
        Gates.close(deviations, gate);
        sums.products(0, deviations, deviations);
        if (wide) {
            // Once more about the mean: that of a constant is exact then. In FLOAT its rounding is all that there is.
            sums.sum(1, deviations);
        }
        int count = cells.count;
        double[] found = sums.read();
        double[] squares = Arrays.copyOf(found, count);
        double[] pivots = Arrays.copyOfRange(found, found.length - count, found.length);
        if (!wide) {
            Arrays.setAll(pivots, i -> (float) pivots[i]);
            if (!Range.holds(cells, deviations, counts, pivots, squares)) {
                return null;
            }
        }
        Gates.dropRounding(cells, deviations, gate, counts, pivots, squares);
        for (int cell = 0; cell < count; cell++) {
            double rest = wide ? found[count + cell]
                    : squares[cell] == 0 ? 0 : (found[count + cell] - pivots[cell]) * counts[cell];
            into.mergeSums(at.applyAsInt(cell), counts[cell], pivots[cell], rest, squares[cell]);
        }
        return pivots;
    }
}
