// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Blocks.Block;
import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.SumTable;
import java.util.Arrays;
import java.util.function.BiConsumer;

/**
 * Where runs are along the channels of a position (channels last). Blocks have all channels.
 *
 * <p>Few channels make short runs; where positions follow each other without a gap, those of several are taken as one, and
 * the columns i, C + i, 2·C + i, … are all of channel i.
 */
final class ChannelWalk extends Walk {
    /** Columns that are worth a run: whole vectors, and enough of them. */
    private static final int WIDTH = 256;
    private static final int LANES = 16;

    /** Positions of a run. */
    private final int joined;
    private final int columns;
    private final Runs runs;
    private final ColumnMoments moments;
    private final RunMoments all;
    private final double[] sums;
    private final double[] products;
    /** The row whose coefficients the tables of columns hold, or −1. */
    private int tabled = -1;
    private boolean tabledGradient;

    ChannelWalk(Operands operands, Mask mask, Arithmetic ops, Blocks blocks, BiConsumer<Walk, Block> work) {
        super(operands, mask, ops, blocks, work);
        joined = mask == null && operands.positionsJoin() ? joined(channels) : 1;
        columns = joined * channels;
        runs = new Runs(operands, mask, joined);
        moments = new ColumnMoments(ops);
        all = new RunMoments(ops);
        sums = new double[channels];
        products = new double[channels];
        ops.columns().prepare(channels, columns);
    }

    private static int joined(int channels) {
        if (channels >= WIDTH) {
            return 1;
        }
        int forWholeVectors = LANES / Math.min(LANES, Integer.lowestOneBit(channels));
        int width = forWholeVectors * channels;
        return forWholeVectors * ((WIDTH - 1) / width + 1);
    }

    private int stride(int array) {
        return operands.positionBytes(array) * joined;
    }

    @Override
    void moments(Block block, int groupSize, Moments into) {
        tabled = -1;
        Window x = operands.window(X, block);
        boolean asOne = groupSize == channels && operands.positionsJoin();
        for (int n = block.n0(); n < block.n1(); n++) {
            runs.start(n, block);
            if (asOne) {
                momentsOfAll(x, cell(n, 0), into);
                continue;
            }
            Moments found = moments.compute(channels, columns, groupSize, x, stride(X), runs);
            for (int g = 0; g < channels / groupSize; g++) {
                into.merge(cell(n, g * groupSize), found.count(g), found.mean(g), found.squares(g));
            }
        }
    }

    /** Where all channels are one group, runs that join are one run. */
    private void momentsOfAll(Window x, int cell, Moments into) {
        all.start();
        while (runs.next()) {
            if (runs.kept) {
                all.add(x.memory, runs.at(x), runs.count * runs.length);
            }
        }
        Moments found = all.found();
        into.merge(cell, found.count(0), found.mean(0), found.squares(0));
    }

    @Override
    void affine(Block block, Affine affine, boolean relu) {
        Window x = operands.window(X, block);
        Window y = operands.window(Y, block);
        int strideX = stride(X);
        int strideY = stride(Y);
        for (int n = block.n0(); n < block.n1(); n++) {
            set(affine, null, n, block);
            for (runs.start(n, block); runs.next();) {
                if (runs.kept) {
                    ops.columns().affine(x.memory, runs.at(x), strideX, y.memory, runs.at(y), strideY, runs.count, runs.c,
                            runs.length, relu);
                } else {
                    zero(y, strideY);
                }
            }
        }
    }

    @Override
    void gradSums(Block block, Affine affine, boolean relu, SumTable into) {
        Window x = operands.window(X, block);
        Window dy = operands.window(DY, block);
        for (int n = block.n0(); n < block.n1(); n++) {
            set(affine, null, n, block);
            Arrays.fill(sums, 0);
            Arrays.fill(products, 0);
            for (runs.start(n, block); runs.next();) {
                if (runs.kept) {
                    gradSums(x, dy, relu);
                }
            }
            ops.columns().exact(sums, products);
            for (int c = 0; c < channels; c++) {
                into.add(cell(n, c), sums[c], products[c]);
            }
        }
    }

    private void gradSums(Window x, Window dy, boolean relu) {
        int strideX = stride(X);
        int strideDy = stride(DY);
        for (int r = 0; r < runs.count; r += ColumnMoments.RUNS) {
            ops.columns().gradSums(x.memory, runs.at(x) + r * strideX, strideX, dy.memory, runs.at(dy) + r * strideDy, strideDy,
                    Math.min(ColumnMoments.RUNS, runs.count - r), runs.c, runs.length, relu, sums, products);
        }
    }

    @Override
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
                    ops.columns().affineGrad(x.memory, runs.at(x), strideX, dy.memory, runs.at(dy), strideDy, dx.memory,
                            runs.at(dx), strideDx, runs.count, runs.c, runs.length, relu);
                } else {
                    zero(dx, strideDx);
                }
            }
        }
    }

    /** Fills the tables of columns, unless they hold the same from the block or example before. */
    private void set(Affine affine, GradAffine grad, int n, Block block) {
        boolean same = tabled == operands.row(n);
        if (same && (grad == null || tabledGradient)) {
            return;
        }
        if (!same) {
            ops.columns().set(coefficients(affine, n, block));
        }
        if (grad != null) {
            ops.columns().setGradient(gradient(grad, n, block), slopes, shifts);
        }
        tabled = operands.row(n);
        tabledGradient = grad != null;
    }

    private void zero(Window y, int stride) {
        for (int r = 0; r < runs.count; r++) {
            ops.zero(y.memory, runs.at(y) + r * stride, runs.length);
        }
    }
}
