// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** Each data type gives what double gives for the same numbers, to its own precision. */
@Tag("vectors-first")
@Tag("long")
class DataTypeTest {
    private static final int CHANNELS = 4;
    private static final double FLOAT = 1e-5;
    private static final double HALF = 0x1p-10;

    static Stream<Arguments> cases() {
        return NormCases.all();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void floatAgreesWithDouble(Norm norm, Kind kind) {
        agrees(norm, kind, DataType.FLOAT, FLOAT, 0.7, 2);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void halfAgreesWithDouble(Norm norm, Kind kind) {
        agrees(norm, kind, DataType.HALF, HALF, 0.7, 2);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void floatAgreesWithDoubleWhereTheMeanIsTenThousandDeviations(Norm norm, Kind kind) {
        agrees(norm, kind, DataType.FLOAT, FLOAT, 1e4, 1);
        agrees(norm, kind, DataType.FLOAT, FLOAT, -3e6, 300);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void halfOfDeviationsInTheHundredsAgreesWithDouble(Norm norm, Kind kind) {
        agrees(norm, kind, DataType.HALF, HALF, 100, 400);
    }

    private static void agrees(Norm norm, Kind kind, DataType type, double tolerance, double mean, double deviation) {
        Random random = new Random(norm.ordinal() * 31 + kind.ordinal());
        long[] shape = NormCases.shape(kind, 6, CHANNELS);
        INDArray x = NormCases.gaussian(random, mean, deviation, shape).castTo(type);
        INDArray dy = NormCases.gaussian(random, 0.2, 1, shape).castTo(type);
        LayerUnderTest layer = NormCases.layer(norm, kind, CHANNELS, type);
        LayerUnderTest reference = NormCases.layer(norm, kind, CHANNELS, DataType.DOUBLE);

        INDArray test = layer.forward(x, false);
        assertThat(test.dataType()).isEqualTo(type);
        assertClose(test, reference.forward(x.castTo(DataType.DOUBLE), false), tolerance, "y in test mode");
        INDArray y = layer.forward(x, true);
        assertThat(y.dataType()).isEqualTo(type);
        assertClose(y, reference.forward(x.castTo(DataType.DOUBLE), true), tolerance, "y");
        INDArray dx = layer.dx(dy);
        assertThat(dx.dataType()).isEqualTo(type);
        assertClose(dx, reference.dx(dy.castTo(DataType.DOUBLE)), tolerance, "dx");
    }

    static void assertClose(INDArray actual, INDArray expected, double tolerance, String what) {
        double[] a = TestNetwork.numbers(actual);
        double[] e = TestNetwork.numbers(expected);
        for (int i = 0; i < e.length; i++) {
            // AssertJ takes too long to be asked about each of many.
            if (!(Math.abs(a[i] - e[i]) <= tolerance * Math.max(1, Math.abs(e[i])))) {
                throw new AssertionError(what + "[" + i + "]: expected " + e[i] + ", got " + a[i]);
            }
        }
    }

    static Stream<Arguments> batchVariances() {
        RunningStatistics lastBatch = RunningStatistics.decay(0).unbiased(false);
        return Stream.of(Kind.values()).flatMap(kind -> Stream.of(
                        new BatchNormalization.Builder().runningStatistics(lastBatch).useLogStd(false).build(),
                        new BatchNormalization.Builder().runningStatistics(lastBatch).useLogStd(true).build(),
                        new InstanceNormalization.Builder().trackRunningStats(true).runningStatistics(lastBatch).build(),
                        new SwitchableNormalization.Builder().runningStatistics(lastBatch).build())
                .filter(conf -> !(kind.dense() && conf instanceof InstanceNormalization))
                .map(conf -> Arguments.of(conf, kind)));
    }

    @ParameterizedTest
    @MethodSource("batchVariances")
    void theVarianceOfABatchIsRightWhereTheMeanIsTenThousandDeviations(NormLayer conf, Kind kind) {
        INDArray x = NormCases.gaussian(new Random(9), 1e4, 1, NormCases.shape(kind, 32, CHANNELS)).castTo(DataType.FLOAT);
        LayerUnderTest reference = NormCases.layer(conf.clone(), kind, CHANNELS, DataType.DOUBLE);
        reference.step(x.castTo(DataType.DOUBLE));
        LayerUnderTest layer = NormCases.layer(conf, kind, CHANNELS, DataType.FLOAT);
        layer.step(x);
        for (int c = 0; c < CHANNELS; c++) {
            double variance = reference.layer.runningVariance()[c];
            assertThat(layer.layer.runningVariance()[c]).isCloseTo(variance, within(1e-4 * variance));
            assertThat(layer.layer.runningMean()[c]).isCloseTo(reference.layer.runningMean()[c], within(1e-3));
        }
    }

    static Stream<NormLayer> withStatistics() {
        return Stream.of(new BatchNormalization.Builder().decay(0.99).build(),
                new BatchNormalization.Builder().runningStatistics(RunningStatistics.cumulative()).build(),
                new BatchNormalization.Builder().runningStatistics(RunningStatistics.momentum(0.01)).build(),
                new InstanceNormalization.Builder().trackRunningStats(true)
                        .runningStatistics(RunningStatistics.decay(0.99)).build(),
                new SwitchableNormalization.Builder().runningStatistics(RunningStatistics.decay(0.99)).build());
    }

    /** log10stdev holds what a variance in HALF could not: 500² overflows at 65,504. */
    @ParameterizedTest
    @MethodSource("withStatistics")
    void statisticsInHalfNeitherOverflowNorStall(NormLayer norm) {
        LayerUnderTest layer = new LayerUnderTest(norm, 2, DataType.HALF);
        assertThat(layer.layer.paramTable()).containsKey("log10stdev");
        Random random = new Random(10);
        List<INDArray> batches = Stream.generate(() -> twoChannels(random)).limit(20).toList();
        INDArray dy = Nd4j.ones(DataType.HALF, batches.get(0).shape());
        for (int step = 0; step < 500; step++) {
            layer.forward(batches.get(step % batches.size()), true);
            layer.dx(dy);
        }
        assertThat(TestNetwork.isFinite(layer.forward(batches.get(0), false))).isTrue();
        double[] stored = TestNetwork.numbers(layer.param("log10stdev"));
        double[] storedMean = TestNetwork.numbers(layer.param("mean"));
        for (int c = 0; c < 2; c++) {
            double deviation = deviation(c);
            assertThat(layer.layer.runningMean()[c]).isCloseTo(deviation, within(0.02 * deviation));
            assertThat(storedMean[c]).isCloseTo(deviation, within(0.02 * deviation));
            assertThat(Math.sqrt(layer.layer.runningVariance()[c])).isCloseTo(deviation, within(0.02 * deviation));
            assertThat(Math.pow(10, stored[c])).isCloseTo(deviation, within(0.02 * deviation));
        }
    }

    @ParameterizedTest
    @MethodSource("withStatistics")
    void aNetworkInHalfTrainsOnDeviationsInTheHundreds(NormLayer norm) {
        TestNetwork net = TestNetwork.of(false, TestNetwork.Setup.of(DataType.HALF).updater(new Sgd(1e-3)),
                Kind.CNN_FIRST.inputType(), List.of(norm, Kind.CNN_FIRST.pooling(), Kind.CNN_FIRST.denseOutput()));
        Random random = new Random(10);
        INDArray labels = Kind.oneHot(64).castTo(DataType.HALF);
        for (int step = 0; step < 5; step++) {
            net.fit(twoChannels(random), labels);
        }
        assertThat(TestNetwork.isFinite(net.params())).isTrue();
        assertThat(TestNetwork.isFinite(net.output(twoChannels(random)))).isTrue();
        assertThat(net.layer(0).paramTable()).containsKey("log10stdev");
    }

    private static double deviation(int channel) {
        return channel == 0 ? 300 : 500;
    }

    /** [64, 2, 4, 3], the mean of each channel as large as its deviation. */
    private static INDArray twoChannels(Random random) {
        INDArray x = Nd4j.create(DataType.DOUBLE, 64, 2, 4, 3);
        for (int c = 0; c < 2; c++) {
            x.tensorAlongDimension(c, 0, 2, 3).assign(NormCases.gaussian(random, deviation(c), deviation(c), 64, 4, 3));
        }
        return x.castTo(DataType.HALF);
    }
}
