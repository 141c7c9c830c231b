// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.norm.Affine.Coefficients;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The algebra of global response normalization against its definition and finite differences. */
@Tag("once")
class GlobalResponseTest {
    private static final int N = 2;
    private static final int C = 3;
    private static final int S = 4;
    private static final double EPS = 0.01;
    private static final double STEP = 1e-6;

    private final double[] gamma = {0.5, -1.25, 2};
    private final double[] beta = {0.25, 0, -3};
    /** By n·C + c and position. */
    private final double[][] x = drawn(1);
    private final double[][] dy = drawn(2);

    private static double[][] drawn(int seed) {
        Random random = new Random(seed);
        double[][] numbers = new double[N * C][];
        Arrays.setAll(numbers, cell -> random.doubles(S, -1, 2).toArray());
        return numbers;
    }

    private static GlobalResponse of(double[][] x, double[] gamma, double[] beta) {
        Moments cells = new Moments(N, C);
        for (int cell = 0; cell < N * C; cell++) {
            double mean = Arrays.stream(x[cell]).average().orElseThrow();
            cells.merge(cell, S, mean, Arrays.stream(x[cell]).map(value -> (value - mean) * (value - mean)).sum());
        }
        return new GlobalResponse(cells, gamma, beta, EPS);
    }

    private double[][] definition() {
        double[][] y = new double[N * C][S];
        double[] lengths = Arrays.stream(x).mapToDouble(of -> Math.sqrt(Arrays.stream(of).map(v -> v * v).sum())).toArray();
        for (int cell = 0; cell < N * C; cell++) {
            int n = cell / C;
            int c = cell % C;
            double response = lengths[cell] / (Arrays.stream(lengths, n * C, n * C + C).sum() / C + EPS);
            for (int s = 0; s < S; s++) {
                y[cell][s] = x[cell][s] + gamma[c] * x[cell][s] * response + beta[c];
            }
        }
        return y;
    }

    private double loss() {
        double loss = 0;
        double[][] y = definition();
        for (int cell = 0; cell < N * C; cell++) {
            for (int s = 0; s < S; s++) {
                loss += y[cell][s] * dy[cell][s];
            }
        }
        return loss;
    }

    private double difference(double[] of, int i) {
        double before = of[i];
        of[i] = before + STEP;
        double above = loss();
        of[i] = before - STEP;
        double below = loss();
        of[i] = before;
        return (above - below) / (2 * STEP);
    }

    private static Coefficients row(GlobalResponse norm, int n) {
        Coefficients k = new Coefficients(C);
        norm.row(n, 0, C, k);
        return k;
    }

    @Test
    void outputIsThatOfTheDefinition() {
        double[][] expected = definition();
        GlobalResponse norm = of(x, gamma, beta);
        for (int cell = 0; cell < N * C; cell++) {
            Coefficients k = row(norm, cell / C);
            int c = cell % C;
            for (int s = 0; s < S; s++) {
                assertThat(k.scale[c] * (x[cell][s] - k.center[c]) + k.shift[c]).isCloseTo(expected[cell][s], within(1e-12));
            }
        }
    }

    @Test
    void gradientsAgreeWithFiniteDifferences() {
        GlobalResponse norm = of(x, gamma, beta);
        SumTable sums = new SumTable(N, C);
        for (int cell = 0; cell < N * C; cell++) {
            for (int s = 0; s < S; s++) {
                sums.add(cell, dy[cell][s], dy[cell][s] * x[cell][s]);
            }
        }
        GlobalResponse.Gradients gradients = norm.new Gradients();
        sums.complete(gradients, norm, N, C);
        double[] slope = new double[C];
        double[] shift = new double[C];
        for (int n = 0; n < N; n++) {
            Coefficients k = row(norm, n);
            gradients.row(n, 0, C, k, slope, shift);
            for (int c = 0; c < C; c++) {
                for (int s = 0; s < S; s++) {
                    double value = x[n * C + c][s];
                    double dx = k.scale[c] * dy[n * C + c][s] + slope[c] * ((value - k.center[c]) * k.unit[c]) + shift[c];
                    assertThat(dx).as("dx[%d, %d, %d]", n, c, s).isCloseTo(difference(x[n * C + c], s), within(1e-7));
                }
            }
        }
        for (int c = 0; c < C; c++) {
            assertThat(gradients.gamma()[c]).isCloseTo(difference(gamma, c), within(1e-7));
            assertThat(gradients.beta()[c]).isCloseTo(difference(beta, c), within(1e-7));
        }
    }

    @Test
    void aPartOfARowIsThatPartOfTheWholeRow() {
        GlobalResponse norm = of(x, gamma, beta);
        Coefficients whole = row(norm, 1);
        Coefficients part = new Coefficients(C);
        norm.row(1, 1, 3, part);
        assertThat(Arrays.copyOf(part.scale, 2)).containsExactly(whole.scale[1], whole.scale[2]);
        assertThat(Arrays.copyOf(part.shift, 2)).containsExactly(whole.shift[1], whole.shift[2]);
        assertThat(Arrays.copyOf(part.unit, 2)).containsExactly(whole.unit[1], whole.unit[2]);
        double length = Math.sqrt(Arrays.stream(x[4]).map(v -> v * v).sum());
        assertThat(whole.unit[1]).as("brings x to the size of 1").isCloseTo(2 / length, within(1e-12));
    }

    @Test
    void withoutGammaItIsOneAndWithoutBetaZero() {
        Coefficients plain = row(of(x, null, null), 0);
        Coefficients same = row(of(x, new double[]{1, 1, 1}, new double[C]), 0);
        assertThat(plain.scale).containsExactly(same.scale);
        assertThat(plain.shift).containsOnly(0);
    }

    @Test
    void zerosHaveNoResponseAndNoGradientThroughIt() {
        Arrays.fill(x[0], 0);
        GlobalResponse norm = of(x, gamma, beta);
        Coefficients k = row(norm, 0);
        assertThat(k.scale[0]).isEqualTo(1);
        assertThat(k.unit[0]).isZero();
        SumTable sums = new SumTable(N, C);
        sums.add(0, 3, 0);
        sums.add(1, 1, 2);
        GlobalResponse.Gradients gradients = norm.new Gradients();
        sums.complete(gradients, norm, N, C);
        double[] slope = new double[C];
        gradients.row(0, 0, C, k, slope, new double[C]);
        assertThat(slope[0]).isZero();
        assertThat(slope[1]).isFinite().isNotZero();
    }

    @Test
    void elementsMultipliedByAPowerOfTwoHaveTheSameFactorsAndTheGradientsOfTheElementsThemselves() {
        double scale = 0x1p-20;
        Moments cells = new Moments(1, 2);
        Moments small = new Moments(1, 2);
        double[] means = {3e5, -1e6};
        for (int c = 0; c < 2; c++) {
            cells.merge(c, S, means[c], 1e12);
            small.merge(c, S, means[c] * scale, 1e12 * scale * scale);
        }
        double[] gamma = {0.5, 2};
        GlobalResponse norm = new GlobalResponse(cells, gamma, null, 1e-12);
        GlobalResponse scaled = new GlobalResponse(small, gamma, null, 1e-12, new double[]{scale});
        Coefficients expected = new Coefficients(2);
        Coefficients k = new Coefficients(2);
        norm.row(0, 0, 2, expected);
        scaled.row(0, 0, 2, k);
        assertThat(k.scale).containsExactly(expected.scale, within(1e-9));

        SumTable sums = new SumTable(1, 2);
        SumTable ofScaled = new SumTable(1, 2);
        for (int c = 0; c < 2; c++) {
            sums.add(c, 1, 7e5 * (c + 1));
            ofScaled.add(c, 1, 7e5 * (c + 1) * scale);
        }
        GlobalResponse.Gradients wanted = norm.new Gradients();
        GlobalResponse.Gradients found = scaled.new Gradients();
        sums.complete(wanted, norm, 1, 2);
        ofScaled.complete(found, scaled, 1, 2);
        for (int c = 0; c < 2; c++) {
            assertThat(found.gamma()[c] / wanted.gamma()[c]).isCloseTo(1, within(1e-9));
        }
    }

    @Test
    void normsThatAreNotFiniteAreToldFromThoseThatAre() {
        Moments large = new Moments(1, 2);
        large.merge(0, S, 1e160, Double.POSITIVE_INFINITY);
        large.merge(1, S, 1, 1);
        assertThat(new GlobalResponse(large, null, null, EPS).overflowed()).isTrue();

        Moments finite = new Moments(1, 2);
        finite.merge(0, S, 1e100, 1);
        finite.merge(1, S, 1, 1);
        assertThat(new GlobalResponse(finite, null, null, EPS).overflowed()).isFalse();
    }
}
