// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.UnitNormalization;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Where the variance is 0: y = act(beta) and dx = (gamma·dy − mean of it over the pool)/√eps; 0 for single elements. */
class ConstantInputTest {
    private static final int N = 3;
    private static final int C = 4;
    private static final double EPS = 1e-3;

    static Stream<Arguments> cases() {
        return NormCases.centering();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void constantInputGivesBetaAndTheGradientOfItsMean(Norm norm, Kind kind) {
        check(norm, kind, DataType.DOUBLE, 1e6, 1e-9);
        check(norm, kind, DataType.DOUBLE, 0, 1e-12);
        check(norm, kind, DataType.FLOAT, 1e6, 1e-5);
        check(norm, kind, DataType.FLOAT, 0.1, 1e-5);
        check(norm, kind, DataType.HALF, 3000, 0x1p-9);
    }

    private static void check(Norm norm, Kind kind, DataType type, double value, double tolerance) {
        long[] shape = NormCases.shape(kind, N, C);
        LayerUnderTest layer = NormCases.layer(norm, kind, C, type);
        for (String weights : List.of("meanWeight", "varWeight")) {
            if (layer.layer.paramTable().containsKey(weights)) {
                layer.param(weights).assign(1);
            }
        }
        INDArray x = Nd4j.valueArrayOf(shape, value, DataType.DOUBLE).castTo(type);
        INDArray dy = NormCases.gaussian(new Random(61), 0.2, 1, shape).castTo(type);
        double[] y = TestNetwork.numbers(layer.forward(x, true));
        double[] dx = TestNetwork.numbers(layer.dx(dy));
        double[] beta = perChannel(layer, norm, "beta", 0.5);
        double[] gamma = perChannel(layer, norm, "gamma", 2);

        int[] channels = channels(kind, y.length);
        double[] scaled = TestNetwork.numbers(dy);
        for (int i = 0; i < y.length; i++) {
            double z = beta[channels[i]];
            assertThat(y[i]).as("y[%d]", i).isCloseTo(act(norm, z), within(tolerance));
            scaled[i] *= gamma[channels[i]] * slope(norm, z);
        }
        double[] expected = scaled.clone();
        List<int[]> partitions = pools(norm, kind, y.length);
        for (int[] partition : partitions) {
            for (int i = 0; i < y.length; i++) {
                int at = i;
                expected[i] -= IntStream.range(0, y.length).filter(j -> partition[j] == partition[at])
                        .mapToDouble(j -> scaled[j]).average().orElse(0) / partitions.size();
            }
        }
        for (int i = 0; i < y.length; i++) {
            double right = expected[i] / Math.sqrt(EPS);
            assertThat(dx[i]).as("dx[%d]", i).isCloseTo(right, within(tolerance * Math.max(1 / Math.sqrt(EPS),
                    Math.abs(right))));
        }
    }

    private static double[] perChannel(LayerUnderTest layer, Norm norm, String name, double locked) {
        double[] values = new double[C];
        Arrays.fill(values, locked);
        return norm == Norm.BATCH_LOCKED ? values : TestNetwork.numbers(layer.param(name));
    }

    private static double act(Norm norm, double z) {
        return norm == Norm.INSTANCE_TANH ? Math.tanh(z) : norm == Norm.GROUP_RELU ? Math.max(0, z) : z;
    }

    private static double slope(Norm norm, double z) {
        return norm == Norm.INSTANCE_TANH ? 1 - Math.tanh(z) * Math.tanh(z) : norm == Norm.GROUP_RELU && z <= 0 ? 0 : 1;
    }

    private static int[] channels(Kind kind, int length) {
        int positions = length / (N * C);
        return IntStream.range(0, length).map(i -> kind.channelsLast ? i % C : i / positions % C).toArray();
    }

    /** For each part of the norm which pool an element belongs to. Parts have equal weights. */
    private static List<int[]> pools(Norm norm, Kind kind, int length) {
        int[] channels = channels(kind, length);
        int positions = length / (N * C);
        int[] examples = IntStream.range(0, length).map(i -> i / (C * positions)).toArray();
        int[] rows = IntStream.range(0, length).map(i -> examples[i] * positions
                + (kind.channelsLast ? i / C % positions : i % positions)).toArray();
        int[] cells = IntStream.range(0, length).map(i -> examples[i] * C + channels[i]).toArray();
        int[] groups = IntStream.range(0, length).map(i -> examples[i] * 2 + channels[i] / (C / 2)).toArray();
        return switch (norm) {
            case BATCH, BATCH_LOCKED -> List.of(channels);
            case GROUP, GROUP_RELU -> List.of(groups);
            case INSTANCE, INSTANCE_TANH -> List.of(cells);
            case LAYER -> List.of(kind.dense() || kind.rnn() ? rows : examples);
            case LAYER_PER_POSITION -> List.of(rows);
            case SWITCHABLE, SWITCHABLE_WITHOUT_BATCH -> {
                List<int[]> parts = new ArrayList<>(List.of(examples));
                if (!kind.dense()) {
                    parts.add(cells);
                }
                if (norm == Norm.SWITCHABLE) {
                    parts.add(channels);
                }
                yield parts;
            }
            case RMS, RMS_OF_EXAMPLE, UNIT, UNIT_OF_EXAMPLE -> throw new IllegalArgumentException(norm + " subtracts no mean");
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"FLOAT", "DOUBLE", "HALF"})
    void oneExampleOfDenseBatchNormGivesBetaAndLeavesTheUnbiasedVarianceAlone(DataType type) {
        INDArray x = Nd4j.createFromArray(new double[][]{{-3, 0, 1000, 0.1}}).castTo(type);
        for (RunningStatistics policy : List.of(RunningStatistics.decay(0.5), RunningStatistics.cumulative())) {
            LayerUnderTest layer = single(new BatchNormalization.Builder().runningStatistics(policy).useLogStd(false).build(),
                    type);
            double[] variance = layer.layer.runningVariance();
            double[] mean = layer.layer.runningMean();
            assertThat(TestNetwork.numbers(layer.forward(x, true)))
                    .containsExactly(TestNetwork.numbers(layer.param("beta")));
            assertThat(TestNetwork.numbers(layer.dx(Nd4j.ones(type, 1, C)))).containsOnly(0);
            assertThat(layer.layer.runningVariance()).containsExactly(variance);
            assertThat(layer.layer.runningMean()).isNotEqualTo(mean);
        }
        LayerUnderTest biased = single(new BatchNormalization.Builder().decay(0.5).useLogStd(false).build(), type);
        double[] before = biased.layer.runningVariance();
        biased.step(x);
        assertThat(biased.layer.runningVariance()).containsExactly(Arrays.stream(before).map(v -> v / 2).toArray());
    }

    private static LayerUnderTest single(NormLayer conf, DataType type) {
        return NormCases.layer(conf, Kind.DENSE, C, type);
    }

    @Test
    void instancesOfOneElementGiveBetaAndLeaveTheUnbiasedVarianceAlone() {
        LayerUnderTest layer = NormCases.layer(new InstanceNormalization.Builder().trackRunningStats(true).build(),
                Kind.RNN_FIRST, C, DataType.FLOAT);
        double[] variance = layer.layer.runningVariance();
        INDArray x = NormCases.gaussian(new Random(62), 3, 5, 6, C, 1).castTo(DataType.FLOAT);
        INDArray y = layer.forward(x, true);
        double[] beta = TestNetwork.numbers(layer.param("beta"));
        double[] numbers = TestNetwork.numbers(y);
        for (int i = 0; i < numbers.length; i++) {
            assertThat(numbers[i]).isEqualTo(beta[i % C]);
        }
        assertThat(TestNetwork.numbers(layer.dx(Nd4j.ones(DataType.FLOAT, 6, C, 1)))).containsOnly(0);
        assertThat(layer.layer.runningVariance()).containsExactly(variance);
    }

    @Test
    void inputOfOneElementIsFineForEveryNorm() {
        for (Norm norm : Norm.values()) {
            if (norm != Norm.GROUP && norm != Norm.GROUP_RELU && norm.centers()) {
                LayerUnderTest layer = NormCases.layer(norm, Kind.CNN_FIRST, 1, DataType.FLOAT);
                double beta = norm == Norm.BATCH_LOCKED ? 0.5 : layer.param("beta").getDouble(0);
                INDArray y = layer.forward(Nd4j.valueArrayOf(new long[]{1, 1, 1, 1}, 7f, DataType.FLOAT), true);
                assertThat(y.getDouble(0)).as(norm.name()).isCloseTo(act(norm, beta), within(1e-7));
                assertThat(layer.dx(Nd4j.ones(DataType.FLOAT, 1, 1, 1, 1)).getDouble(0)).as(norm.name()).isZero();
            }
        }
    }

    /** Whatever the eps, even one whose inverse is beyond FLOAT. */
    @Test
    void nothingButZerosGivesBetaAndAFiniteGradientWithoutCentering() {
        for (NormBuilder<?, ?> builder : List.of(new RmsNormalization.Builder(), new UnitNormalization.Builder(),
                new RmsNormalization.Builder().perPosition(false), new UnitNormalization.Builder().perPosition(false))) {
            NormLayer conf = (NormLayer) builder.center(true).build();
            for (DataType type : List.of(DataType.FLOAT, DataType.DOUBLE)) {
                LayerUnderTest layer = NormCases.layer(conf.clone(), Kind.CNN_LAST, C, type);
                double[] y = TestNetwork.numbers(layer.forward(Nd4j.zeros(type, 2, 3, 3, C), true));
                for (int i = 0; i < y.length; i++) {
                    assertThat(y[i]).isEqualTo(layer.param("beta").getDouble(i % C));
                }
                assertThat(TestNetwork.isFinite(layer.dx(Nd4j.ones(type, 2, 3, 3, C)))).isTrue();
            }
        }
    }

    @Test
    void constantInputOfSwitchableNormAtTestTimeIsFinite() {
        LayerUnderTest layer = NormCases.layer(new SwitchableNormalization.Builder().build(), Kind.CNN_FIRST, C,
                DataType.FLOAT);
        INDArray y = layer.forward(Nd4j.valueArrayOf(new long[]{2, C, 3, 3}, 1e6f, DataType.FLOAT), false);
        assertThat(TestNetwork.isFinite(y)).isTrue();
    }
}
