// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.Thinned;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.GradSums;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormGradients;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.PositionNorm;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Every pass of the kernels in use against loops over double, on drawn shapes, layouts, types, strides and masks. */
@Tag("long")
class NormKernelsContractTest {
    private static final int FEW = 120;

    private static Stream<Drawn> cases(int from, int to) {
        return IntStream.range(from, to).mapToObj(seed -> new Drawn(Kernels.get(), seed));
    }

    static Stream<Drawn> few() {
        return cases(0, Thinned.length(FEW, FEW / 2));
    }

    static Stream<Drawn> rest() {
        return cases(Thinned.length(FEW, FEW / 2), Thinned.length(400, FEW));
    }

    @ParameterizedTest
    @MethodSource("rest")
    @Tag("full")
    void everyPassOfOtherDrawsAgrees(Drawn drawn) {
        everyPassAgreesWithPlainLoops(drawn);
    }

    @ParameterizedTest
    @MethodSource("few")
    void everyPassAgreesWithPlainLoops(Drawn drawn) {
        drawn.momentsAgree();
        drawn.affineAgrees();
        drawn.gradSumsAgree();
        drawn.affineGradAgrees();
        drawn.positionNormAgrees();
        drawn.bothPassesInOneAgree();
    }

    /** A drawn case with what has to hold for it. */
    static final class Drawn extends KernelCase {

        Drawn(NormKernels kernels, int seed) {
            super(kernels, seed);
        }

        void momentsAgree() {
            Moments actual = kernels.moments(x, view, mask);
            double[][][] in = read(x);
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < c; j++) {
                    double count = 0;
                    double sum = 0;
                    double squares = 0;
                    for (int p = 0; p < s; p++) {
                        if (kept(i, j, p)) {
                            count++;
                            sum += in[i][j][p];
                        }
                    }
                    double mean = count == 0 ? 0 : sum / count;
                    for (int p = 0; p < s; p++) {
                        squares += kept(i, j, p) ? Math.pow(in[i][j][p] - mean, 2) : 0;
                    }
                    int cell = i * c + j;
                    assertClose(actual.count(cell), count, 0, "count");
                    assertClose(actual.mean(cell), mean, sumTolerance, "mean");
                    assertClose(actual.squares(cell), squares, sumTolerance * (1 + squares), "squares");
                }
            }
        }

        void affineAgrees() {
            INDArray y = output();
            kernels.affine(x, view, mask, affine, relu, y);
            double[][][] in = read(x);
            compare(read(y), (i, j, p, k) -> act(k, j, in[i][j][p]), "affine");
        }

        private double act(Affine.Coefficients k, int j, double value) {
            double z = k.scale[j] * (value - k.center[j]) + k.shift[j];
            return relu ? Math.max(z, 0) : z;
        }

        private double active(Affine.Coefficients k, int j, double value, double gradient) {
            double z = k.scale[j] * (value - k.center[j]) + k.shift[j];
            return relu && z <= 0 ? 0 : gradient;
        }

        void gradSumsAgree() {
            GradSums actual = kernels.gradSums(x, dy, view, mask, affine, relu);
            double[][][] in = read(x);
            double[][][] gradient = read(dy);
            double[] sums = new double[c];
            double[] products = new double[c];
            Affine.Coefficients k = new Affine.Coefficients(c);
            for (int i = 0; i < n; i++) {
                actual.row(i, 0, c, sums, products);
                affine.row(i, 0, c, k);
                for (int j = 0; j < c; j++) {
                    double sum = 0;
                    double product = 0;
                    double size = 1;
                    for (int p = 0; p < s; p++) {
                        if (kept(i, j, p)) {
                            double d = active(k, j, in[i][j][p], gradient[i][j][p]);
                            sum += d;
                            product += d * (in[i][j][p] - k.center[j]);
                            size += Math.abs(d) * (1 + Math.abs(in[i][j][p] - k.center[j]));
                        }
                    }
                    assertClose(sums[j], sum, sumTolerance * size, "sum");
                    assertClose(products[j], product, sumTolerance * size, "sum of products");
                }
            }
        }

        void affineGradAgrees() {
            INDArray dx = output();
            kernels.affineGrad(x, dy, view, mask, affine, relu, grad, dx);
            double[][][] in = read(x);
            double[][][] gradient = read(dy);
            double[] slope = new double[c];
            double[] shift = new double[c];
            compare(read(dx), (i, j, p, k) -> {
                grad.row(i, 0, c, k, slope, shift);
                return k.scale[j] * active(k, j, in[i][j][p], gradient[i][j][p])
                        + slope[j] * (in[i][j][p] - k.center[j]) * k.unit[j] + shift[j];
            }, "affineGrad");
        }

        void positionNormAgrees() {
            if (view.batchFolded()) {
                return;
            }
            int groups = c % 4 == 0 && random.nextBoolean() ? 4 : 1;
            double[] gamma = random.doubles(c, 0.5, 1.5).toArray();
            double[] beta = random.doubles(c, -1, 1).toArray();
            // A large eps keeps groups of one or two elements smooth enough to compare in HALF.
            List<Divisor> divisors = RowReference.DIVISORS;
            PositionNorm norm = new PositionNorm(divisors.get(seed % divisors.size()), groups, gamma, beta, 0.1);
            INDArray y = output();
            INDArray dx = output();
            Moments found = kernels.positionNorm(x, view, mask, norm, relu, y);
            PositionNorm.Gradients gradients = kernels.positionNormGrad(x, dy, view, mask, norm, null, relu, dx);
            boolean worth = c / groups >= 64;
            assertThat(found != null).as("moments kept").isEqualTo(worth);
            if (worth) {
                INDArray again = output();
                PositionNorm.Gradients same = kernels.positionNormGrad(x, dy, view, mask, norm, found, relu, again);
                if (kernels.name().equals("nd4j")) {
                    // Known means are rounded once more than those that were just found.
                    double[][][] first = read(dx);
                    compare(read(again), (i, j, p, k) -> first[i][j][p], "dx from known moments");
                    assertThat(same.gamma()).containsExactly(gradients.gamma(), within(1e-12 * n * s));
                } else {
                    assertThat(Arrays.deepEquals(read(again), read(dx))).as("dx from known moments").isTrue();
                    assertThat(same.gamma()).isEqualTo(gradients.gamma());
                }
                assertThat(same.beta()).containsExactly(gradients.beta(), within(kernels.name().equals("nd4j") ? 1e-12 : 0));
            }
            if (seed % 3 == 0) {
                sumsAgree(norm, found);
            }
            RowReference reference = new RowReference(read(x), read(dy), norm, relu, mask);
            compare(read(y), (i, j, p, k) -> reference.y[i][j][p], "positionNorm " + norm.divisor());
            compare(read(dx), (i, j, p, k) -> reference.dx[i][j][p], "positionNormGrad " + norm.divisor());
            for (int j = 0; j < c; j++) {
                double bound = sumTolerance * (1 + n * (double) s);
                assertClose(gradients.gamma()[j], reference.dGamma[j], bound, "gradient of gamma");
                assertClose(gradients.beta()[j], reference.dBeta[j], bound, "gradient of beta");
            }
        }

        /** In one pass or one after the other: bit for bit the same, also where the mask leaves elements out. */
        private void sumsAgree(PositionNorm norm, Moments known) {
            INDArray sum = output();
            INDArray y = output();
            kernels.positionNormOfSum(x, dy, view, mask, norm, relu, sum, y);
            assertThat(Arrays.deepEquals(read(sum), read(x.add(dy)))).as("sum of %s", this).isTrue();
            INDArray expected = output();
            Moments found = kernels.positionNorm(sum, view, mask, norm, relu, expected);
            assertThat(Arrays.deepEquals(read(y), read(expected))).as("norm of the sum of %s", this).isTrue();
            INDArray dx = output();
            PositionNorm.Gradients plain = kernels.positionNormGrad(sum, dy, view, mask, norm, known == null ? null : found, relu,
                    expected);
            PositionNorm.Gradients gradients = kernels.positionNormOfSumGrad(sum, dy, x, view, mask, norm,
                    known == null ? null : found, relu, dx);
            assertThat(Arrays.deepEquals(read(dx), read(expected.addi(x)))).as("gradient of %s", this).isTrue();
            assertThat(gradients.gamma()).isEqualTo(plain.gamma());
            assertThat(gradients.beta()).isEqualTo(plain.beta());
        }

        /** The moments decide the coefficients here, as in a norm; groups are complete in any order. */
        void bothPassesInOneAgree() {
            int groups = c % 4 == 0 && random.nextBoolean() ? 4 : random.nextBoolean() ? c : 1;
            Pooling pooling = Pooling.group(groups);
            INDArray y = output();
            INDArray expectedY = output();
            Moments cells = new Moments(n, c);
            Norm norm = norm(Pool.over(pooling, cells));
            kernels.normalize(x, view, mask, groups, cells, norm, relu, y);
            Norm expected = norm(Pool.of(pooling, kernels.moments(x, view, mask)));
            kernels.affine(x, view, mask, expected, relu, expectedY);
            double[][][] wantedY = read(expectedY);
            compare(read(y), (i, j, p, k) -> wantedY[i][j][p], "normalize");

            INDArray dx = output();
            INDArray expectedDx = output();
            NormGradients gradients = new NormGradients(norm, true);
            kernels.normalizeGrad(x, dy, view, mask, groups, norm, relu, gradients, dx);
            NormGradients wanted = norm.backward(kernels.gradSums(x, dy, view, mask, norm, relu));
            kernels.affineGrad(x, dy, view, mask, norm, relu, wanted, expectedDx);
            double[][][] wantedDx = read(expectedDx);
            compare(read(dx), (i, j, p, k) -> wantedDx[i][j][p], "normalizeGrad");
            double bound = sumTolerance * (1 + n * (double) s);
            for (int j = 0; j < c; j++) {
                assertClose(gradients.gamma()[j], wanted.gamma()[j], bound, "gradient of gamma");
                assertClose(gradients.beta()[j], wanted.beta()[j], bound, "gradient of beta");
            }
        }

        private Norm norm(Pool pool) {
            return Norm.of(n, c, pool, null, null, 0.1);
        }
    }
}
