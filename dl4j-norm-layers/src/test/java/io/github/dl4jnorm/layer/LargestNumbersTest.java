// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.GlobalResponseNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.conf.UncenteredNormLayer;
import io.github.dl4jnorm.norm.NormPlan;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Input at the end of the range of its type, where sums and squares leave it. What comes out is what comes out of the same
 * numbers made smaller, as every norm but global response normalization ignores the scale of its input.
 */
@Tag("long")
@Tag("vectors-first")
class LargestNumbersTest {
    private static final int CHANNELS = 8;

    /** What the input is made of, as a share of the largest number. */
    enum Input {
        CONSTANT,
        /** As many positive as negative elements in everything that shares a statistic. */
        ALTERNATING,
        /** Signs that do not cancel, and small numbers among them. */
        MIXED;

        double share(Random random, int[] place) {
            return switch (this) {
                case CONSTANT -> 1;
                case ALTERNATING -> Arrays.stream(place).sum() % 2 == 0 ? 1 : -1;
                case MIXED -> random.nextInt(3) == 0 ? 1e-3 * random.nextGaussian()
                        : (0.5 + 0.5 * random.nextDouble()) * (random.nextInt(4) == 0 ? -1 : 1);
            };
        }
    }

    private static double largest(DataType type) {
        return type == DataType.HALF ? 65504 : type == DataType.FLOAT ? 3.4e38 : 1.7e308;
    }

    private static Stream<NormLayer> norms() {
        List<NormLayer> made = NormFactory.names().stream()
                .map(name -> NormFactory.create(name, name.matches("group|evonorm-s0") ? Map.of("groups", 2) : Map.of())
                        .around(dense()))
                .filter(layers -> layers.size() == 2).map(layers -> (NormLayer) layers.get(1)).toList();
        Stream<NormLayer> ofExamples = made.stream().filter(UncenteredNormLayer.class::isInstance).map(norm -> {
            UncenteredNormLayer other = (UncenteredNormLayer) norm.clone();
            other.setOverExample(true);
            return other;
        });
        return Stream.of(made.stream(), ofExamples, Stream.of(new LayerNormalization.Builder().perPosition(true).build(),
                new SyncBatchNormalization.Builder().build())).flatMap(each -> each);
    }

    private static DenseLayer dense() {
        return new DenseLayer.Builder().nIn(1).nOut(1).activation(Activation.IDENTITY).build();
    }

    static Stream<Arguments> cases() {
        return norms().flatMap(norm -> Stream.of(Kind.values()).filter(kind -> norm.plan(rank(kind)) != null)
                .flatMap(kind -> Stream.of(DataType.DOUBLE, DataType.FLOAT, DataType.HALF).flatMap(type ->
                        Stream.of(Input.values()).filter(input -> input != Input.CONSTANT
                                // A large number divided by √eps is beyond the range.
                                || !(norm.plan(rank(kind)) instanceof NormPlan.Gated)).map(input ->
                                Arguments.of(norm.getClass().getSimpleName(), kind, type, input, norm.clone())))));
    }

    private static int rank(Kind kind) {
        return shape(kind).length;
    }

    private static long[] shape(Kind kind) {
        return shape(kind, 1);
    }

    /** Four examples for each part of a batch: two of them would always become −1 and 1, with a dx that is but rounding. */
    private static long[] shape(Kind kind, int parts) {
        return NormCases.shape(kind, 4 * parts, CHANNELS, 2, 4);
    }

    private static INDArray filled(Input input, double size, long... shape) {
        INDArray x = Nd4j.create(DataType.DOUBLE, shape);
        Random random = new Random(7);
        for (long i = 0; i < x.length(); i++) {
            int[] place = new int[shape.length];
            long rest = i;
            for (int d = shape.length - 1; d >= 0; d--) {
                place[d] = (int) (rest % shape[d]);
                rest /= shape[d];
            }
            x.putScalar(i, size * input.share(random, place));
        }
        return x;
    }

    @ParameterizedTest(name = "{0} {1} {2} {3}")
    @MethodSource("cases")
    void theLargestNumbersAreNormalizedAsSmallerOnesAre(String name, Kind kind, DataType type, Input input, NormLayer norm) {
        // These give multiples of their input.
        boolean meanOnly = dividesByNothing(norm, kind);
        boolean response = norm instanceof GlobalResponseNormalization || meanOnly;
        double large = largest(type) * (meanOnly ? 0x1p-10 : response ? 0x1p-3 : 1);
        // Large beside eps, small beside the largest of HALF.
        double scale = Math.scalb(1.0, 13 - Math.getExponent(large));
        long[] shape = shape(kind, norm.batchParts());
        INDArray x = filled(input, large, shape).castTo(type);
        INDArray smaller = x.castTo(DataType.DOUBLE).mul(scale);
        INDArray dy = NormCases.gaussian(new Random(3), 0.2, 1, shape).castTo(type);
        // Where there is no deviation, eps is what is divided by, whatever the scale; else it grows with the squares.
        boolean flat = input == Input.CONSTANT && !response && centers(norm, kind);
        NormLayer other = norm.clone();
        other.setEps(flat ? norm.getEps() : Math.max(1e-30, norm.getEps() * scale * scale));
        LayerUnderTest expected = layer(other, kind, DataType.DOUBLE);
        if (!(norm instanceof RunningNormLayer)) {
            // Factors of the input within a function, which is to see the same.
            List.of("alpha", "v").forEach(factor -> set(expected, factor, 0.5 / scale));
        }
        LayerUnderTest actual = layer(norm, kind, type);

        String at = name + " " + kind + " " + type + " " + input;
        assertClose(at + " y", actual.forward(x, true), expected.forward(smaller, true),
                response ? v -> v / scale : v -> v, type);
        assertClose(at + " dx", actual.dx(dy), expected.dx(dy.castTo(DataType.DOUBLE)),
                response || flat ? v -> v : v -> v * scale, type);
        assertThat(TestNetwork.isFinite(actual.params)).as(at + " parameters").isTrue();
    }

    private static boolean centers(NormLayer norm, Kind kind) {
        NormPlan plan = norm.plan(rank(kind));
        return plan instanceof NormPlan.Channels channels ? channels.divisor().isCentered()
                : plan instanceof NormPlan.Positions positions ? positions.divisor().isCentered()
                : !(plan instanceof NormPlan.LargerDeviation);
    }

    private static boolean dividesByNothing(NormLayer norm, Kind kind) {
        return norm.plan(rank(kind)) instanceof NormPlan.Channels channels && channels.divisor().isConstant();
    }

    private static LayerUnderTest layer(NormLayer norm, Kind kind, DataType type) {
        norm.setChannelsLast(kind.channelsLast);
        LayerUnderTest layer = new LayerUnderTest(norm, CHANNELS, type);
        List.of("alpha", "v").forEach(factor -> set(layer, factor, 0.5));
        set(layer, "gamma", 0.75);
        // With it, these give no multiples of their input.
        set(layer, "beta", norm instanceof GlobalResponseNormalization || dividesByNothing(norm, kind) ? 0 : 0.5);
        return layer;
    }

    private static void set(LayerUnderTest layer, String name, double value) {
        if (layer.layer.paramTable().containsKey(name)) {
            layer.param(name).assign(value);
        }
    }

    static Stream<Arguments> oneByOne() {
        return norms().filter(norm -> !(norm instanceof RunningNormLayer running && running.tracksStatistics()))
                .flatMap(norm -> Stream.of(Kind.values()).filter(kind -> norm.plan(rank(kind)) != null)
                        .map(kind -> Arguments.of(norm.getClass().getSimpleName(), kind, norm.clone())));
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("oneByOne")
    void anExampleOfSmallNumbersIsWhatItIsWithoutTheLargeOnesBesideIt(String name, Kind kind, NormLayer norm) {
        long[] shape = shape(kind);
        INDArray x = filled(Input.MIXED, largest(DataType.DOUBLE) / 8, shape);
        INDArray small = NormCases.gaussian(new Random(4), 0.3, 1, shape);
        INDArray dy = NormCases.gaussian(new Random(5), 0.2, 1, shape);
        for (int n = 1; n < shape[0]; n += 2) {
            x.slice(n).assign(small.slice(n));
        }
        LayerUnderTest expected = layer(norm.clone(), kind, DataType.DOUBLE);
        LayerUnderTest actual = layer(norm, kind, DataType.DOUBLE);
        INDArray wantedY = expected.forward(small, true);
        INDArray y = actual.forward(x, true);
        INDArray wantedDx = expected.dx(dy);
        INDArray dx = actual.dx(dy);
        for (int n = 1; n < shape[0]; n += 2) {
            assertClose("y of example " + n, y.slice(n), wantedY.slice(n), v -> v, DataType.DOUBLE);
            assertClose("dx of example " + n, dx.slice(n), wantedDx.slice(n), v -> v, DataType.DOUBLE);
        }
        assertThat(TestNetwork.isFinite(y) && TestNetwork.isFinite(dx)).as("all is finite").isTrue();
    }

    private static void assertClose(String what, INDArray actual, INDArray expected, DoubleUnaryOperator scaled,
                                    DataType type) {
        double[] found = TestNetwork.numbers(actual);
        double[] wanted = Arrays.stream(TestNetwork.numbers(expected)).map(scaled).toArray();
        double size = Arrays.stream(wanted).map(Math::abs).max().orElse(0);
        double relative = type == DataType.DOUBLE ? 1e-9 : type == DataType.FLOAT ? 1e-5 : 4e-3;
        // Gradients that cancel are rounded to what is left of numbers of this size.
        size = Math.max(size, Math.abs(scaled.applyAsDouble(1e-4)));
        double tolerance = relative * size + (type == DataType.DOUBLE ? 0 : type == DataType.FLOAT ? 3e-45 : 1.2e-7);
        for (int i = 0; i < found.length; i++) {
            assertThat(found[i]).as("%s[%s]", what, i).isFinite();
            assertThat(Math.abs(found[i] - wanted[i])).as("%s[%s]: got %s, expected %s", what, i, found[i], wanted[i])
                    .isLessThanOrEqualTo(tolerance);
        }
    }
}
