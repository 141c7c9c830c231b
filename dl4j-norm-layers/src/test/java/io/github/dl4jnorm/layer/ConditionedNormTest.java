// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.AdaptiveInstanceNormalization;
import io.github.dl4jnorm.conf.ConditionalNormalization;
import io.github.dl4jnorm.conf.ConditionedNorm;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import java.util.List;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;

/** The vertices alone: what they compute, their gradients, and what they refuse. */
@Tag("vectors-first")
class ConditionedNormTest {
    private static final int N = 3;
    private static final int C = Kind.CHANNELS;
    private static final double EPS = 1e-3;
    private static final double STEP = 1e-5;

    private static ConditionedGraph graph(Kind kind, ConditionedNorm conf) {
        return new ConditionedGraph(kind, conf, DataType.DOUBLE, new NoOp());
    }

    private static ConditionedNorm adaptive() {
        return new AdaptiveInstanceNormalization.Builder().eps(EPS).build();
    }

    private static INDArray gaussian(Random random, double mean, double deviation, Kind kind, int a, int b) {
        return NormCases.gaussian(random, mean, deviation, NormCases.shape(kind, N, C, a, b));
    }

    /** Of the kind's rank, channels first, the same for all channels; not all of an example. */
    private static INDArray mask(Kind kind, Random random, int a, int b) {
        Kind first = kind.channelsLast ? Kind.values()[kind.ordinal() - 1] : kind;
        INDArray mask = Nd4j.ones(DataType.DOUBLE, NormCases.shape(first, N, 1, a, b));
        for (int i = 0; i < mask.length(); i++) {
            mask.putScalar(i, random.nextInt(3) == 0 && i % (mask.length() / N) > 1 ? 0 : 1);
        }
        return first == Kind.RNN_FIRST ? mask.reshape(N, b) : mask;
    }

    /** Channels first as [N, C, S]. */
    private static INDArray cube(INDArray array, boolean channelsLast) {
        INDArray first = array;
        if (channelsLast) {
            int[] axes = new int[array.rank()];
            for (int i = 2; i < axes.length; i++) {
                axes[i] = i - 1;
            }
            axes[1] = axes.length - 1;
            first = array.permute(axes);
        }
        return first.dup('c').reshape('c', first.size(0), first.size(1), -1);
    }

    /** Mean and deviation of a channel over the positions that count. */
    private static double[] statistics(INDArray cube, INDArray mask, int n, int c) {
        double count = 0;
        double sum = 0;
        double squares = 0;
        for (int s = 0; s < cube.size(2); s++) {
            if (mask == null || mask.getDouble(n, 0, s) != 0) {
                count++;
                sum += cube.getDouble(n, c, s);
                squares += Math.pow(cube.getDouble(n, c, s), 2);
            }
        }
        double mean = sum / count;
        return new double[]{mean, Math.sqrt(squares / count - mean * mean + EPS)};
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = "DENSE", mode = EnumSource.Mode.EXCLUDE)
    void theContentTakesOnTheStatisticsOfTheStyle(Kind kind) {
        Random random = new Random(31);
        for (boolean masked : new boolean[]{false, true}) {
            INDArray x = gaussian(random, 1, 2, kind, 3, 4);
            INDArray style = gaussian(random, -1, 0.5, kind, 2, 5);
            INDArray xMask = masked ? mask(kind, random, 3, 4) : null;
            INDArray styleMask = masked ? mask(kind, random, 2, 5) : null;
            ConditionedGraph graph = graph(kind, adaptive()).masks(xMask, styleMask);
            INDArray y = cube(graph.forward(x.dup('f'), style.dup('f')), kind.channelsLast);
            INDArray content = cube(x, kind.channelsLast);
            INDArray keeps = masked ? xMask.reshape('c', N, 1, -1) : null;
            INDArray styleKeeps = masked ? styleMask.reshape('c', N, 1, -1) : null;
            for (int n = 0; n < N; n++) {
                for (int c = 0; c < C; c++) {
                    double[] of = statistics(content, keeps, n, c);
                    double[] to = statistics(cube(style, kind.channelsLast), styleKeeps, n, c);
                    for (int s = 0; s < content.size(2); s++) {
                        double expected = masked && keeps.getDouble(n, 0, s) == 0 ? 0
                                : to[1] * (content.getDouble(n, c, s) - of[0]) / of[1] + to[0];
                        assertThat(y.getDouble(n, c, s)).isCloseTo(expected, within(1e-12));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = "DENSE", mode = EnumSource.Mode.EXCLUDE)
    void gradientsOfBothInputsAgreeWithFiniteDifferences(Kind kind) {
        Random random = new Random(32);
        for (boolean masked : new boolean[]{false, true}) {
            INDArray x = gaussian(random, 1, 2, kind, 2, 3);
            INDArray style = gaussian(random, -1, 0.5, kind, 3, 2);
            INDArray vectors = NormCases.gaussian(random, 0.5, 1, N, 2 * C);
            INDArray weight = gaussian(random, 0, 1, kind, 2, 3);
            INDArray xMask = masked ? mask(kind, random, 2, 3) : null;
            check(graph(kind, adaptive()).masks(xMask, masked ? mask(kind, random, 3, 2) : null), x, style, weight);
            check(graph(kind, new ConditionalNormalization.Builder().eps(EPS).groups(2).gammaOffset(1).build())
                    .masks(xMask, null), x, vectors, weight);
            check(graph(kind, new ConditionalNormalization.Builder().eps(EPS).build()).masks(xMask, null), x, vectors, weight);
        }
    }

    private static void check(ConditionedGraph graph, INDArray x, INDArray condition, INDArray weight) {
        graph.forward(x, condition);
        INDArray[] gradients = graph.backward(weight.dup('f'));
        INDArray[] inputs = {x, condition};
        for (int k = 0; k < 2; k++) {
            assertThat(gradients[k].shape()).isEqualTo(inputs[k].shape());
            double[] gradient = TestNetwork.numbers(gradients[k]);
            for (int i = 0; i < gradient.length; i += 1 + gradient.length / 40) {
                double before = inputs[k].getDouble(i);
                inputs[k].putScalar(i, before + STEP);
                double above = graph.forward(x, condition).mul(weight).sumNumber().doubleValue();
                inputs[k].putScalar(i, before - STEP);
                double below = graph.forward(x, condition).mul(weight).sumNumber().doubleValue();
                inputs[k].putScalar(i, before);
                assertThat(gradient[i]).as("gradient of input %d [%d]", k, i).isCloseTo((above - below) / (2 * STEP),
                        within(1e-7 * Math.max(1, Math.abs(gradient[i]))));
            }
        }
    }

    /** What goes in comes out, and so do gradients if those of both inputs are taken together. */
    @ParameterizedTest
    @ValueSource(strings = {"RNN_FIRST", "CNN_LAST", "CNN3D_FIRST"})
    void anInputInItsOwnStyleStaysAsItIs(Kind kind) {
        Random random = new Random(33);
        INDArray x = gaussian(random, 100, 3, kind, 3, 4);
        INDArray dy = gaussian(random, 0, 1, kind, 3, 4);
        ConditionedGraph graph = graph(kind, adaptive());
        assertClose(graph.forward(x, x.dup()), x);
        INDArray[] gradients = graph.backward(dy);
        assertClose(gradients[0].add(gradients[1]), dy);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 4})
    void withOneVectorForAllExamplesItIsThePlainNorm(int groups) {
        Random random = new Random(34);
        for (Kind kind : new Kind[]{Kind.RNN_LAST, Kind.CNN_FIRST, Kind.CNN3D_LAST}) {
            INDArray x = gaussian(random, 3, 2, kind, 3, 4);
            INDArray dy = gaussian(random, 0, 1, kind, 3, 4);
            LayerUnderTest plain = NormCases.layer(groups == 0 || groups == C
                    ? new InstanceNormalization.Builder().eps(EPS).build()
                    : new GroupNormalization.Builder(groups).eps(EPS).build(), kind, C, DataType.DOUBLE);
            INDArray vectors = Nd4j.create(DataType.DOUBLE, N, 2 * C);
            for (int n = 0; n < N; n++) {
                for (int c = 0; c < C; c++) {
                    vectors.putScalar(n, c, plain.param("gamma").getDouble(c) - 0.25);
                    vectors.putScalar(n, C + c, plain.param("beta").getDouble(c));
                }
            }
            ConditionedGraph graph = graph(kind, new ConditionalNormalization.Builder().eps(EPS).groups(groups)
                    .gammaOffset(0.25).build());
            assertClose(graph.forward(x, vectors), plain.forward(x, true));
            INDArray[] gradients = graph.backward(dy);
            assertClose(gradients[0], plain.dx(dy));
            INDArray sum = gradients[1].sum(0);
            for (int c = 0; c < C; c++) {
                assertThat(sum.getDouble(c)).isCloseTo(plain.layer.getGradientsViewArray().getDouble(c),
                        within(1e-10));
            }
        }
    }

    private static void assertClose(INDArray actual, INDArray expected) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        assertThat(actual.sub(expected).amaxNumber().doubleValue()).isLessThan(1e-10);
    }

    @Test
    void constantContentAndStyleGiveTheMeanOfTheStyle() {
        ConditionedGraph graph = new ConditionedGraph(Kind.CNN_FIRST, new AdaptiveInstanceNormalization(), DataType.FLOAT,
                new NoOp());
        INDArray y = graph.forward(Nd4j.valueArrayOf(new long[]{1, C, 2, 3}, 1e6f, DataType.FLOAT),
                Nd4j.valueArrayOf(new long[]{1, C, 1, 1}, 7f, DataType.FLOAT));
        assertThat(y.sub(7).amaxNumber().doubleValue()).isZero();
        for (INDArray gradient : graph.backward(Nd4j.ones(DataType.FLOAT, 1, C, 2, 3))) {
            assertThat(TestNetwork.isFinite(gradient)).isTrue();
        }
    }

    @Test
    void badInputIsRefusedBeforeAnythingChanges() {
        ConditionedGraph adaptive = graph(Kind.CNN_FIRST, adaptive());
        INDArray x = Nd4j.rand(DataType.DOUBLE, N, C, 2, 3);
        refuses(adaptive, x, Nd4j.rand(DataType.DOUBLE, N, C + 1, 2, 3), "a non-empty style of rank 4 with 3 examples and "
                + "4 channels in dimension 1", "[3, 5, 2, 3]");
        refuses(adaptive, x, Nd4j.rand(DataType.DOUBLE, 1, C, 2, 3), "3 examples", "[1, 4, 2, 3]");
        refuses(adaptive, x, Nd4j.rand(DataType.DOUBLE, N, C), "rank 4", "[3, 4]");
        refuses(adaptive, Nd4j.rand(DataType.DOUBLE, N, C), x, "rank 3 to 5", "[3, 4]");
        refuses(adaptive, x, x.castTo(DataType.INT), "floating-point", "INT");
        ConditionedGraph conditional = graph(Kind.CNN_FIRST, new ConditionalNormalization.Builder().groups(2).build());
        refuses(conditional, x, Nd4j.rand(DataType.DOUBLE, N, C), "vectors of shape [3, 8], or non-empty maps of rank 4 with 8 "
                + "channels in dimension 1,", "shape [3, 4]");
        refuses(conditional, x, Nd4j.rand(DataType.DOUBLE, N, C, 2, 3), "with 8 channels", "shape [3, 4, 2, 3]");
        refuses(graph(Kind.CNN_FIRST, new ConditionalNormalization()), Nd4j.rand(DataType.DOUBLE, N, C), x, "rank 3 to 5",
                "4 channels");
        refuses(conditional, Nd4j.rand(DataType.DOUBLE, N, 3, 2, 2), Nd4j.rand(DataType.DOUBLE, N, 6), "divisible by groups = 2",
                "3 channels");
        assertThatThrownBy(() -> adaptive.masks(Nd4j.ones(N, 1, 5, 5), null).forward(x, x))
                .isExactlyInstanceOf(DL4JInvalidInputException.class)
                .hasMessageContaining("expected a mask of shape [3, 1 or 4, 1 or 2, 1 or 3] for input of shape [3, 4, 2, 3]");
    }

    private static void refuses(ConditionedGraph graph, INDArray x, INDArray condition, String expected, String actual) {
        assertThatThrownBy(() -> graph.forward(x, condition)).isExactlyInstanceOf(DL4JInvalidInputException.class)
                .hasMessageContainingAll("vertex \"norm\"", "expected ", expected, "got ", actual);
    }

    @Test
    void badConfigurationsAreRefused() {
        InputType image = InputType.convolutional(4, 4, 6);
        refuses(() -> new AdaptiveInstanceNormalization.Builder().eps(-1).build(), "eps >= 0", "eps -1.0");
        refuses(() -> new ConditionalNormalization.Builder().groups(-1).build(), "groups >= 0", "-1");
        refuses(() -> new ConditionalNormalization.Builder().gammaOffset(Double.NaN).build(), "finite", "NaN");
        AdaptiveInstanceNormalization adaptive = new AdaptiveInstanceNormalization();
        refuses(() -> adaptive.getOutputType(0, image, InputType.convolutional(9, 9, 5)), "6 channels", "c=5");
        refuses(() -> adaptive.getOutputType(0, image, InputType.feedForward(12)),
                "a sequence, image or volume with 6 channels", "12");
        refuses(() -> adaptive.getOutputType(0, InputType.feedForward(6), image), "rank 3 to 5", "6");
        refuses(() -> adaptive.getOutputType(0, InputType.convolutionalFlat(4, 4, 6), image),
                "unflattened images", "flattened ones");
        refuses(() -> adaptive.getOutputType(0, image), "two inputs", "1");
        ConditionalNormalization conditional = new ConditionalNormalization.Builder().groups(4).build();
        refuses(() -> conditional.getOutputType(0, image, InputType.feedForward(12)), "divisible by groups = 4", "c=6");
        refuses(() -> new ConditionalNormalization().getOutputType(0, image, InputType.feedForward(6)),
                "vectors of size 12", "6");
        refuses(() -> new ConditionalNormalization().getOutputType(0, image, InputType.recurrent(12, 4)),
                "in the kind and data format of the content", "12");
        refuses(() -> new ConditionalNormalization().getOutputType(0, image,
                InputType.convolutional(4, 4, 12, CNN2DFormat.NHWC)), "data format of the content", "NHWC");
        for (ConditionalNormalization.Builder builder : List.of(new ConditionalNormalization.Builder().rms(true),
                new ConditionalNormalization.Builder().perPosition(true), new ConditionalNormalization.Builder().groups(2))) {
            refuses(() -> builder.normalize(false).build(), "neither groups nor perPosition nor rms", "groups ");
        }
    }

    private static void refuses(ThrowingCallable call, String expected, String actual) {
        assertThatThrownBy(call).isExactlyInstanceOf(DL4JInvalidConfigException.class)
                .hasMessageContainingAll("Normalization vertex: expected ", expected, ", got ", actual);
    }
}
