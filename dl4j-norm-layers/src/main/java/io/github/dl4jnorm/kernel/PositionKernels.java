// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Strided.Block;
import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.Affine.Coefficients;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.function.Function;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Normalization of each position over its channels. Channels last, a row at a time; channels first, a strip of
 * positions at a time, channel after channel, each position with statistics of its own.
 */
final class PositionKernels {
    private static final int MAX_TASKS = 32;
    private static final int MIN_STRIP = 16;

    private final Function<DataType, RowOps> rowOps;

    PositionKernels(Function<DataType, RowOps> rowOps) {
        this.rowOps = rowOps;
    }

    void forward(INDArray x, View view, Mask mask, PositionNorm norm, boolean relu, INDArray y) {
        Operands operands = new Operands(view, true, x, y);
        Strips strips = new Strips(operands);
        operands.forEachTask(strips.tasks(), task -> {
            Strip strip = new Strip(operands, mask, norm, strips.length);
            strips.forEach(task, block -> strip.forward(block, relu));
        });
    }

    PositionNorm.Gradients backward(INDArray x, INDArray dy, View view, Mask mask, PositionNorm norm, boolean relu,
                                    INDArray dx) {
        Operands operands = new Operands(view, true, x, dy, dx);
        Strips strips = new Strips(operands);
        Strip[] done = new Strip[strips.tasks()];
        operands.forEachTask(strips.tasks(), task -> {
            Strip strip = new Strip(operands, mask, norm, strips.length);
            strips.forEach(task, block -> strip.backward(block, relu));
            done[task] = strip;
        });
        for (int task = 1; task < done.length; task++) {
            for (int c = 0; c < view.channels(); c++) {
                done[0].gammaGradient[c] += done[task].gammaGradient[c];
                done[0].betaGradient[c] += done[task].betaGradient[c];
            }
        }
        return new PositionNorm.Gradients(done[0].gammaGradient, done[0].betaGradient);
    }

    /** The split of all positions into strips, and of the strips into tasks: by shape alone. */
    private static final class Strips {
        private final View view;
        private final int length;
        private final int perExample;
        private final int count;

        Strips(Operands operands) {
            view = operands.view;
            int fitting = Math.max(MIN_STRIP, Operands.TASK / view.channels());
            length = operands.alongPositions ? Math.min(view.positions(), fitting) : 1;
            perExample = (view.positions() - 1) / length + 1;
            count = Math.multiplyExact(view.examples(), perExample);
        }

        int tasks() {
            return (int) Math.max(1, Math.min(Math.min(count, MAX_TASKS), view.length() / Operands.TASK));
        }

        void forEach(int task, Consumer<Block> work) {
            int end = (int) ((task + 1L) * count / tasks());
            for (int i = (int) ((long) task * count / tasks()); i < end; i++) {
                int n = i / perExample;
                int s = i % perExample * length;
                work.accept(new Block(n, n + 1, 0, view.channels(), s, Math.min(view.positions(), s + length)));
            }
        }
    }

    /** One thread's scratch memory and what it sums up. */
    private final class Strip {
        private final Operands operands;
        private final Mask mask;
        private final PositionNorm norm;
        private final RowOps ops;
        private final int channels;
        private final boolean alongPositions;
        private final Coefficients k;
        private final double[] slope;
        private final double[] shift;
        private final double[] first;
        private final double[] second;
        private final double[] gammaGradient;
        private final double[] betaGradient;

        Strip(Operands operands, Mask mask, PositionNorm norm, int length) {
            this.operands = operands;
            this.mask = mask;
            this.norm = norm;
            this.ops = operands.rowOps(rowOps);
            this.channels = operands.view.channels();
            this.alongPositions = operands.alongPositions;
            int size = alongPositions ? length : channels;
            k = new Coefficients(size);
            slope = new double[size];
            shift = new double[size];
            first = new double[size];
            second = new double[size];
            gammaGradient = new double[channels];
            betaGradient = new double[channels];
        }

        void forward(Block block, boolean relu) {
            Window x = operands.window(0, block);
            Window y = operands.window(1, block);
            for (int g = 0; g < norm.groups(); g++) {
                Block group = group(block, g);
                Moments moments = moments(group, x);
                if (alongPositions) {
                    statistics(group, moments);
                }
                forEachRun(group, (n, c, s, length, kept) -> {
                    int at = y.at(n, c, s);
                    if (!kept) {
                        ops.zero(y.buffer, at, length);
                    } else {
                        int from = coefficients(group, moments, c, s, length);
                        ops.affineAlong(x.buffer, x.at(n, c, s), y.buffer, at, length, k, from, relu);
                    }
                });
            }
        }

        void backward(Block block, boolean relu) {
            Window x = operands.window(0, block);
            Window dy = operands.window(1, block);
            Window dx = operands.window(2, block);
            for (int g = 0; g < norm.groups(); g++) {
                Block group = group(block, g);
                Moments moments = moments(group, x);
                int cells = group.s1() - group.s0();
                double[] sum = new double[cells];
                double[] products = new double[cells];
                if (alongPositions) {
                    statistics(group, moments);
                }
                forEachRun(group, (n, c, s, length, kept) -> {
                    if (kept) {
                        int from = coefficients(group, moments, c, s, length);
                        Arrays.fill(first, from, from + length, 0);
                        Arrays.fill(second, from, from + length, 0);
                        ops.addGradSums(x.buffer, x.at(n, c, s), dy.buffer, dy.at(n, c, s), length, k, from, relu,
                                first, second);
                        collect(group, c, s, length, from, sum, products);
                    }
                });
                forEachRun(group, (n, c, s, length, kept) -> {
                    int at = dx.at(n, c, s);
                    if (!kept) {
                        ops.zero(dx.buffer, at, length);
                    } else {
                        int from = coefficients(group, moments, c, s, length);
                        gradCoefficients(group, moments, s, length, from, sum, products);
                        ops.affineGradAlong(x.buffer, x.at(n, c, s), dy.buffer, dy.at(n, c, s), dx.buffer, at, length,
                                k, slope, shift, from, relu);
                    }
                });
            }
        }

        private Block group(Block b, int g) {
            int size = channels / norm.groups();
            return new Block(b.n0(), b.n1(), g * size, (g + 1) * size, b.s0(), b.s1());
        }

        private void forEachRun(Block group, Runs.Run run) {
            if (alongPositions) {
                Runs.alongPositions(group, mask, run);
            } else {
                Runs.alongChannels(group, group.n0(), mask, run);
            }
        }

        /** One cell for each position of the strip. */
        private Moments moments(Block group, Window x) {
            int cells = group.s1() - group.s0();
            Moments moments = new Moments(1, cells);
            double[] sums = new double[2];
            double[] count = new double[cells];
            double[] pivot = new double[cells];
            double[] sum = new double[cells];
            double[] squares = new double[cells];
            forEachRun(group, (n, c, s, length, kept) -> {
                if (kept && alongPositions) {
                    int from = s - group.s0();
                    for (int i = from; i < from + length; i++) {
                        if (count[i]++ == 0) {
                            pivot[i] = ops.get(x.buffer, x.at(n, c, group.s0() + i));
                        }
                    }
                    ops.addMoments(x.buffer, x.at(n, c, s), length, from, pivot, sum, squares);
                } else if (kept) {
                    double rowPivot = ops.get(x.buffer, x.at(n, c, s));
                    ops.moments(x.buffer, x.at(n, c, s), length, rowPivot, sums);
                    moments.mergeSums(s - group.s0(), length, rowPivot, sums[0], sums[1]);
                }
            });
            for (int i = 0; alongPositions && i < cells; i++) {
                moments.mergeSums(i, count[i], pivot[i], sum[i], squares[i]);
            }
            return moments;
        }

        /** Center and unit of every position, which all channels of a strip share. */
        private void statistics(Block group, Moments moments) {
            for (int i = 0; i < group.s1() - group.s0(); i++) {
                k.center[i] = moments.mean(i);
                k.unit[i] = 1 / Math.sqrt(moments.variance(i) + norm.eps());
            }
        }

        /** Fills in the coefficients of a run and says where they start. */
        private int coefficients(Block group, Moments moments, int c, int s, int length) {
            int from = alongPositions ? s - group.s0() : c;
            if (alongPositions) {
                for (int i = from; i < from + length; i++) {
                    k.scale[i] = norm.gamma(c) * k.unit[i];
                    k.shift[i] = norm.beta(c);
                }
            } else {
                double center = moments.mean(0);
                double unit = 1 / Math.sqrt(moments.variance(0) + norm.eps());
                for (int i = c; i < c + length; i++) {
                    k.center[i] = center;
                    k.unit[i] = unit;
                    k.scale[i] = norm.gamma(i) * unit;
                    k.shift[i] = norm.beta(i);
                }
            }
            return from;
        }

        /** Adds dy and dy·(x − mean) of a run to the gradients of gamma and beta and to the sums of its positions. */
        private void collect(Block group, int c, int s, int length, int from, double[] sum, double[] products) {
            for (int i = 0; i < length; i++) {
                int channel = alongPositions ? c : c + i;
                int position = alongPositions ? s - group.s0() + i : s - group.s0();
                double dy = first[from + i];
                double dyx = second[from + i] * k.unit[from + i];
                betaGradient[channel] += dy;
                gammaGradient[channel] += dyx;
                sum[position] += norm.gamma(channel) * dy;
                products[position] += norm.gamma(channel) * dyx;
            }
        }

        /** dx = scale·dy − unit·(Σ gamma·dy)/m − unit·x̂·(Σ gamma·dy·x̂)/m, x̂ = (x − mean)·unit. */
        private void gradCoefficients(Block group, Moments moments, int s, int length, int from, double[] sum,
                                      double[] products) {
            for (int i = from; i < from + length; i++) {
                int position = alongPositions ? s - group.s0() + i - from : s - group.s0();
                double m = moments.count(position);
                slope[i] = -k.unit[i] * products[position] / m;
                shift[i] = -k.unit[i] * sum[position] / m;
            }
        }
    }
}
