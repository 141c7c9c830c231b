// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Statistics of float input to six digits, and numbers at the ends of its range. */
@Tag("long")
class NumericsTest {
    private final NormKernels kernels = Kernels.get();

    /** Float input [n, c, s], or [n, s, c], and for each channel of each example its exact mean and variance. */
    private static final class Input {
        final INDArray x;
        final View view;
        final double[] mean;
        final double[] variance;

        Input(int n, int c, int s, boolean channelsLast, float[] values) {
            view = View.of(channelsLast ? new long[]{n, s, c} : new long[]{n, c, s}, channelsLast);
            x = Nd4j.createFromArray(values).reshape(view.shape());
            mean = new double[n * c];
            variance = new double[n * c];
            for (int pass = 0; pass < 2; pass++) {
                for (int i = 0; i < values.length; i++) {
                    int example = i / (c * s);
                    int channel = channelsLast ? i % c : i / s % c;
                    int cell = example * c + channel;
                    if (pass == 0) {
                        mean[cell] += (double) values[i] / s;
                    } else {
                        variance[cell] += Math.pow(values[i] - mean[cell], 2) / s;
                    }
                }
            }
        }
    }

    private static Input gaussian(int n, int c, int s, boolean channelsLast, double mean, double deviation) {
        Random random = new Random(7);
        float[] values = new float[n * c * s];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (mean + deviation * random.nextGaussian());
        }
        return new Input(n, c, s, channelsLast, values);
    }

    private void assertMoments(Input input) {
        Moments moments = kernels.moments(input.x, input.view, null);
        for (int cell = 0; cell < input.mean.length; cell++) {
            double deviation = Math.sqrt(input.variance[cell]);
            assertThat(moments.mean(cell)).as("mean of cell %d", cell)
                    .isCloseTo(input.mean[cell], within(1e-6 * (Math.abs(input.mean[cell]) + deviation)));
            assertThat(moments.variance(cell)).as("variance of cell %d", cell)
                    .isCloseTo(input.variance[cell], within(1e-6 * input.variance[cell]));
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "3, 1", "100, 1", "10000, 1", "-10000, 1", "1e-3, 1e-7", "1e12, 1e9", "0, 1e18", "1e18, 1e18",
            "3e37, 1e36", "0, 1e-22", "1e-25, 1e-26", "1e-30, 1e-30", "5e-12, 5e-16"})
    void momentsHaveSixDigits(double mean, double deviation) {
        for (boolean channelsLast : new boolean[]{false, true}) {
            for (int[] shape : new int[][]{{2, 3, 50_000}, {3, 65, 200}, {2, 17, 1021}, {1, 1, 300_000}}) {
                assertMoments(gaussian(shape[0], shape[1], shape[2], channelsLast, mean, deviation));
            }
        }
    }

    /** An image with a dark border: the first elements say nothing about the others. */
    @Test
    void momentsHaveSixDigitsWhereTheFirstElementsAreFarFromTheMean() {
        for (boolean channelsLast : new boolean[]{false, true}) {
            Input plain = gaussian(1, 4, 40_000, channelsLast, 10_000, 1);
            float[] values = plain.x.data().asFloat();
            for (int i = 0; i < values.length; i++) {
                int position = channelsLast ? i / 4 : i % 40_000;
                values[i] = position < 40 ? 0 : values[i];
            }
            assertMoments(new Input(1, 4, 40_000, channelsLast, values));
        }
    }

    @Test
    void constantAndEmptyLookingChannelsHaveNoVariance() {
        float[] values = new float[3 * 5_000];
        Arrays.fill(values, 5_000, 10_000, 1e6f);
        Arrays.fill(values, 10_000, 15_000, 1e-38f);
        Moments moments = kernels.moments(new Input(1, 3, 5_000, false, values).x, View.of(new long[]{1, 3, 5_000}, false),
                null);
        for (int c = 0; c < 3; c++) {
            assertThat(moments.mean(c)).isCloseTo(values[c * 5_000], within(1e-6 * Math.abs(values[c * 5_000])));
            assertThat(moments.variance(c)).isEqualTo(0, within(1e-80));
        }
    }

    /** So small that squares underflow, and so near each other that those of a hundred powers of two more overflow. */
    @ParameterizedTest
    @ValueSource(floats = {9e-8f, 1e-8f, 1e-9f, 3e-11f, 1e-12f, 1e-20f})
    void smallConstantChannelsHaveNoVariance(float value) {
        for (boolean channelsLast : new boolean[]{false, true}) {
            for (int s : new int[]{1, 3, 5_000}) {
                float[] values = new float[2 * 4 * s];
                Arrays.fill(values, value);
                Input input = new Input(2, 4, s, channelsLast, values);
                Moments moments = kernels.moments(input.x, input.view, null);
                for (int cell = 0; cell < 8; cell++) {
                    assertThat(moments.mean(cell)).isCloseTo(value, within(1e-6 * value));
                    assertThat(moments.variance(cell)).isLessThanOrEqualTo(1e-13 * value * value);
                }
            }
        }
    }

    /** norm(αx, α²·eps) = norm(x, eps), for α at the ends of float: nothing overflows and nothing is lost. */
    @ParameterizedTest
    @ValueSource(doubles = {0x1p-90, 0x1p-60, 0x1p60, 0x1p100})
    void theScaleOfTheInputDoesNotMatter(double alpha) {
        for (boolean channelsLast : new boolean[]{false, true}) {
            INDArray plain = gaussian(2, 8, 300, channelsLast, 1, 2).x;
            View view = View.of(plain.shape(), channelsLast);
            INDArray scaled = plain.mul(alpha);
            assertClose(normalized(scaled, view, 1e-3 * alpha * alpha), normalized(plain, view, 1e-3));
            assertClose(positions(scaled, view, 1e-3 * alpha * alpha), positions(plain, view, 1e-3));
        }
    }

    private static void assertClose(INDArray actual, INDArray expected) {
        assertThat(actual.sub(expected).amaxNumber().doubleValue()).isLessThan(2e-6);
    }

    private INDArray normalized(INDArray x, View view, double eps) {
        INDArray y = Nd4j.create(DataType.FLOAT, x.shape());
        Moments cells = new Moments(view.examples(), view.channels());
        Norm norm = Norm.of(view.examples(), view.channels(), Pool.over(Pooling.group(4), cells), null, null, eps);
        kernels.normalize(x, view, null, 4, cells, norm, false, y);
        return y;
    }

    private INDArray positions(INDArray x, View view, double eps) {
        INDArray y = Nd4j.create(DataType.FLOAT, x.shape());
        kernels.positionNorm(x, view, null, new PositionNorm(1, null, null, eps), false, y);
        return y;
    }

    @ParameterizedTest
    @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
    void whatIsNotFiniteStaysInItsGroup(double bad) {
        for (boolean channelsLast : new boolean[]{false, true}) {
            INDArray x = gaussian(2, 8, 300, channelsLast, 1, 2).x;
            View view = View.of(x.shape(), channelsLast);
            INDArray expected = normalized(x, view, 1e-5);
            int[] place = channelsLast ? new int[]{1, 17, 5} : new int[]{1, 5, 17};
            x.putScalar(place, bad);
            INDArray y = normalized(x, view, 1e-5);
            for (int n = 0; n < 2; n++) {
                for (int c = 0; c < 8; c++) {
                    for (int s = 0; s < 300; s++) {
                        double actual = channelsLast ? y.getDouble(n, s, c) : y.getDouble(n, c, s);
                        double wanted = channelsLast ? expected.getDouble(n, s, c) : expected.getDouble(n, c, s);
                        if (n == 1 && c / 2 == 2) {
                            assertThat(actual).as("in the group").isNaN();
                        } else {
                            assertThat(actual).as("outside").isEqualTo(wanted);
                        }
                    }
                }
            }
        }
    }

    /** 400 MB: with {@code -Dtests.excluded=none}. */
    @Test
    @Tag("slow")
    void momentsOfAHundredMillionElementsHaveSixDigits() {
        int size = 100_000_000;
        DoubleUnaryOperator wave = i -> 10_000 + Math.sin(i * 0.37) + ((long) i * 2_654_435_761L >>> 7 & 1023) / 512.0;
        INDArray x = Nd4j.createUninitialized(DataType.FLOAT, 1, 1, size);
        double sum = 0;
        for (int i = 0; i < size; i++) {
            float value = (float) wave.applyAsDouble(i);
            x.data().put(i, value);
            sum += value;
        }
        double mean = sum / size;
        double variance = 0;
        for (int i = 0; i < size; i++) {
            variance += Math.pow(x.data().getFloat(i) - mean, 2) / size;
        }
        Moments moments = kernels.moments(x, View.of(x.shape(), false), null);
        assertThat(moments.mean(0)).isCloseTo(mean, within(1e-6 * mean));
        assertThat(moments.variance(0)).isCloseTo(variance, within(1e-6 * variance));
    }
}
