// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Strided.Block;
import io.github.dl4jnorm.norm.View;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The arrays of one pass, all readable in contiguous runs of the same direction, and the blocks the pass is split into.
 *
 * <p>The split depends on the shape alone, so sums come out the same bit for bit on any number of threads.
 */
final class Operands {
    /** Elements worth a task of their own; below that handing over costs more than it gains. */
    static final int TASK = 1 << 15;
    private static final int LONGEST_RUN = 1 << 20;
    private static final int MAX_POSITION_BLOCKS = 32;
    private static final int MIN_ROWS = 64;

    final View view;
    final boolean alongPositions;
    private final INDArray[] arrays;
    private final Strided[] strided;
    private final int examplesPerBlock;
    private final int channelsPerBlock;
    final int positionsPerBlock;

    /**
     * Prepares a pass.
     *
     * @param view   how to see the arrays
     * @param output whether the last array is written, and so decides the direction
     * @param given  the arrays; inputs that do not fit the direction are copied
     */
    Operands(View view, boolean output, INDArray... given) {
        this.view = view;
        this.arrays = given.clone();
        this.strided = new Strided[given.length];
        this.alongPositions = direction(output);
        int c = view.channels();
        int s = view.positions();
        if (alongPositions) {
            positionsPerBlock = Math.min(s, LONGEST_RUN);
            channelsPerBlock = Math.min(c, Math.max(1, TASK / positionsPerBlock));
        } else {
            channelsPerBlock = c;
            int rows = Math.max(Math.max(MIN_ROWS, TASK / c), (s - 1) / MAX_POSITION_BLOCKS + 1);
            positionsPerBlock = Math.min(s, rows);
        }
        boolean wholeExamples = channelsPerBlock == c && positionsPerBlock == s;
        examplesPerBlock = wholeExamples
                ? (int) Math.min(view.examples(), Math.max(1, TASK / ((long) c * s))) : 1;
        for (int i = 0; i < arrays.length; i++) {
            fit(i, output && i == arrays.length - 1);
        }
    }

    private boolean direction(boolean output) {
        if (view.positions() == 1) {
            return false;
        }
        Strided leading = Strided.of(arrays[output ? arrays.length - 1 : 0], view);
        if (leading != null && leading.contiguous(true)) {
            return true;
        }
        if (leading != null && leading.contiguous(false)) {
            return false;
        }
        // Neither: the copy in c order decides.
        return view.channels() == 1 || view.channelAxis() == 1 && !view.batchFolded();
    }

    private void fit(int i, boolean output) {
        strided[i] = Strided.of(arrays[i], view);
        if (fits(strided[i])) {
            return;
        }
        if (output) {
            throw new IllegalArgumentException("output has to be in c order, not with strides "
                    + Arrays.toString(arrays[i].stride()));
        }
        arrays[i] = inDirection(arrays[i]);
        strided[i] = Strided.of(arrays[i], view);
    }

    private boolean fits(Strided memory) {
        return memory != null && memory.contiguous(alongPositions)
                && memory.fits(examplesPerBlock, channelsPerBlock, positionsPerBlock);
    }

    /** A copy in which the runs are contiguous. */
    private INDArray inDirection(INDArray array) {
        if (view.channelsFolded()) {
            return array.dup('c');
        }
        int inner = array.rank() - 1;
        int outer = view.batchFolded() ? 0 : 1;
        return movedCopy(array, view.channelAxis(), alongPositions ? outer : inner);
    }

    /** A copy that has its memory in the order the array would have with one axis moved. */
    private static INDArray movedCopy(INDArray array, int from, int to) {
        return array.permute(move(array.rank(), from, to)).dup('c').permute(move(array.rank(), to, from));
    }

    private static int[] move(int rank, int from, int to) {
        List<Integer> axes = new ArrayList<>(IntStream.range(0, rank).boxed().toList());
        axes.add(to, axes.remove(from));
        return axes.stream().mapToInt(Integer::intValue).toArray();
    }

    /** How many blocks the positions are split into. */
    int positionBlocks() {
        return (view.positions() - 1) / positionsPerBlock + 1;
    }

    /** The memory of one array over a block. */
    Strided.Window window(int array, Block block) {
        return strided[array].window(block);
    }

    /** Operations on runs of the arrays' type, for the calling thread. */
    RowOps rowOps(Function<DataType, RowOps> ops) {
        return ops.apply(arrays[0].dataType());
    }

    /** Does every block, several at a time. */
    void forEachBlock(Consumer<Block> work) {
        int channelBlocks = (view.channels() - 1) / channelsPerBlock + 1;
        int positionBlocks = positionBlocks();
        int exampleBlocks = (view.examples() - 1) / examplesPerBlock + 1;
        forEachTask(exampleBlocks * channelBlocks * positionBlocks, task -> {
            int n = task / (channelBlocks * positionBlocks) * examplesPerBlock;
            int c = task / positionBlocks % channelBlocks * channelsPerBlock;
            int s = task % positionBlocks * positionsPerBlock;
            work.accept(new Block(
                    n, Math.min(view.examples(), n + examplesPerBlock),
                    c, Math.min(view.channels(), c + channelsPerBlock),
                    s, (int) Math.min(view.positions(), (long) s + positionsPerBlock)));
        });
    }

    /** Does every task, several at a time; the arrays stay reachable until all are done. */
    void forEachTask(int tasks, IntConsumer work) {
        try {
            if (tasks == 1 || view.length() <= TASK) {
                for (int task = 0; task < tasks; task++) {
                    work.accept(task);
                }
            } else {
                IntStream.range(0, tasks).parallel().forEach(work);
            }
        } finally {
            Reference.reachabilityFence(arrays);
        }
    }
}
