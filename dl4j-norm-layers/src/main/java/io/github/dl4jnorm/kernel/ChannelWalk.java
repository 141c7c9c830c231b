// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Strided.Block;
import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.SumTable;
import java.util.Arrays;

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
    private final ColumnMoments moments;
    private final RunMoments all;
    private final double[] sums;
    private final double[] products;
    /** The row whose coefficients the tables of columns hold, or −1. */
    private int tabled = -1;
    private boolean tabledGradient;

    ChannelWalk(Operands operands, Mask mask, Arithmetic ops) {
        super(operands, mask, ops);
        joined = mask == null && operands.positionsJoin() ? joined(channels) : 1;
        columns = joined * channels;
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

    /** Receives some runs: columns 0, …, columns − 1, or with a mask for each channel some columns of one. */
    private interface Bundle {
        void accept(int s, int runs, int column, int length, boolean kept);
    }

    private void forEach(int n, Block block, Bundle bundle) {
        if (mask == null) {
            int all = block.s1() - block.s0();
            int whole = all / joined;
            if (whole > 0) {
                bundle.accept(block.s0(), whole, 0, columns, true);
            }
            if (all > whole * joined) {
                bundle.accept(block.s0() + whole * joined, 1, 0, (all - whole * joined) * channels, true);
            }
        } else if (mask.perChannel()) {
            Runs.Run one = (example, c, s, length, kept) -> bundle.accept(s, 1, c, length, kept);
            for (int s = block.s0(); s < block.s1(); s++) {
                Runs.alongChannels(operands, mask, n, s, 0, channels, one);
            }
        } else {
            Runs.ofAllChannels(operands, mask, n, block.s0(), block.s1(),
                    (start, length, kept) -> bundle.accept(start, length, 0, channels, kept));
        }
    }

    private int stride(int array) {
        return operands.positionBytes(array) * joined;
    }

    @Override
    void moments(int x, Block block, int groupSize, Moments into) {
        tabled = -1;
        if (groupSize == channels && operands.positionsJoin()) {
            momentsOfAll(x, block, into);
            return;
        }
        Window from = operands.window(x, block);
        int stride = stride(x);
        for (int n = block.n0(); n < block.n1(); n++) {
            int example = n;
            moments.compute(channels, columns, groupSize, sink -> forEach(example, block, (s, runs, c, length, kept) -> {
                if (kept) {
                    sink.block(from.memory, from.at(example, c, s), stride, runs, c, length);
                }
            }));
            Moments found = moments.found();
            for (int g = 0; g < channels / groupSize; g++) {
                into.merge(cell(n, g * groupSize), found.count(g), found.mean(g), found.squares(g));
            }
        }
    }

    /** Where all channels are one group, runs that join are one run. */
    private void momentsOfAll(int x, Block block, Moments into) {
        Window from = operands.window(x, block);
        for (int n = block.n0(); n < block.n1(); n++) {
            int example = n;
            all.start();
            forEach(n, block, (s, runs, c, length, kept) -> {
                if (kept) {
                    all.add(from.memory, from.at(example, c, s), runs * length);
                }
            });
            Moments found = all.found();
            into.merge(cell(n, 0), found.count(0), found.mean(0), found.squares(0));
        }
    }

    @Override
    void affine(int x, int y, Block block, Affine affine, boolean relu) {
        Window from = operands.window(x, block);
        Window into = operands.window(y, block);
        int strideX = stride(x);
        int strideY = stride(y);
        for (int n = block.n0(); n < block.n1(); n++) {
            int example = n;
            set(affine, null, n, block);
            forEach(n, block, (s, runs, c, length, kept) -> {
                int at = into.at(example, c, s);
                if (kept) {
                    ops.columns().affine(from.memory, from.at(example, c, s), strideX, into.memory, at, strideY, runs, c,
                            length, relu);
                } else {
                    zero(into.memory, at, strideY, runs, length);
                }
            });
        }
    }

    @Override
    void gradSums(int x, int dy, Block block, Affine affine, boolean relu, SumTable into) {
        Window fromX = operands.window(x, block);
        Window fromDy = operands.window(dy, block);
        int strideX = stride(x);
        int strideDy = stride(dy);
        for (int n = block.n0(); n < block.n1(); n++) {
            int example = n;
            set(affine, null, n, block);
            Arrays.fill(sums, 0);
            Arrays.fill(products, 0);
            forEach(n, block, (s, runs, c, length, kept) -> {
                int atX = fromX.at(example, c, s);
                int atDy = fromDy.at(example, c, s);
                for (int r = 0; kept && r < runs; r += ColumnMoments.RUNS) {
                    ops.columns().gradSums(fromX.memory, atX + r * strideX, strideX, fromDy.memory, atDy + r * strideDy,
                            strideDy, Math.min(ColumnMoments.RUNS, runs - r), c, length, relu, sums, products);
                }
            });
            ops.columns().exact(sums, products);
            for (int c = 0; c < channels; c++) {
                into.add(cell(n, c), sums[c], products[c]);
            }
        }
    }

    @Override
    void affineGrad(int x, int dy, int dx, Block block, Affine affine, boolean relu, GradAffine grad) {
        Window fromX = operands.window(x, block);
        Window fromDy = operands.window(dy, block);
        Window into = operands.window(dx, block);
        int strideX = stride(x);
        int strideDy = stride(dy);
        int strideDx = stride(dx);
        for (int n = block.n0(); n < block.n1(); n++) {
            int example = n;
            set(affine, grad, n, block);
            forEach(n, block, (s, runs, c, length, kept) -> {
                int at = into.at(example, c, s);
                if (kept) {
                    ops.columns().affineGrad(fromX.memory, fromX.at(example, c, s), strideX, fromDy.memory,
                            fromDy.at(example, c, s), strideDy, into.memory, at, strideDx, runs, c, length, relu);
                } else {
                    zero(into.memory, at, strideDx, runs, length);
                }
            });
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

    private void zero(Memory y, int at, int stride, int runs, int length) {
        for (int r = 0; r < runs; r++) {
            ops.zero(y, at + r * stride, length);
        }
    }
}
