// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Strided.Block;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Affine.Coefficients;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.SumTable;

/**
 * The way of one thread over the blocks of a pass: finds runs and their coefficients and leaves the arithmetic to
 * {@link Arithmetic}. In methods the arrays stand for their index among the {@link Operands}.
 */
abstract class Walk {
    final Operands operands;
    final Mask mask;
    final Arithmetic ops;
    final int channels;
    final double[] pair = new double[2];
    private Coefficients coefficients;
    double[] slopes;
    double[] shifts;

    Walk(Operands operands, Mask mask, Arithmetic ops) {
        this.operands = operands;
        this.mask = mask;
        this.ops = ops;
        this.channels = operands.view.channels();
    }

    static Walk of(Operands operands, Mask mask, Arithmetic ops) {
        return operands.alongPositions ? new PositionWalk(operands, mask, ops) : new ChannelWalk(operands, mask, ops);
    }

    /**
     * Merges the moments of a block into those of its cells.
     *
     * @param groupSize channels that share statistics: then one cell of them may take all
     */
    abstract void moments(int x, Block block, int groupSize, Moments into);

    abstract void affine(int x, int y, Block block, Affine affine, boolean relu);

    /** Adds Σdy and Σdy·(x − center) of a block to those of its cells. */
    abstract void gradSums(int x, int dy, Block block, Affine affine, boolean relu, SumTable into);

    abstract void affineGrad(int x, int dy, int dx, Block block, Affine affine, boolean relu, GradAffine grad);

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
