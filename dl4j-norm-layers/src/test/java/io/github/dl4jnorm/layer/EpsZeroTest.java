// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.GlobalResponseNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.conf.UnitNormalization;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** With an eps of 0, legal in Deeplearning4j, what does not vary comes out as act(beta) and has the gradient 0. */
@Tag("long")
@Tag("vectors-first")
class EpsZeroTest {
    private static final int N = 5;
    private static final int C = 4;
    private static final Map<String, Supplier<NormBuilder<?, ?>>> BY_CHANNEL = Map.of(
            "batch", BatchNormalization.Builder::new,
            "locked", () -> new BatchNormalization.Builder(2, 0.5, true),
            "sync", SyncBatchNormalization.Builder::new,
            "ghost", () -> new GhostBatchNormalization.Builder(2),
            "renorm", () -> new BatchRenormalization.Builder().schedule(0, 1, 1),
            "instance", () -> new InstanceNormalization.Builder().trackRunningStats(true),
            "instance, eps outside", () -> new InstanceNormalization.Builder().epsOutside(true));
    private static final Map<String, Supplier<NormBuilder<?, ?>>> OTHERS = Map.of(
            "group", () -> new GroupNormalization.Builder(2),
            "layer", LayerNormalization.Builder::new,
            "layer by element", () -> new LayerNormalization.Builder().elementwiseAffine(true),
            "switchable", SwitchableNormalization.Builder::new);
    private static final Map<String, Supplier<NormBuilder<?, ?>>> BY_LENGTH = Map.of(
            "rms", RmsNormalization.Builder::new,
            "unit", UnitNormalization.Builder::new,
            "rms of examples", () -> new RmsNormalization.Builder().perPosition(false),
            "unit of examples", () -> new UnitNormalization.Builder().perPosition(false),
            "frn", () -> new FilterResponseNormalization.Builder().threshold(false),
            "grn", GlobalResponseNormalization.Builder::new);

    private static Stream<Arguments> of(Map<String, Supplier<NormBuilder<?, ?>>> norms) {
        return norms.keySet().stream().sorted().flatMap(name -> Stream.of(Kind.values())
                .filter(kind -> !(kind.dense() && List.of("instance", "instance, eps outside", "frn", "grn").contains(name)))
                .flatMap(kind -> Stream.of(DataType.FLOAT, DataType.DOUBLE, DataType.HALF)
                        .map(type -> Arguments.of(name, kind, type))));
    }

    static Stream<Arguments> byChannel() {
        return of(BY_CHANNEL);
    }

    static Stream<Arguments> centering() {
        return Stream.concat(of(BY_CHANNEL), of(OTHERS));
    }

    static Stream<Arguments> byLength() {
        return of(BY_LENGTH);
    }

    private static LayerUnderTest layer(NormBuilder<?, ?> builder, double eps, Kind kind, DataType type) {
        NormLayer conf = (NormLayer) builder.eps(eps).activation(Activation.TANH).build();
        conf.setChannelsLast(kind.channelsLast);
        if (conf instanceof LayerNormalization layer && layer.isElementwiseAffine() && !kind.dense() && !kind.rnn()) {
            layer.setPositions(Nd4j.zeros(NormCases.shape(kind, 1, C)).length() / C);
        }
        LayerUnderTest layer = new LayerUnderTest(conf, C, type);
        for (String name : List.of("gamma", "beta")) {
            if (layer.layer.paramTable().containsKey(name)) {
                INDArray array = layer.param(name);
                array.assign(Nd4j.linspace(0.5, 1.5, array.length(), DataType.DOUBLE).reshape(array.shape()).castTo(type));
            }
        }
        return layer;
    }

    private static int channel(Kind kind, int i, int length) {
        return kind.channelsLast || kind.dense() ? i % C : i / (length / (N * C)) % C;
    }

    private static double[] beta(LayerUnderTest layer) {
        return layer.layer.paramTable().containsKey("beta") ? TestNetwork.numbers(layer.param("beta"))
                : new double[]{0.5, 0.5, 0.5, 0.5};
    }

    /** One channel is constant, the others are what an eps too small to count makes of them. */
    @ParameterizedTest
    @MethodSource("byChannel")
    void aConstantChannelAmongOthersGivesBetaAndNoGradient(String name, Kind kind, DataType type) {
        for (double value : new double[]{0.1, 0, 30}) {
            INDArray x = NormCases.gaussian(new Random(3), 1, 2, NormCases.shape(kind, N, C)).castTo(type);
            INDArray dy = NormCases.gaussian(new Random(4), 0, 1, x.shape()).castTo(type);
            for (int i = 0; i < x.length(); i++) {
                if (channel(kind, i, (int) x.length()) == 1) {
                    x.putScalar(i, value);
                }
            }
            LayerUnderTest layer = layer(BY_CHANNEL.get(name).get(), 0, kind, type);
            LayerUnderTest tiny = layer(BY_CHANNEL.get(name).get(), 1e-12, kind, type);
            double[] y = TestNetwork.numbers(layer.forward(x, true));
            double[] dx = TestNetwork.numbers(layer.dx(dy));
            double[] yTiny = TestNetwork.numbers(tiny.forward(x, true));
            double[] dxTiny = TestNetwork.numbers(tiny.dx(dy));
            double tolerance = type == DataType.HALF ? 4e-3 : 1e-5;
            for (int i = 0; i < y.length; i++) {
                if (channel(kind, i, y.length) == 1) {
                    assertThat(dx[i]).as("%s, dx[%d] of constant %s", name, i, value).isZero();
                    if (!"renorm".equals(name)) {
                        assertThat(y[i]).as("y[%d]", i).isCloseTo(Math.tanh(beta(layer)[1]), within(tolerance));
                    }
                } else if (!name.startsWith("instance") || y.length > N * C) {
                    assertThat(y[i]).as("y[%d]", i).isCloseTo(yTiny[i], within(tolerance));
                    assertThat(dx[i]).as("dx[%d]", i).isCloseTo(dxTiny[i],
                            within(tolerance * Math.max(1, Math.abs(dxTiny[i]))));
                }
            }
            assertThat(TestNetwork.isFinite(layer.gradients)).isTrue();
        }
    }

    @ParameterizedTest
    @MethodSource("centering")
    void nothingButOneNumberGivesBetaAndNoGradientMaskedOrNot(String name, Kind kind, DataType type) {
        NormBuilder<?, ?> builder = (BY_CHANNEL.containsKey(name) ? BY_CHANNEL : OTHERS).get(name).get();
        LayerUnderTest layer = layer(builder, 0, kind, type);
        long[] shape = NormCases.shape(kind, N, C);
        INDArray dy = NormCases.gaussian(new Random(4), 0, 1, shape).castTo(type);
        for (boolean masked : new boolean[]{false, true}) {
            if (masked && kind.rnn()) {
                INDArray mask = Nd4j.ones(type, N, 5);
                mask.putScalar(0, 0, 0).putScalar(1, 4, 0);
                layer.mask(mask);
            }
            for (double value : new double[]{0.1, 1000.5, -1e-3}) {
                INDArray x = Nd4j.valueArrayOf(shape, value, DataType.DOUBLE).castTo(type);
                INDArray y = layer.forward(x, true);
                double[] dx = TestNetwork.numbers(layer.dx(dy));
                assertThat(Arrays.stream(dx)).as("dx of %s", value).allMatch(g -> g == 0);
                assertThat(TestNetwork.isFinite(y)).isTrue();
                assertThat(TestNetwork.isFinite(layer.gradients)).isTrue();
                double[] beta = beta(layer);
                double[] numbers = TestNetwork.numbers(y);
                for (int i = 0; i < numbers.length && !masked && beta.length == C && !"renorm".equals(name); i++) {
                    assertThat(numbers[i]).as("y[%d] of %s", i, value).isCloseTo(
                            Math.tanh(beta[channel(kind, i, numbers.length)]), within(type == DataType.HALF ? 2e-3 : 1e-6));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("byLength")
    void nothingButZerosIsFineForNormsThatSubtractNoMean(String name, Kind kind, DataType type) {
        LayerUnderTest layer = layer(BY_LENGTH.get(name).get(), 0, kind, type);
        long[] shape = NormCases.shape(kind, N, C);
        assertThat(TestNetwork.isFinite(layer.forward(Nd4j.zeros(type, shape), true))).isTrue();
        assertThat(TestNetwork.isFinite(layer.dx(Nd4j.ones(type, shape)))).isTrue();
        assertThat(TestNetwork.isFinite(layer.gradients)).isTrue();
    }

    /** As a constant channel leaves it behind after some hundred batches. */
    @ParameterizedTest
    @MethodSource("byChannel")
    void aRunningVarianceOfZeroGivesBetaAtTestTime(String name, Kind kind, DataType type) {
        for (boolean log : new boolean[]{true, false}) {
            NormBuilder<?, ?> builder = BY_CHANNEL.get(name).get().eps(0);
            NormLayer conf = (NormLayer) builder.build();
            if (!(conf instanceof RunningNormLayer running) || !running.tracksStatistics()) {
                return;
            }
            running.setLogStdStored(log);
            running.setChannelsLast(kind.channelsLast);
            LayerUnderTest layer = new LayerUnderTest(running, C, type);
            layer.layer.setRunningStatistics(new double[]{1, 2, 3, 4}, new double[]{1, 0, 4, 0});
            INDArray y = layer.forward(NormCases.gaussian(new Random(5), 2, 1, NormCases.shape(kind, N, C)).castTo(type), false);
            double[] numbers = TestNetwork.numbers(y);
            double beta = "locked".equals(name) ? 0.5 : 0;
            for (int i = 0; i < numbers.length; i++) {
                if (channel(kind, i, numbers.length) % 2 == 1) {
                    assertThat(numbers[i]).as("y[%d], log %s", i, log).isEqualTo(beta);
                }
            }
            assertThat(TestNetwork.isFinite(y)).isTrue();
        }
    }
}
