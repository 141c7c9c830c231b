// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.GradSums;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.View;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Runs of every length up to {@value #LONGEST}, which go through different loops: element by element, brief ones, those that the
 * compiler unrolls, each with a rest of any length. The reference is the formula, element by element in double.
 */
class RunLengthsTest {
    private static final int LONGEST = 150;
    private static final int N = 2;
    private static final int C = 5;

    @ParameterizedTest(name = "{0}, ReLU {1}")
    @CsvSource({"FLOAT, false", "FLOAT, true", "DOUBLE, false", "DOUBLE, true"})
    void everyLengthGivesWhatTheFormulaGives(DataType type, boolean relu) {
        double exact = type == DataType.FLOAT ? 4e-6 : 1e-13;
        for (int length = 1; length <= LONGEST; length++) {
            Random random = new Random(length);
            INDArray x = random(type, length, random);
            INDArray dy = random(type, length, random);
            double[][] k = new double[6][];
            for (int i = 0; i < k.length; i++) {
                k[i] = random.doubles(N * C, -1, 1).toArray();
            }
            Affine affine = (n, from, to, into) -> {
                for (int c = from; c < to; c++) {
                    into.scale[c - from] = k[0][n * C + c];
                    into.center[c - from] = k[1][n * C + c];
                    into.shift[c - from] = k[2][n * C + c];
                    into.unit[c - from] = 1 + k[3][n * C + c] / 2;
                }
            };
            GradAffine grad = (n, from, to, at, slope, shift) -> {
                System.arraycopy(k[4], n * C + from, slope, 0, to - from);
                System.arraycopy(k[5], n * C + from, shift, 0, to - from);
            };
            View view = View.of(x.shape(), false);
            INDArray y = Nd4j.create(type, x.shape());
            INDArray dx = Nd4j.create(type, x.shape());
            NormKernels kernels = Kernels.get();
            kernels.affine(x, view, null, affine, relu, y);
            GradSums sums = kernels.gradSums(x, dy, view, null, affine, relu);
            kernels.affineGrad(x, dy, view, null, affine, relu, grad, dx);
            Moments moments = kernels.moments(x, view, null);
            for (int n = 0; n < N; n++) {
                double[] sum = new double[C];
                double[] product = new double[C];
                sums.row(n, 0, C, sum, product);
                for (int c = 0; c < C; c++) {
                    int cell = n * C + c;
                    double wantedSum = 0;
                    double wantedProduct = 0;
                    double mean = 0;
                    for (int s = 0; s < length; s++) {
                        double d = x.getDouble(n, c, s) - k[1][cell];
                        double z = k[0][cell] * d + k[2][cell];
                        boolean active = !relu || y.getDouble(n, c, s) > 0;
                        double g = active ? dy.getDouble(n, c, s) : 0;
                        String where = "element " + s + " of " + length;
                        assertThat(y.getDouble(n, c, s)).as("y, " + where).isCloseTo(relu ? Math.max(0, z) : z, within(exact));
                        assertThat(dx.getDouble(n, c, s)).as("dx, " + where)
                                .isCloseTo(k[0][cell] * g + k[4][cell] * (1 + k[3][cell] / 2) * d + k[5][cell], within(exact));
                        wantedSum += g;
                        wantedProduct += g * d;
                        mean += x.getDouble(n, c, s) / length;
                    }
                    assertThat(sum[c]).as("sum of %d", length).isCloseTo(wantedSum, within(exact * length));
                    assertThat(product[c]).as("product of %d", length).isCloseTo(wantedProduct, within(exact * length));
                    assertThat(moments.mean(cell)).as("mean of %d", length).isCloseTo(mean, within(exact));
                }
            }
        }
    }

    private static INDArray random(DataType type, int length, Random random) {
        return Nd4j.createFromArray(random.doubles((long) N * C * length, -2, 2).toArray()).castTo(type).reshape(N, C, length);
    }
}
