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

/** Where runs are along the positions of a channel (channels first). */
final class PositionWalk extends Walk {
    private final Runs runs;
    private final RunMoments cell;
    private final double[] sums;
    private final double[] products;
    /** The block and the row whose coefficients the tables hold. */
    private Block tabled;
    private int tabledRow;
    private boolean tabledGradient;

    PositionWalk(Operands operands, Mask mask, Arithmetic ops, Blocks blocks, BiConsumer<Walk, Block> work) {
        super(operands, mask, ops, blocks, work);
        runs = new Runs(operands, mask, 1);
        cell = new RunMoments(ops);
        sums = new double[channels];
        products = new double[channels];
    }

    @Override
    void moments(Block block, int groupSize, Moments into) {
        Window x = operands.window(X, block);
        int step = mask == null && operands.channelsJoin() ? groupSize : 1;
        int run = (block.s1() - block.s0()) * step;
        if (mask == null && run <= RunOps.CHUNK && operands.rows() == operands.view.examples()) {
            for (int n = block.n0(); n < block.n1(); n++) {
                cell.each(x.memory, x.at(n, block.c0(), block.s0()), operands.channelBytes(X) * step,
                        (block.c1() - block.c0()) / step, run, into, cell(n, block.c0()), step);
            }
            return;
        }
        for (int c = block.c0(); c < block.c1(); c += step) {
            for (int n = block.n0(); n < block.n1(); n++) {
                if (!sameRow(n, block)) {
                    cell.start();
                }
                for (runs.start(n, c, c + 1, block.s0(), block.s0() + run); runs.next();) {
                    if (runs.kept) {
                        cell.add(x.memory, runs.at(x), runs.length);
                    }
                }
                if (endOfRow(n, block)) {
                    Moments found = cell.found();
                    into.merge(cell(n, c), found.count(0), found.mean(0), found.squares(0));
                }
            }
        }
    }

    @Override
    void affine(Block block, Affine affine, boolean relu) {
        Window x = operands.window(X, block);
        Window y = operands.window(Y, block);
        int strideX = operands.channelBytes(X);
        int strideY = operands.channelBytes(Y);
        for (int n = block.n0(); n < block.n1(); n++) {
            set(affine, null, n, block);
            for (runs.start(n, block); runs.next();) {
                if (runs.kept) {
                    ops.runs().affine(x.memory, runs.at(x), strideX, y.memory, runs.at(y), strideY, runs.count,
                            runs.c - block.c0(), runs.length, relu);
                } else {
                    ops.zero(y.memory, runs.at(y), runs.length);
                }
            }
        }
    }

    @Override
    void gradSums(Block block, Affine affine, boolean relu, SumTable into) {
        Window x = operands.window(X, block);
        Window dy = operands.window(DY, block);
        for (int n = block.n0(); n < block.n1(); n++) {
            if (!sameRow(n, block)) {
                Arrays.fill(sums, 0);
                Arrays.fill(products, 0);
            }
            set(affine, null, n, block);
            for (runs.start(n, block); runs.next();) {
                if (runs.kept) {
                    gradSums(x, dy, runs.c - block.c0(), relu);
                }
            }
            if (endOfRow(n, block)) {
                ops.runs().exact(sums, products);
                for (int c = block.c0(); c < block.c1(); c++) {
                    into.add(cell(n, c), sums[c - block.c0()], products[c - block.c0()]);
                }
            }
        }
    }

    private void gradSums(Window x, Window dy, int first, boolean relu) {
        int strideX = operands.channelBytes(X);
        int strideDy = operands.channelBytes(DY);
        int width = ops.type().width();
        for (int done = 0; done < runs.length; done += RunOps.CHUNK) {
            ops.runs().gradSums(x.memory, runs.at(x) + done * width, strideX, dy.memory, runs.at(dy) + done * width, strideDy,
                    runs.count, first, Math.min(RunOps.CHUNK, runs.length - done), relu, sums, products);
        }
    }

    @Override
    void affineGrad(Block block, Affine affine, boolean relu, GradAffine grad) {
        Window x = operands.window(X, block);
        Window dy = operands.window(DY, block);
        Window dx = operands.window(DX, block);
        int strideX = operands.channelBytes(X);
        int strideDy = operands.channelBytes(DY);
        int strideDx = operands.channelBytes(DX);
        for (int n = block.n0(); n < block.n1(); n++) {
            set(affine, grad, n, block);
            for (runs.start(n, block); runs.next();) {
                if (runs.kept) {
                    ops.runs().affineGrad(x.memory, runs.at(x), strideX, dy.memory, runs.at(dy), strideDy, dx.memory,
                            runs.at(dx), strideDx, runs.count, runs.c - block.c0(), runs.length, relu);
                } else {
                    ops.zero(dx.memory, runs.at(dx), runs.length);
                }
            }
        }
    }

    /** Whether the examples of a block that have the statistics of this one end with it. */
    private boolean endOfRow(int n, Block block) {
        return n + 1 == block.n1() || operands.row(n + 1) != operands.row(n);
    }

    /**
     * Fills the tables of the channels of a block, unless they hold the same already: from the example before, or from the
     * sums of the block, which come just before its gradient.
     */
    private void set(Affine affine, GradAffine grad, int n, Block block) {
        boolean same = block == tabled && operands.row(n) == tabledRow;
        if (!same) {
            int size = block.c1() - block.c0();
            ops.runs().prepare(size, size);
            ops.runs().set(coefficients(affine, n, block));
            tabled = block;
            tabledRow = operands.row(n);
            tabledGradient = false;
        }
        if (grad != null && !tabledGradient) {
            ops.runs().setGradient(gradient(grad, n, block), slopes, shifts);
            tabledGradient = true;
        }
    }
}
