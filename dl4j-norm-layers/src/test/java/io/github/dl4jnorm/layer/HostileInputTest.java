// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Input from the ends of what there is has a value that can be told beforehand, or an error that says what is wrong. */
@Tag("long")
@Tag("vectors-first")
@Tag("full")
class HostileInputTest {
    private static final int CHANNELS = 4;

    static Stream<Arguments> cases() {
        return NormCases.all();
    }

    private static boolean[] keepAll(INDArray x) {
        boolean[] keep = new boolean[(int) x.length()];
        Arrays.fill(keep, true);
        return keep;
    }

    /** Runs both passes and compares them with the definition in double. */
    private static void assertAsDefined(LayerUnderTest layer, INDArray x, INDArray dy, double tolerance) {
        LayerReference expected = new LayerReference(layer, x.shape(), TestNetwork.numbers(x), TestNetwork.numbers(dy),
                keepAll(x), true);
        assertClose(layer.forward(x, true), expected.y, tolerance * expected.sizeOfY, "y");
        INDArray dx = layer.dx(dy);
        if (expected.bend > tolerance * expected.sizeOfY || !layer.layer.layerConf().fusesRelu()) {
            assertClose(dx, expected.dx, tolerance * expected.sizeOfDx, "dx");
        }
    }

    private static void assertClose(INDArray actual, double[] expected, double tolerance, String what) {
        double[] numbers = TestNetwork.numbers(actual);
        assertThat(numbers).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            if (!(Math.abs(numbers[i] - expected[i]) <= tolerance)) {
                throw new AssertionError(what + "[" + i + "]: expected " + expected[i] + ", got " + numbers[i]
                        + ", tolerance " + tolerance);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Norm.class)
    void everyRankIsNormalizedOrRejected(Norm norm) {
        for (int rank = 0; rank <= 7; rank++) {
            long[] shape = new long[rank];
            Arrays.fill(shape, 2);
            if (rank > 1) {
                shape[1] = CHANNELS;
            }
            LayerUnderTest layer = NormCases.layer(norm, Kind.CNN_FIRST, CHANNELS, DataType.FLOAT);
            INDArray x = rank == 0 ? Nd4j.scalar(3f) : Nd4j.ones(DataType.FLOAT, shape);
            boolean valid = rank >= (NormCases.isInstance(norm) ? 3 : 2) && rank <= 5;
            if (valid) {
                assertThat(layer.forward(x, true).shape()).containsExactly(shape);
                assertThat(layer.dx(x).shape()).containsExactly(shape);
            } else {
                assertThatThrownBy(() -> layer.forward(x, true)).isExactlyInstanceOf(DL4JInvalidInputException.class)
                        .hasMessageContaining("got rank " + rank);
            }
        }
    }

    static Stream<Arguments> extremes() {
        return NormCases.all().flatMap(arguments -> Stream.of(
                Arguments.of(arguments.get()[0], arguments.get()[1], DataType.FLOAT, 1e30),
                Arguments.of(arguments.get()[0], arguments.get()[1], DataType.FLOAT, 1e-30),
                Arguments.of(arguments.get()[0], arguments.get()[1], DataType.FLOAT, 1e-42),
                Arguments.of(arguments.get()[0], arguments.get()[1], DataType.DOUBLE, 1e30),
                Arguments.of(arguments.get()[0], arguments.get()[1], DataType.DOUBLE, 1e-30),
                Arguments.of(arguments.get()[0], arguments.get()[1], DataType.DOUBLE, 1e-320),
                Arguments.of(arguments.get()[0], arguments.get()[1], DataType.HALF, 1e4),
                Arguments.of(arguments.get()[0], arguments.get()[1], DataType.HALF, 1e-7)));
    }

    /** Subnormal numbers among them. */
    @ParameterizedTest
    @MethodSource("extremes")
    void hugeAndTinyNumbersAreNormalized(Norm norm, Kind kind, DataType type, double size) {
        Random random = new Random(norm.ordinal() * 100L + kind.ordinal());
        long[] shape = NormCases.shape(kind, 3, CHANNELS);
        INDArray x = NormCases.gaussian(random, size / 2, size, shape).castTo(type);
        INDArray dy = NormCases.gaussian(random, 0.2, 1, shape).castTo(type);
        LayerUnderTest layer = NormCases.layer(norm, kind, CHANNELS, type);
        assertAsDefined(layer, x, dy, type == DataType.DOUBLE ? 1e-11 : type == DataType.FLOAT ? 2e-5 : 4e-3);
        assertThat(TestNetwork.isFinite(layer.params)).as("parameters and running statistics").isTrue();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void numbersWhoseSquaresOverflowInDoubleGiveNoNan(Norm norm, Kind kind) {
        Random random = new Random(5);
        long[] shape = NormCases.shape(kind, 3, CHANNELS);
        LayerUnderTest layer = NormCases.layer(norm, kind, CHANNELS, DataType.DOUBLE);
        INDArray dy = NormCases.gaussian(random, 0.2, 1, shape);
        double[] before = TestNetwork.numbers(layer.params);
        for (double size : new double[]{1e160, 1e300}) {
            INDArray x = NormCases.gaussian(random, 0, size, shape);
            assertThat(TestNetwork.isFinite(layer.forward(x, true))).as("y of %s", size).isTrue();
            assertThat(TestNetwork.isFinite(layer.dx(dy))).as("dx of %s", size).isTrue();
            assertThat(TestNetwork.isFinite(layer.gradients)).as("gradients of %s", size).isTrue();
            assertThat(TestNetwork.numbers(layer.params)).as("running statistics of %s", size).containsExactly(before);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void oneElementThatIsNotFiniteSpoilsWhatSharesAStatisticWithIt(Norm norm, Kind kind) {
        Random random = new Random(6);
        long[] shape = NormCases.shape(kind, 4, CHANNELS);
        INDArray x = NormCases.gaussian(random, 0.5, 1, shape);
        INDArray dy = NormCases.gaussian(random, 0.2, 1, shape);
        LayerUnderTest layer = NormCases.layer(norm, kind, CHANNELS, DataType.DOUBLE);
        double[] y = TestNetwork.numbers(layer.forward(x, true));
        double[] dx = TestNetwork.numbers(layer.dx(dy));
        double[] params = TestNetwork.numbers(layer.params);
        LayerReference pools = new LayerReference(layer, shape, TestNetwork.numbers(x), TestNetwork.numbers(dy), keepAll(x),
                true);
        int place = (int) x.length() / 2 + 1;
        int[] safe = IntStream.range(0, y.length).filter(i -> !pools.related(i, place)).toArray();
        int[] safeBackward = IntStream.of(safe).filter(i -> !pools.relatedBackward(i, place)).toArray();
        for (double bad : new double[]{Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}) {
            INDArray spoiled = x.dup().putScalar(place, bad);
            double[] spoiledY = TestNetwork.numbers(layer.forward(spoiled, true));
            double[] spoiledDx = TestNetwork.numbers(layer.dx(dy));
            for (int i : safe) {
                assertThat(spoiledY[i]).as("y[%d] with %s at %d", i, bad, place).isEqualTo(y[i]);
            }
            for (int i : safeBackward) {
                assertThat(spoiledDx[i]).as("dx[%d] with %s at %d", i, bad, place).isEqualTo(dx[i]);
            }
            assertThat(TestNetwork.numbers(layer.params)).as("parameters and running statistics").containsExactly(params);
        }
    }

    /** A view in which an axis, or all of them, have stride 0: the same number again and again. */
    static INDArray broadcast(INDArray array, int axis) {
        long[] strides = array.stride().clone();
        for (int a = 0; a < strides.length; a++) {
            strides[a] = a == axis || axis < 0 ? 0 : strides[a];
        }
        return Nd4j.create(array.data(), array.shape(), strides, 0, 'c');
    }

    @ParameterizedTest
    @MethodSource("cases")
    void broadcastViewsGiveWhatTheirCopiesGive(Norm norm, Kind kind) {
        Random random = new Random(7);
        long[] shape = NormCases.shape(kind, 3, CHANNELS);
        INDArray x = NormCases.gaussian(random, 0.5, 1, shape);
        INDArray dy = NormCases.gaussian(random, 0.2, 1, shape);
        for (int axis = -1; axis < shape.length; axis++) {
            for (INDArray[] pair : List.of(new INDArray[]{broadcast(x, axis), dy}, new INDArray[]{x, broadcast(dy, axis)},
                    new INDArray[]{broadcast(x, axis), broadcast(dy, axis)})) {
                LayerUnderTest layer = NormCases.layer(norm, kind, CHANNELS, DataType.DOUBLE);
                LayerUnderTest twin = NormCases.layer(norm, kind, CHANNELS, DataType.DOUBLE);
                double[] values = TestNetwork.numbers(pair[0]);
                INDArray copy = Nd4j.createFromArray(values).reshape(shape);
                assertClose(layer.forward(pair[0], true), TestNetwork.numbers(twin.forward(copy, true)), 1e-10, "y");
                INDArray copyDy = Nd4j.createFromArray(TestNetwork.numbers(pair[1])).reshape(shape);
                assertClose(layer.dx(pair[1]), TestNetwork.numbers(twin.dx(copyDy)), 1e-9, "dx");
                assertClose(layer.gradients, TestNetwork.numbers(twin.gradients), 1e-9, "gradients");
                assertThat(TestNetwork.numbers(pair[0])).as("x left alone").containsExactly(values);
            }
        }
    }

    static Stream<Arguments> manyChannels() {
        return Stream.of(Kind.DENSE, Kind.RNN_FIRST, Kind.CNN_LAST).flatMap(kind -> IntStream.of(1, 65_537)
                .boxed().flatMap(channels -> Stream.<NormLayer>of(new BatchNormalization.Builder().eps(1e-3).build(),
                        new GroupNormalization.Builder(channels).eps(1e-3).build(),
                        new GroupNormalization.Builder(1).eps(1e-3).build(),
                        new InstanceNormalization.Builder().eps(1e-3).build(),
                        new LayerNormalization.Builder().eps(1e-3).build(),
                        new LayerNormalization.Builder().perPosition(true).eps(1e-3).build(),
                        new SwitchableNormalization.Builder().eps(1e-3).build())
                        .filter(conf -> !(kind.dense() && conf instanceof InstanceNormalization))
                        .map(conf -> Arguments.of(conf, kind, channels))));
    }

    /** 65,537 is a prime, and 65,537 channels times 32,768 elements do not fit into an int. */
    @ParameterizedTest
    @MethodSource("manyChannels")
    void oneChannelAndVeryManyAreNormalized(NormLayer conf, Kind kind, int channels) {
        Random random = new Random(8);
        long[] shape = NormCases.shape(kind, 2, channels, 1, 2);
        LayerUnderTest layer = NormCases.layer(conf, kind, channels, DataType.FLOAT);
        INDArray x = NormCases.gaussian(random, 0.5, 1, shape).castTo(DataType.FLOAT);
        INDArray dy = NormCases.gaussian(random, 0.2, 1, shape).castTo(DataType.FLOAT);
        assertAsDefined(layer, x, dy, 2e-5);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 256, 65_536})
    void groupsThatDoNotDivideAPrimeNumberOfChannelsAreRejected(int groups) {
        NormLayer conf = new GroupNormalization.Builder(groups).name("my norm").build();
        assertThatThrownBy(() -> new LayerUnderTest(conf, 65_537, DataType.FLOAT))
                .hasMessageContainingAll("\"my norm\"", "divisible by groups = " + groups + ",", "65537 channels");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aBatchThatIsMaskedAltogetherChangesNothing(Norm norm, Kind kind) {
        long[] shape = NormCases.shape(kind, 3, CHANNELS);
        LayerUnderTest layer = NormCases.layer(norm, kind, CHANNELS, DataType.FLOAT);
        layer.gradients.assign(77);
        double[] params = TestNetwork.numbers(layer.params);
        layer.mask(Nd4j.zeros(DataType.FLOAT, 3, kind.rnn() ? 5 : 1));
        INDArray x = Nd4j.valueArrayOf(shape, Float.NaN, DataType.FLOAT);
        assertThat(TestNetwork.numbers(layer.forward(x, true))).containsOnly(0);
        assertThat(TestNetwork.numbers(layer.dx(x))).containsOnly(0);
        assertThat(TestNetwork.numbers(layer.gradients)).containsOnly(0);
        assertThat(TestNetwork.numbers(layer.params)).containsExactly(params);
    }

    @ParameterizedTest
    @CsvSource({"FLOAT, 3e38", "DOUBLE, 1e308"})
    void runningStatisticsOfNumbersAtTheEndOfTheRangeStayFinite(DataType type, double size) {
        LayerUnderTest layer = NormCases.layer(new BatchNormalization.Builder()
                .runningStatistics(RunningStatistics.decay(0.5)).useLogStd(false).build(), Kind.DENSE, CHANNELS, type);
        for (int step = 0; step < 3; step++) {
            INDArray x = Nd4j.createFromArray(new double[][]{{size, 1, -size, 2}, {-size, 1, -size, 3}}).castTo(type);
            layer.step(x);
            assertThat(TestNetwork.isFinite(layer.params)).as("step %d", step).isTrue();
            assertThat(TestNetwork.isFinite(layer.forward(x, false))).as("test mode after step %d", step).isTrue();
        }
    }
}
