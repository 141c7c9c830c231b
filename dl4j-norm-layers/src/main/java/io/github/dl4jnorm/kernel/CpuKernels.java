// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Strided.Block;
import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Affine.Coefficients;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.GradSums;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import java.util.function.Function;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * {@link NormKernels} over off-heap memory: walks blocks, runs and masks and leaves the arithmetic of one run to
 * {@link RowOps}.
 */
final class CpuKernels implements NormKernels {
    private final String name;
    private final Function<DataType, RowOps> rowOps;
    private final PositionKernels positions;

    CpuKernels(String name, Function<DataType, RowOps> rowOps) {
        this.name = name;
        this.rowOps = rowOps;
        this.positions = new PositionKernels(rowOps);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Moments moments(INDArray x, View view, Mask mask) {
        Operands operands = new Operands(view, false, x);
        Moments[] parts = new Moments[operands.positionBlocks()];
        Arrays.setAll(parts, i -> new Moments(view.examples(), view.channels()));
        operands.forEachBlock(block -> {
            RowOps ops = operands.rowOps(rowOps);
            Window from = operands.window(0, block);
            Moments into = parts[block.s0() / operands.positionsPerBlock];
            if (operands.alongPositions) {
                momentsAlongPositions(ops, from, block, view, mask, into);
            } else {
                momentsAlongChannels(ops, from, block, view, mask, into);
            }
        });
        for (int i = 1; i < parts.length; i++) {
            parts[0].merge(parts[i]);
        }
        return parts[0];
    }

    private static void momentsAlongPositions(RowOps ops, Window x, Block block, View view, Mask mask, Moments into) {
        double[] sums = new double[2];
        Runs.alongPositions(block, mask, (n, c, s, length, kept) -> {
            if (kept) {
                int at = x.at(n, c, s);
                double pivot = ops.get(x.buffer, at);
                ops.moments(x.buffer, at, length, pivot, sums);
                into.mergeSums(n * view.channels() + c, length, pivot, sums[0], sums[1]);
            }
        });
    }

    private static void momentsAlongChannels(RowOps ops, Window x, Block block, View view, Mask mask, Moments into) {
        int channels = view.channels();
        double[] count = new double[channels];
        double[] pivot = new double[channels];
        double[] sum = new double[channels];
        double[] squares = new double[channels];
        for (int n = block.n0(); n < block.n1(); n++) {
            Arrays.fill(count, 0);
            Arrays.fill(sum, 0);
            Arrays.fill(squares, 0);
            Runs.alongChannels(block, n, mask, (row, c, s, length, kept) -> {
                if (kept) {
                    int at = x.at(row, c, s);
                    for (int i = c; i < c + length; i++) {
                        if (count[i]++ == 0) {
                            pivot[i] = ops.get(x.buffer, at + (i - c) * ops.elementBytes());
                        }
                    }
                    ops.addMoments(x.buffer, at, length, c, pivot, sum, squares);
                }
            });
            for (int c = 0; c < channels; c++) {
                into.mergeSums(n * channels + c, count[c], pivot[c], sum[c], squares[c]);
            }
        }
    }

    @Override
    public void affine(INDArray x, View view, Mask mask, Affine affine, boolean relu, INDArray y) {
        Operands operands = new Operands(view, true, x, y);
        operands.forEachBlock(block -> {
            RowOps ops = operands.rowOps(rowOps);
            Window from = operands.window(0, block);
            Window into = operands.window(1, block);
            Coefficients k = new Coefficients(view.channels());
            Runs.forEach(block, mask, operands.alongPositions, n -> affine.row(n, k), (n, c, s, length, kept) -> {
                int at = into.at(n, c, s);
                if (!kept) {
                    ops.zero(into.buffer, at, length);
                } else if (operands.alongPositions) {
                    ops.affine(from.buffer, from.at(n, c, s), into.buffer, at, length, k, c, relu);
                } else {
                    ops.affineAlong(from.buffer, from.at(n, c, s), into.buffer, at, length, k, c, relu);
                }
            });
        });
    }

    @Override
    public GradSums gradSums(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu) {
        Operands operands = new Operands(view, false, x, dy);
        if (view.positions() == 1) {
            return lazyGradSums(operands, mask, affine, relu);
        }
        int channels = view.channels();
        double[][] sums = new double[operands.positionBlocks()][view.examples() * channels];
        double[][] products = new double[sums.length][view.examples() * channels];
        operands.forEachBlock(block -> {
            RowOps ops = operands.rowOps(rowOps);
            Window fromX = operands.window(0, block);
            Window fromDy = operands.window(1, block);
            Coefficients k = new Coefficients(channels);
            int part = block.s0() / operands.positionsPerBlock;
            double[] pair = new double[2];
            double[] rowSums = new double[channels];
            double[] rowProducts = new double[channels];
            for (int n = block.n0(); n < block.n1(); n++) {
                Block one = new Block(n, n + 1, block.c0(), block.c1(), block.s0(), block.s1());
                Arrays.fill(rowSums, 0);
                Arrays.fill(rowProducts, 0);
                Runs.forEach(one, mask, operands.alongPositions, example -> affine.row(example, k),
                        (example, c, s, length, kept) -> {
                            int atX = fromX.at(example, c, s);
                            int atDy = fromDy.at(example, c, s);
                            if (kept && operands.alongPositions) {
                                ops.gradSums(fromX.buffer, atX, fromDy.buffer, atDy, length, k, c, relu, pair);
                                rowSums[c] += pair[0];
                                rowProducts[c] += pair[1];
                            } else if (kept) {
                                ops.addGradSums(fromX.buffer, atX, fromDy.buffer, atDy, length, k, c, relu,
                                        rowSums, rowProducts);
                            }
                        });
                int cells = block.c1() - block.c0();
                System.arraycopy(rowSums, block.c0(), sums[part], n * channels + block.c0(), cells);
                System.arraycopy(rowProducts, block.c0(), products[part], n * channels + block.c0(), cells);
            }
        });
        return (n, intoDy, intoDyx) -> {
            for (int c = 0; c < channels; c++) {
                intoDy[c] = 0;
                intoDyx[c] = 0;
                for (int part = 0; part < sums.length; part++) {
                    intoDy[c] += sums[part][n * channels + c];
                    intoDyx[c] += products[part][n * channels + c];
                }
            }
        };
    }

    /** With one position the sums are dy and dy·(x − center) themselves: read when asked for, never stored. */
    private GradSums lazyGradSums(Operands operands, Mask mask, Affine affine, boolean relu) {
        int channels = operands.view.channels();
        Coefficients k = new Coefficients(channels);
        return (n, intoDy, intoDyx) -> {
            Arrays.fill(intoDy, 0);
            Arrays.fill(intoDyx, 0);
            affine.row(n, k);
            operands.forEachTask(1, task -> {
                Block row = new Block(n, n + 1, 0, channels, 0, 1);
                RowOps ops = operands.rowOps(rowOps);
                Window fromX = operands.window(0, row);
                Window fromDy = operands.window(1, row);
                Runs.alongChannels(row, n, mask, (example, c, s, length, kept) -> {
                    if (kept) {
                        ops.addGradSums(fromX.buffer, fromX.at(n, c, s), fromDy.buffer, fromDy.at(n, c, s), length,
                                k, c, relu, intoDy, intoDyx);
                    }
                });
            });
        };
    }

    @Override
    public void affineGrad(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu, GradAffine grad,
                           INDArray dx) {
        Operands operands = new Operands(view, true, x, dy, dx);
        operands.forEachBlock(block -> {
            RowOps ops = operands.rowOps(rowOps);
            Window fromX = operands.window(0, block);
            Window fromDy = operands.window(1, block);
            Window into = operands.window(2, block);
            Coefficients k = new Coefficients(view.channels());
            double[] slope = new double[view.channels()];
            double[] shift = new double[view.channels()];
            Runs.forEach(block, mask, operands.alongPositions, n -> {
                affine.row(n, k);
                grad.row(n, k, slope, shift);
            }, (n, c, s, length, kept) -> {
                int at = into.at(n, c, s);
                int atX = fromX.at(n, c, s);
                int atDy = fromDy.at(n, c, s);
                if (!kept) {
                    ops.zero(into.buffer, at, length);
                } else if (operands.alongPositions) {
                    ops.affineGrad(fromX.buffer, atX, fromDy.buffer, atDy, into.buffer, at, length, k, slope, shift, c,
                            relu);
                } else {
                    ops.affineGradAlong(fromX.buffer, atX, fromDy.buffer, atDy, into.buffer, at, length, k, slope,
                            shift, c, relu);
                }
            });
        });
    }

    @Override
    public void rowNorm(INDArray x, View view, Mask mask, PositionNorm norm, boolean relu, INDArray y) {
        positions.forward(x, view, mask, norm, relu, y);
    }

    @Override
    public PositionNorm.Gradients rowNormGrad(INDArray x, INDArray dy, View view, Mask mask, PositionNorm norm,
                                              boolean relu, INDArray dx) {
        return positions.backward(x, dy, view, mask, norm, relu, dx);
    }
}
