// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Blocks.Block;
import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.View;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The arrays of one pass, all readable in contiguous runs of the same direction, and how the pass is split into blocks.
 */
final class Operands {
    /** Elements of a block at least where each task has statistics of all channels to find and to merge. */
    private static final int ALL_CHANNELS_TASK = 1 << 17;
    /** Elements of small units done together: those of three arrays stay in the L2 cache. */
    private static final int UNITS = 1 << 14;
    /** Fewer units than this do not keep the threads busy, so their two traversals are split further instead. */
    private static final int MIN_UNITS = 8;
    private static final int LONGEST_RUN = 1 << 20;
    private static final int MAX_POSITION_BLOCKS = 32;
    private static final int MIN_POSITIONS = 64;

    /** How the memory lies: where the view counts examples as positions, that may be the view without this. */
    final View view;
    final boolean alongPositions;
    /** Whether all examples of the memory are one example of the view that was asked for. */
    private final boolean shared;
    /** How many arrays are read only. */
    private final int inputs;
    private final INDArray[] arrays;
    private final Strided[] strided;
    private final Window[] whole;
    private final boolean channelsJoin;
    private final boolean positionsJoin;
    private final Blocks blocks;

    /**
     * Prepares a pass.
     *
     * @param asked   how to see the arrays
     * @param outputs how many of the last arrays are written, of which the very last one decides the direction
     * @param given   the arrays; inputs that do not fit the direction are copied
     */
    Operands(View asked, int outputs, INDArray... given) {
        inputs = given.length - outputs;
        requireOneType(given);
        shared = asked.batchFolded() && !evenlySpaced(asked, given);
        view = shared ? asked.examplesApart() : asked;
        arrays = given.clone();
        strided = new Strided[given.length];
        whole = new Window[given.length];
        alongPositions = direction();
        blocks = split();
        for (int i = 0; i < arrays.length; i++) {
            fit(i);
            if (strided[i].fits(view.examples(), view.channels(), view.positions())) {
                whole[i] = strided[i].window(new Block(0, view.examples(), 0, view.channels(), 0, view.positions()));
            }
        }
        channelsJoin = joins(true);
        positionsJoin = joins(false);
    }

    private Blocks split() {
        int c = view.channels();
        int s = view.positions();
        int channels = c;
        int positions = Math.min(s, LONGEST_RUN);
        if (alongPositions) {
            channels = Math.min(c, Math.max(1, Blocks.TASK / positions));
        } else {
            int least = Math.max(Math.max(MIN_POSITIONS, ALL_CHANNELS_TASK / c), (s - 1) / MAX_POSITION_BLOCKS + 1);
            int equal = (s - 1) / least + 1;
            positions = (s - 1) / equal + 1;
        }
        boolean wholeExamples = channels == c && positions == s;
        int examples = wholeExamples ? (int) Math.min(view.examples(), Math.max(1, Blocks.TASK / ((long) c * s))) : 1;
        return Blocks.of(view, examples, channels, positions, 1);
    }

    /** A window says how many bytes it has, but not what they are. */
    private static void requireOneType(INDArray[] arrays) {
        for (INDArray array : arrays) {
            if (array.dataType() != arrays[0].dataType()) {
                throw new IllegalArgumentException("expected arrays of the same type, got " + arrays[0].dataType() + " and "
                        + array.dataType());
            }
        }
    }

    /** Whether all examples together lie in memory as one with more positions would, its channels side by side. */
    private static boolean evenlySpaced(View folded, INDArray[] arrays) {
        for (INDArray array : arrays) {
            Strided memory = Strided.of(array, folded);
            if (memory == null || !memory.contiguous(false)) {
                return false;
            }
        }
        return true;
    }

    /** The row of statistics, coefficients and mask that an example of the memory has. */
    int row(int n) {
        return shared ? 0 : n;
    }

    /** Where the mask of an example starts in the mask of its row. */
    int maskStart(int n) {
        return shared ? n * view.positions() : 0;
    }

    /** Number of rows of statistics. */
    int rows() {
        return shared ? 1 : view.examples();
    }

    /** Elements of one row. */
    long rowLength() {
        return view.length() / rows();
    }

    private boolean direction() {
        if (view.positions() == 1) {
            return false;
        }
        Strided leading = Strided.of(arrays[inputs < arrays.length ? arrays.length - 1 : 0], view);
        if (leading != null && leading.contiguous(true)) {
            return true;
        }
        if (leading != null && leading.contiguous(false)) {
            return false;
        }
        // Neither: the copy in c order decides.
        return view.channels() == 1 || view.channelAxis() == 1 && !view.batchFolded();
    }

    private void fit(int i) {
        strided[i] = Strided.of(arrays[i], view);
        if (fits(strided[i])) {
            return;
        }
        if (i >= inputs) {
            throw new IllegalArgumentException("expected an output array in c order, got strides "
                    + Arrays.toString(arrays[i].stride()));
        }
        arrays[i] = inDirection(arrays[i]);
        strided[i] = Strided.of(arrays[i], view);
    }

    private boolean fits(Strided memory) {
        return memory != null && memory.contiguous(alongPositions)
                && memory.fits(blocks.examples, blocks.channels, blocks.positions);
    }

    /**
     * Makes sure that all channels of some positions lie within the 2 GiB of a buffer: inputs that do not are copied.
     *
     * @param positions how many positions
     * @throws IllegalArgumentException if that is not enough, or an output does not
     */
    void fitPositions(int positions) {
        for (int i = 0; i < arrays.length; i++) {
            if (!strided[i].fits(1, view.channels(), positions) && i < inputs) {
                arrays[i] = inDirection(arrays[i]);
                strided[i] = Strided.of(arrays[i], view);
            }
            if (!strided[i].fits(1, view.channels(), positions)) {
                throw new IllegalArgumentException("normalization per position, channels-first: expected examples smaller than "
                        + "2 GiB, got " + view + "; channels-last data has no such limit");
            }
        }
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

    /** The blocks of a pass that each traverses once. */
    Blocks blocks() {
        return blocks;
    }

    /**
     * Units: blocks that a pass traverses twice, the second time in the cache. A unit has some groups of channels of one row of
     * statistics with all their positions; small neighbouring groups of a row are in one, so that what there is to do for each
     * besides its elements runs over arrays.
     *
     * @param groups groups of channels
     * @return the units, or null if they are too few, or do not lie within the 2 GiB of a buffer
     */
    Blocks units(int groups) {
        int perRow = alongPositions ? groups : 1;
        long together = Math.max(1, (long) UNITS * perRow / Math.max(1, rowLength()));
        int channels = (int) Math.min(perRow, together) * (view.channels() / perRow);
        int examples = shared ? view.examples() : 1;
        if (Math.multiplyExact(rows(), perRow) < MIN_UNITS) {
            return null;
        }
        for (Strided memory : strided) {
            if (!memory.fits(examples, channels, view.positions())) {
                return null;
            }
        }
        return Blocks.of(view, examples, channels, view.positions(), (int) Math.max(1, together / perRow));
    }

    /** How many tables of sums the blocks need so that no two of them add to the same cell of one. */
    int parts() {
        return blocks.positionBlocks * (shared ? blocks.exampleBlocks : 1);
    }

    /** Which of the {@link #parts()} a block adds to. */
    int part(Block block) {
        return block.s0() / blocks.positions + (shared ? block.n0() / blocks.examples * blocks.positionBlocks : 0);
    }

    /** How many neighbouring channels of a group every block has or has not: a divisor of the group's size. */
    int channelsTogether(int groupSize) {
        return blocks.channels == view.channels() ? groupSize
                : BigInteger.valueOf(groupSize).gcd(BigInteger.valueOf(blocks.channels)).intValueExact();
    }

    /** Index of the last array. */
    int last() {
        return arrays.length - 1;
    }

    /** Memory that holds at least a block of an array. */
    Window window(int array, Block block) {
        return whole[array] == null ? strided[array].window(block) : whole[array];
    }

    /** Bytes from one position to the next. */
    int positionBytes(int array) {
        return strided[array].positionBytes();
    }

    /** Bytes from one channel to the next. */
    int channelBytes(int array) {
        return strided[array].channelBytes();
    }

    /** Whether neighbouring channels of every array follow each other without a gap: runs along positions join. */
    boolean channelsJoin() {
        return channelsJoin;
    }

    /** Whether neighbouring positions of every array follow each other without a gap: runs along channels join. */
    boolean positionsJoin() {
        return positionsJoin;
    }

    private boolean joins(boolean channels) {
        for (Strided memory : strided) {
            if (!(channels ? memory.channelsJoin() : memory.positionsJoin())) {
                return false;
            }
        }
        return true;
    }

    /** Element type of the arrays. */
    DataType type() {
        return arrays[0].dataType();
    }
}
