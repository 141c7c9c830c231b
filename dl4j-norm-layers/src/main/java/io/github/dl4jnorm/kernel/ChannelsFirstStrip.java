// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Strided.Block;
import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;
import java.util.Arrays;

/** Position normalization where runs are along the positions of a channel. */
final class ChannelsFirstStrip extends Strip {
    private final ColumnMoments moments;
    private final double[] counts;
    private final double[] units;
    private final double[] sums;
    private final double[] products;

    ChannelsFirstStrip(Operands operands, Mask mask, PositionNorm norm, boolean relu, Arithmetic ops, int length) {
        super(operands, mask, norm, relu, ops);
        moments = new ColumnMoments(ops);
        counts = new double[length];
        units = new double[length];
        sums = new double[length];
        products = new double[length];
        ops.crossing().prepare(false, length);
    }

    @Override
    void forward(Block block, Moments found) {
        Window x = operands.window(0, block);
        Window y = operands.window(1, block);
        int size = channels / norm.groups();
        Runs.Run map = (n, c, s, length, kept) -> {
            int at = y.at(n, c, s);
            if (kept) {
                ops.crossing().affine(x.memory, x.at(n, c, s), y.memory, at, s - block.s0(), length, relu);
            } else {
                ops.zero(y.memory, at, length);
            }
        };
        for (int c = 0; c < channels; c += size) {
            statistics(x, block, c, c + size, null, found);
            forEachChannel(block, c, c + size, map);
        }
    }

    @Override
    void backward(Block block, Moments known) {
        Window x = operands.window(0, block);
        Window dy = operands.window(1, block);
        Window dx = operands.window(2, block);
        int size = channels / norm.groups();
        int length = block.s1() - block.s0();
        Runs.Run add = (n, c, s, run, kept) -> {
            for (int done = 0; kept && done < run; done += RunOps.CHUNK) {
                int at = s + done;
                ops.crossing().gradSums(x.memory, x.at(n, c, at), dy.memory, dy.at(n, c, at), at - block.s0(),
                        Math.min(RunOps.CHUNK, run - done), relu, pair);
                betaGradient[c] += pair[0];
                gammaGradient[c] += pair[1];
            }
        };
        Runs.Run map = (n, c, s, run, kept) -> {
            int at = dx.at(n, c, s);
            if (kept) {
                ops.crossing().affineGrad(x.memory, x.at(n, c, s), dy.memory, dy.at(n, c, s), dx.memory, at,
                        s - block.s0(), run, relu);
            } else {
                ops.zero(dx.memory, at, run);
            }
        };
        for (int c = 0; c < channels; c += size) {
            statistics(x, block, c, c + size, known, null);
            Arrays.fill(sums, 0);
            Arrays.fill(products, 0);
            for (int from = c; from < c + size; from += ColumnMoments.RUNS) {
                forEachChannel(block, from, Math.min(c + size, from + ColumnMoments.RUNS), add);
                ops.crossing().drain(length, sums, products);
            }
            for (int i = 0; i < length; i++) {
                setGradient(i, units[i], counts[i], sums[i], products[i]);
            }
            forEachChannel(block, c, c + size, map);
        }
    }

    private void forEachChannel(Block block, int from, int to, Runs.Run run) {
        for (int c = from; c < to; c++) {
            ops.crossing().parameters(0, norm.gamma(c), norm.beta(c));
            Runs.alongPositions(operands, mask, block.n0(), c, block.s0(), block.s1(), run);
        }
    }

    /** Sets the statistics of a group at all positions of a block, known ones or those found, which it notes. */
    private void statistics(Window x, Block block, int from, int to, Moments known, Moments found) {
        int length = block.s1() - block.s0();
        int first = cells(block.n0(), from) + block.s0();
        Moments source = known;
        int shift = first;
        if (known == null) {
            find(x, block, from, to);
            source = moments.found();
            shift = 0;
        }
        for (int i = 0; i < length; i++) {
            counts[i] = source.count(shift + i);
            double mean = source.mean(shift + i);
            double squares = source.squares(shift + i);
            if (found != null) {
                found.merge(first + i, counts[i], mean, squares);
            }
            units[i] = norm.unit(counts[i], mean, squares);
            ops.crossing().statistics(i, norm.center(mean), units[i]);
        }
    }

    private void find(Window x, Block block, int from, int to) {
        int length = block.s1() - block.s0();
        moments.compute(length, length, 1, sink -> {
            if (mask == null) {
                sink.block(x.memory, x.at(block.n0(), from, block.s0()), operands.channelBytes(0), to - from, 0, length);
                return;
            }
            for (int c = from; c < to; c++) {
                Runs.alongPositions(operands, mask, block.n0(), c, block.s0(), block.s1(), (n, channel, s, run, kept) -> {
                    if (kept) {
                        sink.block(x.memory, x.at(n, channel, s), 0, 1, s - block.s0(), run);
                    }
                });
            }
        });
    }
}
