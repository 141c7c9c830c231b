// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Strided.Block;
import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.PositionNorm;

/** Position normalization where the channels of a position lie in a row. */
final class ChannelsLastStrip implements PositionKernels.Strip {
    private final Operands operands;
    private final Mask mask;
    private final PositionNorm norm;
    private final boolean relu;
    private final RowOps ops;
    private final int channels;
    private final RunMoments moments;
    private final double[] pair = new double[2];
    private final double[] gammaGradient;
    private final double[] betaGradient;
    private double sum;
    private double product;
    private int undrained;

    ChannelsLastStrip(Operands operands, Mask mask, PositionNorm norm, boolean relu, RowOps ops) {
        this.operands = operands;
        this.mask = mask;
        this.norm = norm;
        this.relu = relu;
        this.ops = ops;
        channels = operands.view.channels();
        moments = new RunMoments(ops);
        gammaGradient = new double[channels];
        betaGradient = new double[channels];
        ops.crossing().prepare(true, channels);
        for (int c = 0; c < channels; c++) {
            ops.crossing().parameters(c, norm.gamma(c), norm.beta(c));
        }
    }

    @Override
    public void forward(Block block) {
        Window x = operands.window(0, block);
        Window y = operands.window(1, block);
        int size = channels / norm.groups();
        for (int s = block.s0(); s < block.s1(); s++) {
            for (int c = 0; c < channels; c += size) {
                statistics(x, block.n0(), s, c, c + size);
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
    public void backward(Block block) {
        Window x = operands.window(0, block);
        Window dy = operands.window(1, block);
        Window dx = operands.window(2, block);
        int size = channels / norm.groups();
        for (int s = block.s0(); s < block.s1(); s++) {
            for (int c = 0; c < channels; c += size) {
                double unit = statistics(x, block.n0(), s, c, c + size);
                sum = 0;
                product = 0;
                Runs.alongChannels(operands, mask, block.n0(), s, c, c + size, (n, c0, position, length, kept) -> {
                    if (kept) {
                        sums(x, dy, n, c0, position, length);
                    }
                });
                // dx = gamma·unit·dy − unit·(Σ gamma·dy)/m − unit·x̂·(Σ gamma·dy·x̂)/m
                double perElement = -unit / Math.max(1, moments.count());
                ops.crossing().gradient(0, perElement * sum, perElement * product);
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

    private double statistics(Window x, int example, int s, int c, int end) {
        moments.start();
        Runs.alongChannels(operands, mask, example, s, c, end, (n, c0, position, length, kept) -> {
            if (kept) {
                moments.add(x.memory, x.at(n, c0, position), length);
            }
        });
        double unit = norm.unit(moments.count(), moments.squares());
        ops.crossing().statistics(0, moments.mean(), unit);
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
    public PositionNorm.Gradients gradients() {
        drain();
        return new PositionNorm.Gradients(gammaGradient, betaGradient);
    }
}
