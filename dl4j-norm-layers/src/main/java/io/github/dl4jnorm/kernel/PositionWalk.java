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

/** Where runs are along the positions of a channel (channels first). */
final class PositionWalk extends Walk {
    private final RunMoments cell;
    private final double[] sums;
    private final double[] products;
    /** The block and the row whose coefficients the tables hold. */
    private Block tabled;
    private int tabledRow;
    private boolean tabledGradient;

    PositionWalk(Operands operands, Mask mask, Arithmetic ops) {
        super(operands, mask, ops);
        cell = new RunMoments(ops);
        sums = new double[channels];
        products = new double[channels];
    }

    @Override
    void moments(int x, Block block, int groupSize, Moments into) {
        Window from = operands.window(x, block);
        int step = mask == null && operands.channelsJoin() ? groupSize : 1;
        int run = (block.s1() - block.s0()) * step;
        if (mask == null && run <= RunOps.CHUNK && operands.rows() == operands.view.examples()) {
            for (int n = block.n0(); n < block.n1(); n++) {
                cell.each(from.memory, from.at(n, block.c0(), block.s0()), operands.channelBytes(x) * step,
                        (block.c1() - block.c0()) / step, run, into, cell(n, block.c0()), step);
            }
            return;
        }
        Runs.Run add = (n, c, s, length, kept) -> {
            if (kept) {
                cell.add(from.memory, from.at(n, c, s), length);
            }
        };
        int s1 = block.s0() + run;
        for (int c = block.c0(); c < block.c1(); c += step) {
            for (int n = block.n0(); n < block.n1(); n++) {
                if (!sameRow(n, block)) {
                    cell.start();
                }
                forEachRun(n, c, block.s0(), s1, add);
                if (n + 1 == block.n1() || operands.row(n + 1) != operands.row(n)) {
                    Moments found = cell.found();
                    into.merge(cell(n, c), found.count(0), found.mean(0), found.squares(0));
                }
            }
        }
    }

    @Override
    void affine(int x, int y, Block block, Affine affine, boolean relu) {
        Window from = operands.window(x, block);
        Window into = operands.window(y, block);
        int strideX = operands.channelBytes(x);
        int strideY = operands.channelBytes(y);
        for (int n = block.n0(); n < block.n1(); n++) {
            set(affine, null, n, block);
            forEachBundle(n, block, (example, c, s, runs, length, kept) -> {
                int at = into.at(example, c, s);
                if (kept) {
                    ops.runs().affine(from.memory, from.at(example, c, s), strideX, into.memory, at, strideY, runs,
                            c - block.c0(), length, relu);
                } else {
                    ops.zero(into.memory, at, length);
                }
            });
        }
    }

    @Override
    void gradSums(int x, int dy, Block block, Affine affine, boolean relu, SumTable into) {
        Window fromX = operands.window(x, block);
        Window fromDy = operands.window(dy, block);
        int strideX = operands.channelBytes(x);
        int strideDy = operands.channelBytes(dy);
        Bundle add = (n, c, s, runs, length, kept) -> {
            for (int done = 0; kept && done < length; done += RunOps.CHUNK) {
                ops.runs().gradSums(fromX.memory, fromX.at(n, c, s + done), strideX, fromDy.memory,
                        fromDy.at(n, c, s + done), strideDy, runs, c - block.c0(),
                        Math.min(RunOps.CHUNK, length - done), relu, sums, products);
            }
        };
        for (int n = block.n0(); n < block.n1(); n++) {
            if (!sameRow(n, block)) {
                Arrays.fill(sums, 0);
                Arrays.fill(products, 0);
            }
            set(affine, null, n, block);
            forEachBundle(n, block, add);
            if (n + 1 == block.n1() || operands.row(n + 1) != operands.row(n)) {
                ops.runs().exact(sums, products);
                for (int c = block.c0(); c < block.c1(); c++) {
                    into.add(cell(n, c), sums[c - block.c0()], products[c - block.c0()]);
                }
            }
        }
    }

    @Override
    void affineGrad(int x, int dy, int dx, Block block, Affine affine, boolean relu, GradAffine grad) {
        Window fromX = operands.window(x, block);
        Window fromDy = operands.window(dy, block);
        Window into = operands.window(dx, block);
        int strideX = operands.channelBytes(x);
        int strideDy = operands.channelBytes(dy);
        int strideDx = operands.channelBytes(dx);
        for (int n = block.n0(); n < block.n1(); n++) {
            set(affine, grad, n, block);
            forEachBundle(n, block, (example, c, s, runs, length, kept) -> {
                int at = into.at(example, c, s);
                if (kept) {
                    ops.runs().affineGrad(fromX.memory, fromX.at(example, c, s), strideX, fromDy.memory,
                            fromDy.at(example, c, s), strideDy, into.memory, at, strideDx, runs, c - block.c0(), length,
                            relu);
                } else {
                    ops.zero(into.memory, at, length);
                }
            });
        }
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

    /** Receives the runs of some channels, the first one c, or with a mask a part of one run. */
    private interface Bundle {
        void accept(int n, int c, int s, int runs, int length, boolean kept);
    }

    private void forEachBundle(int n, Block block, Bundle bundle) {
        if (mask == null) {
            bundle.accept(n, block.c0(), block.s0(), block.c1() - block.c0(), block.s1() - block.s0(), true);
        } else {
            for (int c = block.c0(); c < block.c1(); c++) {
                forEachRun(n, c, block.s0(), block.s1(),
                        (example, channel, s, length, kept) -> bundle.accept(example, channel, s, 1, length, kept));
            }
        }
    }

    /** Small, so that it becomes part of each caller and the run of each caller part of it. */
    private void forEachRun(int n, int c, int s0, int s1, Runs.Run run) {
        if (mask == null) {
            run.accept(n, c, s0, s1 - s0, true);
        } else {
            Runs.alongPositions(operands, mask, n, c, s0, s1, run);
        }
    }
}
