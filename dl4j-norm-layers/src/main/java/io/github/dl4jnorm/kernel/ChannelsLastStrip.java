// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Strided.Block;
import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;

/** Position normalization where runs are along the channels of a position. */
final class ChannelsLastStrip extends Strip {
    private final RunMoments moments;
    private double sum;
    private double product;
    private int undrained;

    ChannelsLastStrip(Operands operands, Mask mask, PositionNorm norm, boolean relu, Arithmetic ops) {
        super(operands, mask, norm, relu, ops);
        moments = new RunMoments(ops);
        ops.crossing().prepare(true, channels);
        for (int c = 0; c < channels; c++) {
            ops.crossing().parameters(c, norm.gamma(c), norm.beta(c));
        }
    }

    @Override
    void forward(Block block, Moments found) {
        Window x = operands.window(0, block);
        Window y = operands.window(1, block);
        int size = channels / norm.groups();
        for (int s = block.s0(); s < block.s1(); s++) {
            for (int c = 0; c < channels; c += size) {
                Moments here = statistics(x, block.n0(), s, c, c + size);
                if (found != null) {
                    found.merge(cells(block.n0(), c) + s, here.count(0), here.mean(0), here.squares(0));
                }
                set(here, 0);
                Runs.alongChannels(operands, mask, block.n0(), s, c, c + size, (n, c0, position, length, kept) -> {
                    int at = y.at(n, c0, position);
                    if (kept) {
                        ops.crossing().affine(x.memory, x.at(n, c0, position), y.memory, at, c0, length, relu);
                    } else {
                        ops.zero(y.memory, at, length);
                    }
                });
            }
        }
    }

    @Override
    void backward(Block block, Moments known) {
        Window x = operands.window(0, block);
        Window dy = operands.window(1, block);
        Window dx = operands.window(2, block);
        int size = channels / norm.groups();
        for (int s = block.s0(); s < block.s1(); s++) {
            for (int c = 0; c < channels; c += size) {
                Moments here = known == null ? statistics(x, block.n0(), s, c, c + size) : known;
                int cell = known == null ? 0 : cells(block.n0(), c) + s;
                double unit = set(here, cell);
                sum = 0;
                product = 0;
                Runs.alongChannels(operands, mask, block.n0(), s, c, c + size, (n, c0, position, length, kept) -> {
                    if (kept) {
                        sums(x, dy, n, c0, position, length);
                    }
                });
                setGradient(0, unit, here.count(cell), sum, product);
                Runs.alongChannels(operands, mask, block.n0(), s, c, c + size, (n, c0, position, length, kept) -> {
                    int at = dx.at(n, c0, position);
                    if (kept) {
                        ops.crossing().affineGrad(x.memory, x.at(n, c0, position), dy.memory, dy.at(n, c0, position),
                                dx.memory, at, c0, length, relu);
                    } else {
                        ops.zero(dx.memory, at, length);
                    }
                });
            }
            if (++undrained == ColumnMoments.RUNS) {
                drain();
            }
        }
    }

    private Moments statistics(Window x, int example, int s, int c, int end) {
        moments.start();
        Runs.alongChannels(operands, mask, example, s, c, end, (n, c0, position, length, kept) -> {
            if (kept) {
                moments.add(x.memory, x.at(n, c0, position), length);
            }
        });
        return moments.found();
    }

    private double set(Moments of, int cell) {
        double unit = norm.unit(of.count(cell), of.mean(cell), of.squares(cell));
        ops.crossing().statistics(0, norm.center(of.mean(cell)), unit);
        return unit;
    }

    private void sums(Window x, Window dy, int n, int c, int s, int length) {
        for (int done = 0; done < length; done += RunOps.CHUNK) {
            ops.crossing().gradSums(x.memory, x.at(n, c + done, s), dy.memory, dy.at(n, c + done, s), c + done,
                    Math.min(RunOps.CHUNK, length - done), relu, pair);
            sum += pair[0];
            product += pair[1];
        }
    }

    private void drain() {
        ops.crossing().drain(channels, betaGradient, gammaGradient);
        undrained = 0;
    }

    @Override
    PositionNorm.Gradients gradients() {
        drain();
        return super.gradients();
    }
}
