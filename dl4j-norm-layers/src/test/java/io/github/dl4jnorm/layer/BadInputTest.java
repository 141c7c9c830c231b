// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.Thinned;
import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Input that a layer cannot take is named together with what was expected, and leaves the layer as it was. */
@Tag("long")
@Tag("vectors-first")
class BadInputTest {
    private static final int CHANNELS = Harmless.CHANNELS;

    static Stream<Arguments> shapes() {
        return Thinned.cases(NormCases.all().flatMap(arguments -> {
            Norm norm = (Norm) arguments.get()[0];
            Kind kind = (Kind) arguments.get()[1];
            Stream<long[]> shapes = Stream.of(new long[]{CHANNELS}, new long[]{2, 4, 2, 2, 2, 4},
                    NormCases.shape(kind, 2, CHANNELS + 1), NormCases.shape(kind, 2, 1));
            return shapes.map(shape -> Arguments.of(norm, kind, shape));
        }));
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void inputOfAnotherRankOrNumberOfChannelsIsRejected(Norm norm, Kind kind, long[] shape) {
        boolean rank = shape.length == 1 || shape.length == 6;
        String expected = rank ? "expected rank " + (NormCases.isInstance(norm) ? "3" : "2") + " to 5"
                : "expected 4 channels in dimension " + (kind.channelsLast ? shape.length - 1 : 1);
        String actual = rank ? "got rank " + shape.length
                : "got " + shape[kind.channelsLast ? shape.length - 1 : 1];
        for (boolean training : new boolean[]{false, true}) {
            new Harmless(norm.layer(), kind).rejects(layer -> layer.forward(Nd4j.ones(DataType.FLOAT, shape), training),
                    expected, actual, Arrays.toString(shape));
        }
    }

    static Stream<Arguments> cases() {
        return Thinned.cases(NormCases.all());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void anEmptyBatchIsRejected(Norm norm, Kind kind) {
        new Harmless(norm.layer(), kind).rejectsAnEmptyBatch(kind);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void noPositionsAreRejected(Norm norm, Kind kind) {
        long[] shape = NormCases.shape(kind, 2, CHANNELS, 3, 0);
        if (!kind.dense()) {
            new Harmless(norm.layer(), kind).rejects(layer -> layer.forward(Nd4j.create(DataType.FLOAT, shape), true),
                    "expected at least one example and position", "got an empty array", Arrays.toString(shape));
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void wholeNumbersAreRejected(Norm norm, Kind kind) {
        new Harmless(norm.layer(), kind).rejectsWholeNumbers(kind);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aMaskOfAnotherShapeIsRejected(Norm norm, Kind kind) {
        new Harmless(norm.layer(), kind).rejectsMasksOfOtherShapes(kind);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aGradientOfAnotherShapeIsRejected(Norm norm, Kind kind) {
        new Harmless(norm.layer(), kind).rejectsGradientsOfOtherShapes(kind);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theRightGradientStillWorksAfterARejectedOne(Norm norm, Kind kind) {
        Random random = new Random(7);
        long[] shape = NormCases.shape(kind, 2, CHANNELS);
        INDArray x = NormCases.gaussian(random, 1, 2, shape).castTo(DataType.FLOAT);
        INDArray dy = NormCases.gaussian(random, 0, 1, shape).castTo(DataType.FLOAT);
        LayerUnderTest layer = NormCases.layer(norm, kind, CHANNELS, DataType.FLOAT);
        LayerUnderTest twin = NormCases.layer(norm, kind, CHANNELS, DataType.FLOAT);
        layer.forward(x, true);
        assertThatThrownBy(() -> layer.backward(dy.slice(0))).isExactlyInstanceOf(DL4JInvalidInputException.class);
        twin.forward(x, true);
        assertThat(TestNetwork.numbers(layer.dx(dy))).containsExactly(TestNetwork.numbers(twin.dx(dy)));
        assertThat(TestNetwork.numbers(layer.params)).containsExactly(TestNetwork.numbers(twin.params));
        assertThat(TestNetwork.numbers(layer.gradients)).containsExactly(TestNetwork.numbers(twin.gradients));
    }

    @ParameterizedTest
    @EnumSource(value = Norm.class, names = {"INSTANCE", "INSTANCE_TANH"})
    void instanceNormRejectsDenseInputAndNamesLayerNorm(Norm norm) {
        new Harmless(norm.layer(), Kind.CNN_FIRST).rejects(layer -> layer.forward(Nd4j.ones(DataType.FLOAT, 2, CHANNELS), true),
                "LayerNormalization", "expected rank 3 to 5", "got rank 2", "[2, 4]");
    }

    @Test
    void inputThatIsNotFiniteLeavesTheRunningStatisticsAlone() {
        BatchNormalization conf = new BatchNormalization.Builder().runningStatistics(RunningStatistics.cumulative()).build();
        LayerUnderTest layer = NormCases.layer(conf, Kind.CNN_FIRST, CHANNELS, DataType.FLOAT);
        double[] before = TestNetwork.numbers(layer.params);
        for (float bad : new float[]{Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            INDArray x = Nd4j.rand(DataType.FLOAT, 2, CHANNELS, 3, 3);
            x.putScalar(5, bad);
            layer.step(x);
            assertThat(TestNetwork.numbers(layer.params)).containsExactly(before);
        }
    }
}
