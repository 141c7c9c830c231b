// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Blocks.Block;
import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;

/** Position normalization where runs are along the channels of a position. */
final class ChannelsLastNormalizer extends StripNormalizer {
    private final RunMoments moments;
    private double sum;
    private double product;
    private int undrained;

    ChannelsLastNormalizer(Operands operands, Mask mask, PositionNorm norm, boolean relu, Arithmetic ops) {
        super(operands, mask, norm, relu, ops);
        moments = ops.runMoments();
        crossing.prepare(true, channels);
        for (int c = 0; c < channels; c++) {
            crossing.parameters(c, norm.gamma(c), norm.beta(c));
        }
    }

    @Override
    void forward(Block block, Moments found) {
        Window x = operands.window(source(), block);
        Window y = operands.window(operands.last(), block);
        int size = channels / norm.groups();
        // Of a sum each position is found while it is written.
        Moments ofAll = source() > 0 ? null : ofAll(x, block, found);
        int shift = found == null ? -block.s0() : cells(block.n0(), 0);
        for (int s = block.s0(); s < block.s1(); s++) {
            for (int c = 0; c < channels; c += size) {
                runs.start(block.n0(), c, c + size, s, s + 1);
                if (ofAll != null) {
                    set(ofAll, shift + s);
                } else {
                    Moments here = source() > 0 ? statisticsOfSum(block, x) : statistics(x);
                    if (found != null) {
                        found.merge(cells(block.n0(), c) + s, here.count(0), here.mean(0), here.squares(0));
                    }
                    set(here, 0);
                }
                for (runs.restart(); runs.next();) {
                    map(x, y, runs.c);
                }
            }
        }
    }

    @Override
    void backward(Block block, Moments known) {
        Window x = operands.window(0, block);
        Window dy = operands.window(1, block);
        Window added = added(block);
        Window dx = operands.window(operands.last(), block);
        int size = channels / norm.groups();
        Moments ofAll = known == null ? ofAll(x, block, null) : null;
        for (int s = block.s0(); s < block.s1(); s++) {
            for (int c = 0; c < channels; c += size) {
                runs.start(block.n0(), c, c + size, s, s + 1);
                Moments here = known != null ? known : ofAll != null ? ofAll : statistics(x);
                int cell = known != null ? cells(block.n0(), c) + s : ofAll != null ? s - block.s0() : 0;
                double unit = set(here, cell);
                sum = 0;
                product = 0;
                for (runs.restart(); runs.next();) {
                    sums(x, dy);
                }
                setGradient(0, unit, here.count(cell), sum, product);
                for (runs.restart(); runs.next();) {
                    gradient(x, dy, added, dx, runs.c);
                }
            }
            if (++undrained == ColumnMoments.RUNS) {
                drain();
            }
        }
    }

    /**
     * The moments of all positions of a block of x, several at a time: what there is to do for one does not wait for another.
     *
     * @param found where they go, in the cells of a whole example; or null for a table of the block's positions
     * @return the table, or null where each position has to be done alone
     */
    private Moments ofAll(Window x, Block block, Moments found) {
        if (mask != null || norm.groups() > 1 || channels > RunOps.CHUNK) {
            return null;
        }
        int count = block.s1() - block.s0();
        Moments into = found == null ? new Moments(1, count) : found;
        int cell = found == null ? 0 : cells(block.n0(), 0) + block.s0();
        moments.each(x.memory, x.at(block.n0(), 0, block.s0()), operands.positionBytes(0), count, channels, into, cell, 1);
        return into;
    }

    private Moments statistics(Window x) {
        moments.start();
        while (runs.next()) {
            if (runs.kept) {
                moments.add(x.memory, runs.at(x), runs.length);
            }
        }
        return moments.found();
    }

    /** Adds up x and a residual on the way. */
    private Moments statisticsOfSum(Block block, Window sum) {
        Window x = operands.window(0, block);
        Window residual = operands.window(1, block);
        moments.start();
        while (runs.next()) {
            if (runs.kept) {
                moments.addSum(x.memory, runs.at(x), residual.memory, runs.at(residual), sum.memory, runs.at(sum), runs.length);
            } else {
                add(x, residual, sum, runs.c);
            }
        }
        return moments.found();
    }

    private double set(Moments of, int cell) {
        double unit = norm.unit(of.count(cell), of.mean(cell), of.squares(cell));
        crossing.statistics(0, norm.center(of.mean(cell)), unit);
        return unit;
    }

    private void sums(Window x, Window dy) {
        int width = ops.type().width();
        for (int done = 0; runs.kept && done < runs.length; done += RunOps.CHUNK) {
            crossing.gradSums(x.memory, runs.at(x) + done * width, dy.memory, runs.at(dy) + done * width,
                    runs.column() + done, Math.min(RunOps.CHUNK, runs.length - done), relu, pair);
            sum += pair[0];
            product += pair[1];
        }
    }

    private void drain() {
        crossing.drain(channels, betaGradient, gammaGradient);
        undrained = 0;
    }

    @Override
    PositionNorm.Gradients gradients() {
        drain();
        return super.gradients();
    }
}
