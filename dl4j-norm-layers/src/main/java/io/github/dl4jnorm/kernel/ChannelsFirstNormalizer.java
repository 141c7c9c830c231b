// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Blocks.Block;
import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;
import java.util.Arrays;

/** Position normalization where runs are along the positions of a channel. */
final class ChannelsFirstNormalizer extends StripNormalizer {
    private final ColumnMoments moments;
    private final double[] counts;
    private final double[] units;
    private final double[] sums;
    private final double[] products;

    ChannelsFirstNormalizer(Operands operands, Mask mask, PositionNorm norm, boolean relu, Arithmetic ops, int length) {
        super(operands, mask, norm, relu, ops);
        moments = ops.columnMoments();
        counts = new double[length];
        units = new double[length];
        sums = new double[length];
        products = new double[length];
        crossing.prepare(false, length);
    }

    @Override
    void forward(Block block, Moments found) {
        Window x = operands.window(source(), block);
        Window y = operands.window(operands.last(), block);
        int size = channels / norm.groups();
        for (int c = 0; c < channels; c += size) {
            addUp(block, c, c + size);
            statistics(x, operands.channelBytes(source()), block, c, c + size, null, found);
            for (start(block, c, c + size); runs.next();) {
                for (int i = runs.c; i < runs.c + runs.count; i++) {
                    parameters(i);
                    map(x, y, i);
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
        int length = block.s1() - block.s0();
        for (int c = 0; c < channels; c += size) {
            statistics(x, operands.channelBytes(0), block, c, c + size, known, null);
            Arrays.fill(sums, 0);
            Arrays.fill(products, 0);
            for (int from = c; from < c + size; from += ColumnMoments.RUNS) {
                gradSums(x, dy, block, from, Math.min(c + size, from + ColumnMoments.RUNS));
                crossing.drain(length, sums, products);
            }
            for (int i = 0; i < length; i++) {
                setGradient(i, units[i], counts[i], sums[i], products[i]);
            }
            for (start(block, c, c + size); runs.next();) {
                for (int i = runs.c; i < runs.c + runs.count; i++) {
                    parameters(i);
                    gradient(x, dy, added, dx, i);
                }
            }
        }
    }

    /** Adds up x and a residual, if the pass has one. */
    private void addUp(Block block, int from, int to) {
        if (source() > 0) {
            Window x = operands.window(0, block);
            Window residual = operands.window(1, block);
            Window sum = operands.window(2, block);
            for (start(block, from, to); runs.next();) {
                for (int c = runs.c; c < runs.c + runs.count; c++) {
                    add(x, residual, sum, c);
                }
            }
        }
    }

    private void gradSums(Window x, Window dy, Block block, int from, int to) {
        int width = ops.type().width();
        for (start(block, from, to); runs.next();) {
            for (int c = runs.c; runs.kept && c < runs.c + runs.count; c++) {
                parameters(c);
                for (int done = 0; done < runs.length; done += RunOps.CHUNK) {
                    crossing.gradSums(x.memory, runs.at(x, c) + done * width, dy.memory, runs.at(dy, c) + done * width,
                            runs.column() + done, Math.min(RunOps.CHUNK, runs.length - done), relu, pair);
                    betaGradient[c] += pair[0];
                    gammaGradient[c] += pair[1];
                }
            }
        }
    }

    private void start(Block block, int from, int to) {
        runs.start(block.n0(), from, to, block.s0(), block.s1());
    }

    private void parameters(int c) {
        crossing.parameters(0, norm.gamma(c), norm.beta(c));
    }

    /** Sets the statistics of a group at all positions of a block, known ones or those found, which it notes. */
    private void statistics(Window x, int stride, Block block, int from, int to, Moments known, Moments found) {
        int length = block.s1() - block.s0();
        int first = cells(block.n0(), from) + block.s0();
        Moments source = known;
        int shift = first;
        if (known == null) {
            start(block, from, to);
            source = moments.compute(length, length, 1, x, stride, runs);
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
            crossing.statistics(i, norm.center(mean), units[i]);
        }
    }
}
