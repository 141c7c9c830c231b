// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Norms that add eps to the deviation, against the definition and differences of their output. */
class EpsOutsideTest {
    private static final int C = 4;
    /** As large as the deviation: where it is added makes a difference in every digit. */
    private static final double EPS = 0.5;

    static Stream<Arguments> cases() {
        return Stream.of(0, 1, 2, 3).flatMap(i -> Stream.of(new long[]{3, C, 5}, new long[]{3, 5, C}, new long[]{2, C, 3, 4},
                new long[]{2, 3, 4, C}, new long[]{2, C, 2, 3, 2}, new long[]{2, 2, 3, 2, C})
                .map(shape -> Arguments.of((i & 1) == 0, (i & 2) == 0, shape, shape[1] != C)));
    }

    private static NormLayer layer(boolean instance, boolean relu) {
        Activation activation = relu ? Activation.RELU : Activation.IDENTITY;
        return instance ? new InstanceNormalization.Builder().epsOutside(true).eps(EPS).activation(activation).build()
                : new GroupNormalization.Builder(2).epsOutside(true).eps(EPS).activation(activation).build();
    }

    private static LayerUnderTest drawn(Random random, boolean instance, boolean relu, boolean last, DataType type) {
        NormLayer conf = layer(instance, relu);
        conf.setChannelsLast(last);
        LayerUnderTest layer = new LayerUnderTest(conf, C, type);
        for (int i = 0; i < layer.params.length(); i++) {
            layer.params.putScalar(i, random.nextGaussian());
        }
        return layer;
    }

    private static INDArray numbers(Random random, DataType type, long... shape) {
        double[] numbers = random.doubles(Arrays.stream(shape).reduce(1, (a, b) -> a * b), -1, 1.5).toArray();
        return Nd4j.createFromArray(numbers).reshape('c', shape).castTo(type);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void bothPassesFollowTheDefinition(boolean instance, boolean relu, long[] shape, boolean last) {
        Random random = new Random(5);
        for (DataType type : new DataType[]{DataType.FLOAT, DataType.DOUBLE}) {
            LayerUnderTest layer = drawn(random, instance, relu, last, type);
            INDArray x = numbers(random, type, shape);
            INDArray dy = numbers(random, type, shape);
            boolean[] keep = new boolean[(int) x.length()];
            Arrays.fill(keep, true);
            LayerReference expected = new LayerReference(layer, shape, TestNetwork.numbers(x), TestNetwork.numbers(dy), keep,
                    true);
            double tolerance = type == DataType.DOUBLE ? 1e-12 : 1e-5;
            assertThat(TestNetwork.numbers(layer.forward(x, true))).containsExactly(expected.y, within(tolerance));
            assertThat(TestNetwork.numbers(layer.dx(dy))).containsExactly(expected.dx, within(10 * tolerance));
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void gradientsEqualDifferences(boolean instance, boolean relu, long[] shape, boolean last) {
        Random random = new Random(6);
        LayerUnderTest layer = drawn(random, instance, relu, last, DataType.DOUBLE);
        FiniteDifferences.check(layer, numbers(random, DataType.DOUBLE, shape), numbers(random, DataType.DOUBLE, shape));
    }

    /** There the deviation has no derivative, the norm has: (dy − mean dy)/eps. */
    @Test
    void constantChannelsGiveBetaAndTheCenteredGradient() {
        INDArray x = Nd4j.valueArrayOf(new long[]{1, C, 2, 3}, 7.5, DataType.DOUBLE);
        INDArray dy = numbers(new Random(7), DataType.DOUBLE, 1, C, 2, 3);
        LayerUnderTest layer = new LayerUnderTest(layer(true, false), C, DataType.DOUBLE);
        assertThat(TestNetwork.numbers(layer.forward(x, true))).containsOnly(0);
        INDArray expected = dy.sub(dy.mean(true, 2, 3)).div(EPS);
        assertThat(TestNetwork.numbers(layer.dx(dy))).containsExactly(TestNetwork.numbers(expected), within(1e-12));
    }

    @Test
    void runningStatisticsHaveItOutsideToo() {
        LayerUnderTest layer = new LayerUnderTest(new InstanceNormalization.Builder().epsOutside(true).eps(EPS)
                .trackRunningStats(true).build(), 1, DataType.DOUBLE);
        layer.param("mean").assign(2);
        layer.param("var").assign(4);
        INDArray x = Nd4j.createFromArray(7.0, 2, -0.5).reshape(1, 1, 3);
        assertThat(TestNetwork.numbers(layer.forward(x, false))).containsExactly(new double[]{2, 0, -1}, within(1e-12));
    }

    @Test
    void denseInputIsRefused() {
        NormLayer layer = layer(false, false);
        layer.setNIn(C);
        assertThatThrownBy(() -> layer.getOutputType(0, InputType.feedForward(C)))
                .isInstanceOf(DL4JInvalidConfigException.class).hasMessageContaining("rank 3 to 5 with epsOutside");
    }
}
