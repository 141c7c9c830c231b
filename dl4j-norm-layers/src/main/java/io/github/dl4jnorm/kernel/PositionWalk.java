// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Strided.Block;
import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Affine.Coefficients;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.SumTable;

/** Where the positions of a channel lie in a row (channels first). */
final class PositionWalk extends Walk {
    private final RunMoments cell;
    private final Line line = new Line();

    PositionWalk(Operands operands, Mask mask, RowOps ops) {
        super(operands, mask, ops);
        cell = new RunMoments(ops);
    }

    @Override
    void moments(int x, Block block, int groupSize, Moments into) {
        Window from = operands.window(x, block);
        Runs.Run add = (n, c, s, length, kept) -> {
            if (kept) {
                cell.add(from.memory, from.at(n, c, s), length);
            }
        };
        int step = mask == null && operands.channelsJoin() ? groupSize : 1;
        int s1 = block.s0() + (block.s1() - block.s0()) * step;
        for (int c = block.c0(); c < block.c1(); c += step) {
            for (int n = block.n0(); n < block.n1(); n++) {
                if (!sameRow(n, block)) {
                    cell.start();
                }
                forEachRun(n, c, block.s0(), s1, add);
                if (n + 1 == block.n1() || operands.row(n + 1) != operands.row(n)) {
                    into.merge(cell(n, c), cell.count(), cell.mean(), cell.squares());
                }
            }
        }
    }

    @Override
    void affine(int x, int y, Block block, Affine affine, boolean relu) {
        Window from = operands.window(x, block);
        Window into = operands.window(y, block);
        Runs.Run map = (n, c, s, length, kept) -> {
            int at = into.at(n, c, s);
            if (kept) {
                ops.runs().affine(from.memory, from.at(n, c, s), into.memory, at, length, line, relu);
            } else {
                ops.zero(into.memory, at, length);
            }
        };
        for (int n = block.n0(); n < block.n1(); n++) {
            Coefficients k = coefficients(affine, n, block);
            for (int c = block.c0(); c < block.c1(); c++) {
                line.set(ops, k, c - block.c0());
                forEachRun(n, c, block.s0(), block.s1(), map);
            }
        }
    }

    @Override
    void gradSums(int x, int dy, Block block, Affine affine, boolean relu, SumTable into) {
        Window fromX = operands.window(x, block);
        Window fromDy = operands.window(dy, block);
        Runs.Run add = (n, c, s, length, kept) -> {
            for (int done = 0; kept && done < length; done += RunOps.CHUNK) {
                ops.runs().gradSums(fromX.memory, fromX.at(n, c, s + done), fromDy.memory, fromDy.at(n, c, s + done),
                        Math.min(RunOps.CHUNK, length - done), line, relu, pair);
                into.add(cell(n, c), pair[0], line.product(pair[0], pair[1]));
            }
        };
        for (int n = block.n0(); n < block.n1(); n++) {
            Coefficients k = coefficients(affine, n, block);
            for (int c = block.c0(); c < block.c1(); c++) {
                line.set(ops, k, c - block.c0());
                forEachRun(n, c, block.s0(), block.s1(), add);
            }
        }
    }

    @Override
    void affineGrad(int x, int dy, int dx, Block block, Affine affine, boolean relu, GradAffine grad) {
        Window fromX = operands.window(x, block);
        Window fromDy = operands.window(dy, block);
        Window into = operands.window(dx, block);
        Runs.Run map = (n, c, s, length, kept) -> {
            int at = into.at(n, c, s);
            if (kept) {
                ops.runs().affineGrad(fromX.memory, fromX.at(n, c, s), fromDy.memory, fromDy.at(n, c, s), into.memory,
                        at, length, line, relu);
            } else {
                ops.zero(into.memory, at, length);
            }
        };
        for (int n = block.n0(); n < block.n1(); n++) {
            Coefficients k = coefficients(affine, n, block);
            gradient(grad, n, block);
            for (int c = block.c0(); c < block.c1(); c++) {
                int i = c - block.c0();
                line.set(ops, k, i).setGrad(slopes[i], shifts[i]);
                forEachRun(n, c, block.s0(), block.s1(), map);
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
