// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Blocks.Block;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Affine.Coefficients;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.SumTable;
import java.util.function.BiConsumer;
import java.util.function.IntConsumer;

/**
 * What one thread does the blocks of a pass with: finds runs and their coefficients and leaves the arithmetic to
 * {@link Arithmetic}. The arrays of a pass, in this order, are x and y, or x, dy and dx.
 */
abstract class Walk implements IntConsumer {
    static final int X = 0;
    static final int Y = 1;
    static final int DY = 1;
    static final int DX = 2;

    final Operands operands;
    final Mask mask;
    final Arithmetic ops;
    final int channels;
    double[] slopes = {};
    double[] shifts = {};
    private Coefficients coefficients = new Coefficients(0);
    private final Blocks blocks;
    private final BiConsumer<Walk, Block> work;

    Walk(Operands operands, Mask mask, Arithmetic ops, Blocks blocks, BiConsumer<Walk, Block> work) {
        this.operands = operands;
        this.mask = mask;
        this.ops = ops;
        this.channels = operands.view.channels();
        this.blocks = blocks;
        this.work = work;
    }

    /**
     * Makes the walk of a thread.
     *
     * @param operands the arrays
     * @param mask     what counts, or null
     * @param ops      the thread's own
     * @param blocks   what the pass is split into
     * @param work     does a block
     */
    static Walk of(Operands operands, Mask mask, Arithmetic ops, Blocks blocks, BiConsumer<Walk, Block> work) {
        return operands.alongPositions ? new PositionWalk(operands, mask, ops, blocks, work)
                : new ChannelWalk(operands, mask, ops, blocks, work);
    }

    /** Does the blocks of a task. */
    @Override
    public final void accept(int task) {
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
    abstract void moments(Block block, int groupSize, Moments into);

    abstract void affine(Block block, Affine affine, boolean relu);

    /** Adds Σdy and Σdy·(x − center) of a block to those of its cells. */
    abstract void gradSums(Block block, Affine affine, boolean relu, SumTable into);

    abstract void affineGrad(Block block, Affine affine, boolean relu, GradAffine grad);

    /** The coefficients of the channels of a block, the first at index 0; kept for examples that share them. */
    Coefficients coefficients(Affine affine, int n, Block block) {
        if (coefficients == null || coefficients.scale.length < block.c1() - block.c0()) {
            coefficients = new Coefficients(block.c1() - block.c0());
        }
        if (!sameRow(n, block)) {
            affine.row(operands.row(n), block.c0(), block.c1(), coefficients);
        }
        return coefficients;
    }

    /** Finds slopes and shifts of the channels whose coefficients were found last, and gives those. */
    Coefficients gradient(GradAffine grad, int n, Block block) {
        if (slopes == null || slopes.length < coefficients.scale.length) {
            slopes = new double[coefficients.scale.length];
            shifts = new double[coefficients.scale.length];
        }
        if (!sameRow(n, block)) {
            grad.row(operands.row(n), block.c0(), block.c1(), coefficients, slopes, shifts);
        }
        return coefficients;
    }

    /** Whether an example has the statistics of the one before it in a block. */
    boolean sameRow(int n, Block block) {
        return n > block.n0() && operands.row(n) == operands.row(n - 1);
    }

    int cell(int n, int c) {
        return operands.row(n) * channels + c;
    }
}
