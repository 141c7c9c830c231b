// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Blocks.Block;
import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.SumTable;
import java.util.function.BiConsumer;
import java.util.function.IntConsumer;

/**
 * What one thread does the blocks of a pass with: finds runs and their coefficients and leaves the arithmetic to
 * {@link TableOps}. The arrays of a pass, in this order, are x and y, or x, dy and dx.
 *
 * <p>Runs along channels (channels last) are of all channels. Few channels make short runs; where positions follow each other
 * without a gap, those of several are taken as one, and the columns i, C + i, 2·C + i, … are all of channel i.
 */
final class BlockWalker implements IntConsumer {
    private static final int X = 0;
    private static final int Y = 1;
    private static final int DY = 1;
    private static final int DX = 2;
    /** Columns that are worth a run: whole vectors, and enough of them. */
    private static final int WIDTH = 512;
    /** Channels that are columns enough, as tables of more take time. */
    private static final int CHANNELS = 256;
    private static final int LANES = 16;

    private final Operands operands;
    private final Mask mask;
    private final Arithmetic ops;
    private final Blocks blocks;
    private final BiConsumer<BlockWalker, Block> work;
    private final boolean alongPositions;
    private final int channels;
    /** Positions of a run along channels. */
    private final int joined;
    private final Runs runs;
    private final TableOps tables;
    private final RunMoments ofRuns;
    private final RowTables rows;
    /** The row whose coefficients the tables hold, or −1, and the channels. */
    private int tabledRow = -1;
    private int tabledC0;
    private int tabledC1;
    private boolean tabledGradient;

    /**
     * Makes the walker of a thread.
     *
     * @param operands the arrays
     * @param mask     what counts, or null
     * @param ops      the thread's own
     * @param blocks   what the pass is split into
     * @param work     does a block
     */
    BlockWalker(Operands operands, Mask mask, Arithmetic ops, Blocks blocks, BiConsumer<BlockWalker, Block> work) {
        this.operands = operands;
        this.mask = mask;
        this.ops = ops;
        this.blocks = blocks;
        this.work = work;
        alongPositions = operands.alongPositions;
        channels = operands.view.channels();
        joined = !alongPositions && mask == null && operands.positionsJoin() ? joined(channels) : 1;
        runs = new Runs(operands, mask, joined);
        tables = alongPositions ? ops.runs() : ops.columns();
        ofRuns = ops.runMoments();
        rows = ops.rows();
    }

    private static int joined(int channels) {
        if (channels >= CHANNELS) {
            return 1;
        }
        int forWholeVectors = LANES / Math.min(LANES, Integer.lowestOneBit(channels));
        int width = forWholeVectors * channels;
        return forWholeVectors * ((WIDTH - 1) / width + 1);
    }

    /** Does the blocks of a task. */
    @Override
    public void accept(int task) {
        int end = blocks.first(task + 1);
        for (int i = blocks.first(task); i < end; i++) {
            work.accept(this, blocks.get(i));
        }
    }

    /**
     * Merges the moments of a block into those of its cells.
     *
     * @param groupSize channels that share statistics: then one cell of them may take all
     */
    void moments(Block block, int groupSize, Moments into) {
        tabledRow = -1;
        if (!alongPositions && groupSize == channels && operands.positionsJoin()) {
            momentsOfRuns(block, 0, channels, block.s1(), into);
            return;
        }
        if (!alongPositions) {
            momentsOfColumns(block, groupSize, into);
            return;
        }
        // Runs of channels with the same statistics are one run if they join.
        int together = mask == null && operands.channelsJoin() ? groupSize : 1;
        int run = (block.s1() - block.s0()) * together;
        if (mask == null && run <= RunOps.CHUNK && operands.rows() == operands.view.examples()) {
            Window x = operands.window(X, block);
            for (int n = block.n0(); n < block.n1(); n++) {
                ofRuns.each(x.memory, x.at(n, block.c0(), block.s0()), operands.channelBytes(X) * together,
                        (block.c1() - block.c0()) / together, run, into, cell(n, block.c0()), together);
            }
            return;
        }
        for (int c = block.c0(); c < block.c1(); c += together) {
            momentsOfRuns(block, c, c + 1, block.s0() + run, into);
        }
    }

    /** Moments of runs that all have the same statistics, in the cell of the first channel. */
    private void momentsOfRuns(Block block, int c, int c1, int s1, Moments into) {
        Window x = operands.window(X, block);
        for (int n = block.n0(); n < block.n1(); n++) {
            if (beginsRow(n, block)) {
                ofRuns.start();
            }
            for (runs.start(n, c, c1, block.s0(), s1); runs.next();) {
                if (runs.kept) {
                    ofRuns.add(x.memory, runs.at(x), runs.count * runs.length);
                }
            }
            if (endsRow(n, block)) {
                Moments found = ofRuns.found();
                into.merge(cell(n, c), found.count(0), found.mean(0), found.squares(0));
            }
        }
    }

    private void momentsOfColumns(Block block, int groupSize, Moments into) {
        Window x = operands.window(X, block);
        ColumnMoments ofColumns = ops.columnMoments();
        for (int n = block.n0(); n < block.n1(); n++) {
            runs.start(n, block);
            Moments found = ofColumns.compute(channels, joined * channels, groupSize, x, stride(X), runs);
            for (int g = 0; g < channels / groupSize; g++) {
                into.merge(cell(n, g * groupSize), found.count(g), found.mean(g), found.squares(g));
            }
        }
    }

    void affine(Block block, Affine affine, boolean relu) {
        Window x = operands.window(X, block);
        Window y = operands.window(Y, block);
        int strideX = stride(X);
        int strideY = stride(Y);
        for (int n = block.n0(); n < block.n1(); n++) {
            set(affine, null, n, block);
            for (runs.start(n, block); runs.next();) {
                if (runs.kept) {
                    tables.affine(x.memory, runs.at(x), strideX, y.memory, runs.at(y), strideY, runs.count, runs.c - block.c0(),
                            runs.length, relu);
                } else {
                    zero(y, strideY);
                }
            }
        }
    }

    /** Adds Σdy and Σdy·(x − center) of a block to those of its cells. */
    void gradSums(Block block, Affine affine, boolean relu, SumTable into) {
        int size = block.c1() - block.c0();
        for (int n = block.n0(); n < block.n1(); n++) {
            if (beginsRow(n, block)) {
                rows.startSums(size);
            }
            set(affine, null, n, block);
            gradSums(n, block, relu);
            if (endsRow(n, block)) {
                tables.exact(rows.sums, rows.products);
                for (int i = 0; i < size; i++) {
                    into.add(cell(n, block.c0() + i), rows.sums[i], rows.products[i]);
                }
            }
        }
    }

    /** Tells a gradient of the sums of a unit. */
    void complete(Block unit, Affine affine, boolean relu, GradAffine grad) {
        rows.startSums(unit.c1() - unit.c0());
        for (int n = unit.n0(); n < unit.n1(); n++) {
            set(affine, null, n, unit);
            gradSums(n, unit, relu);
        }
        tables.exact(rows.sums, rows.products);
        grad.complete(operands.row(unit.n0()), unit.c0(), unit.c1(), rows.coefficients, rows.sums, rows.products);
    }

    /** As many elements, or runs, at a time as may be summed up in the element type. */
    private void gradSums(int n, Block block, boolean relu) {
        Window x = operands.window(X, block);
        Window dy = operands.window(DY, block);
        int strideX = stride(X);
        int strideDy = stride(DY);
        int width = ops.type().width();
        for (runs.start(n, block); runs.next();) {
            int elements = alongPositions ? RunOps.CHUNK : runs.length;
            int few = alongPositions ? runs.count : ColumnMoments.RUNS;
            for (int r = 0; runs.kept && r < runs.count; r += few) {
                for (int i = 0; i < runs.length; i += elements) {
                    tables.gradSums(x.memory, runs.at(x) + r * strideX + i * width, strideX, dy.memory,
                            runs.at(dy) + r * strideDy + i * width, strideDy, Math.min(few, runs.count - r), runs.c - block.c0(),
                            Math.min(elements, runs.length - i), relu, rows.sums, rows.products);
                }
            }
        }
    }

    void affineGrad(Block block, Affine affine, boolean relu, GradAffine grad) {
        Window x = operands.window(X, block);
        Window dy = operands.window(DY, block);
        Window dx = operands.window(DX, block);
        int strideX = stride(X);
        int strideDy = stride(DY);
        int strideDx = stride(DX);
        for (int n = block.n0(); n < block.n1(); n++) {
            set(affine, grad, n, block);
            for (runs.start(n, block); runs.next();) {
                if (runs.kept) {
                    tables.affineGrad(x.memory, runs.at(x), strideX, dy.memory, runs.at(dy), strideDy, dx.memory, runs.at(dx),
                            strideDx, runs.count, runs.c - block.c0(), runs.length, relu);
                } else {
                    zero(dx, strideDx);
                }
            }
        }
    }

    /**
     * Fills the tables, unless they hold the same already: from the example or block before, or from the sums of the block, which
     * come just before its gradient.
     */
    private void set(Affine affine, GradAffine grad, int n, Block block) {
        int row = operands.row(n);
        int size = block.c1() - block.c0();
        rows.makeRoom(size);
        if (row != tabledRow || block.c0() != tabledC0 || block.c1() != tabledC1) {
            affine.row(row, block.c0(), block.c1(), rows.coefficients);
            tables.prepare(size, size * joined);
            tables.set(rows.coefficients);
            tabledRow = row;
            tabledC0 = block.c0();
            tabledC1 = block.c1();
            tabledGradient = false;
        }
        if (grad != null && !tabledGradient) {
            grad.row(row, block.c0(), block.c1(), rows.coefficients, rows.slopes, rows.shifts);
            tables.setGradient(rows.coefficients, rows.slopes, rows.shifts);
            tabledGradient = true;
        }
    }

    private void zero(Window y, int stride) {
        for (int r = 0; r < runs.count; r++) {
            ops.zero(y.memory, runs.at(y) + r * stride, runs.length);
        }
    }

    /** Bytes from one run to the next. */
    private int stride(int array) {
        return alongPositions ? operands.channelBytes(array) : operands.positionBytes(array) * joined;
    }

    /** Whether an example has other statistics than the one before it in a block. */
    private boolean beginsRow(int n, Block block) {
        return n == block.n0() || operands.row(n) != operands.row(n - 1);
    }

    /** Whether an example has other statistics than the next one in a block. */
    private boolean endsRow(int n, Block block) {
        return n + 1 == block.n1() || operands.row(n + 1) != operands.row(n);
    }

    private int cell(int n, int c) {
        return operands.row(n) * channels + c;
    }
}
