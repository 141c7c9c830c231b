// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.UnitNormalization;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.assertj.core.api.AbstractThrowableAssert;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Options that cannot be met are rejected as early as they can be known, with what was expected and what was given. */
@Tag("once")
class BadConfigurationTest {

    static Stream<Supplier<NormBuilder<?, ?>>> builders() {
        return Stream.of(BatchNormalization.Builder::new, () -> new GroupNormalization.Builder(2),
                InstanceNormalization.Builder::new, LayerNormalization.Builder::new, SwitchableNormalization.Builder::new,
                FilterResponseNormalization.Builder::new, GlobalResponseNormalization.Builder::new,
                GhostBatchNormalization.Builder::new, BatchRenormalization.Builder::new, RmsNormalization.Builder::new,
                UnitNormalization.Builder::new);
    }

    private static AbstractThrowableAssert<?, ? extends Throwable> assertRejected(ThrowingCallable call) {
        return assertThatThrownBy(call).isExactlyInstanceOf(DL4JInvalidConfigException.class)
                .hasMessageContaining("\"my norm\"");
    }

    @ParameterizedTest
    @MethodSource("builders")
    void anEpsBelowZeroIsRejected(Supplier<NormBuilder<?, ?>> builder) {
        for (double eps : new double[]{-1e-5, -Double.MIN_VALUE, Double.NaN, Double.POSITIVE_INFINITY,
            Double.NEGATIVE_INFINITY}) {
            assertRejected(() -> builder.get().eps(eps).name("my norm").build())
                    .hasMessageContainingAll("expected eps >= 0", "got eps " + eps);
        }
    }

    @ParameterizedTest
    @MethodSource("builders")
    void anEpsSetAfterwardsIsRejectedByTheNetwork(Supplier<NormBuilder<?, ?>> builder) {
        NormLayer layer = (NormLayer) builder.get().name("my norm").build();
        layer.setEps(-3);
        assertRejected(() -> TestNetwork.around(false, TestNetwork.Setup.FLOAT, Kind.CNN_FIRST, layer))
                .hasMessageContainingAll("expected eps >= 0", "got eps -3");
    }

    @ParameterizedTest
    @MethodSource("builders")
    void initialValuesThatAreNotFiniteAreRejected(Supplier<NormBuilder<?, ?>> builder) {
        assertRejected(() -> builder.get().gammaInit(Double.NaN).name("my norm").build()).hasMessageContaining("NaN");
        assertRejected(() -> builder.get().betaInit(Double.POSITIVE_INFINITY).name("my norm").build())
                .hasMessageContaining("Infinity");
    }

    @ParameterizedTest
    @MethodSource("builders")
    void moreInputsThanOutputsAreRejected(Supplier<NormBuilder<?, ?>> builder) {
        assertRejected(() -> builder.get().nIn(4).nOut(6).name("my norm").build())
                .hasMessageContainingAll("expected nIn equal to nOut", "nIn 4 and nOut 6");
        NormLayer fromOne = (NormLayer) builder.get().nIn(4).build();
        assertThat(fromOne.getNOut()).isEqualTo(4);
        NormLayer fromOther = (NormLayer) builder.get().nOut(4).build();
        assertThat(fromOther.getNIn()).isEqualTo(4);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void groupsHaveToDivideTheChannels(boolean graph) {
        assertRejected(() -> new GroupNormalization.Builder(3).nOut(4).name("my norm").build())
                .hasMessageContainingAll("divisible by groups = 3", "got 4 channels");
        assertRejected(() -> TestNetwork.around(graph, TestNetwork.Setup.FLOAT, Kind.CNN_FIRST,
                new GroupNormalization.Builder(3).name(graph ? "l1" : "my norm").build()), graph ? "l1" : "my norm")
                .hasMessageContainingAll("divisible by groups = 3", "got 4 channels");
        assertRejected(() -> TestNetwork.around(graph, TestNetwork.Setup.FLOAT, Kind.CNN_FIRST,
                new GroupNormalization.Builder(8).name("my norm").build()), graph ? "l1" : "my norm")
                .hasMessageContainingAll("divisible by groups = 8", "got 4 channels");
    }

    private static AbstractThrowableAssert<?, ? extends Throwable> assertRejected(ThrowingCallable call, String name) {
        return assertThatThrownBy(call).isExactlyInstanceOf(DL4JInvalidConfigException.class)
                .hasMessageContaining("\"" + name + "\"");
    }

    @Test
    void thereIsAtLeastOneGroup() {
        for (int groups : new int[]{0, -2, Integer.MIN_VALUE}) {
            assertRejected(() -> new GroupNormalization.Builder(groups).name("my norm").build())
                    .hasMessageContainingAll("expected groups >= 1", "got groups " + groups);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void instanceNormOnDenseInputIsRejectedWithAHint(boolean graph) {
        for (boolean track : new boolean[]{false, true}) {
            assertRejected(() -> TestNetwork.around(graph, TestNetwork.Setup.FLOAT, Kind.DENSE,
                    new InstanceNormalization.Builder().trackRunningStats(track).name("my norm").build()),
                    graph ? "l1" : "my norm").hasMessageContainingAll("LayerNormalization", "rank 3 to 5", "FeedForward");
            assertRejected(() -> new InstanceNormalization.Builder().name("my norm").build()
                    .getOutputType(0, InputType.feedForward(4))).hasMessageContaining("LayerNormalization");
        }
    }

    @ParameterizedTest
    @MethodSource("builders")
    void anotherNumberOfChannelsThanTheInputTypeIsRejected(Supplier<NormBuilder<?, ?>> builder) {
        for (Kind kind : List.of(Kind.RNN_LAST, Kind.CNN_FIRST, Kind.CNN3D_LAST)) {
            NormLayer layer = (NormLayer) builder.get().nOut(6).name("my norm").build();
            assertRejected(() -> layer.getOutputType(1, kind.inputType())).hasMessageContaining("expected 6 channels");
            NeuralNetConfiguration.ListBuilder list = new NeuralNetConfiguration.Builder().list();
            list.layer(kind.before()).layer((NormLayer) builder.get().nOut(6).name("my norm").build()).layer(kind.output())
                    .setInputType(kind.inputType());
            list.overrideNinUponBuild(false);
            assertRejected(() -> new MultiLayerNetwork(list.build()).init())
                    .hasMessageContainingAll("expected 6 channels", "got 4");
        }
    }

    @ParameterizedTest
    @MethodSource("builders")
    void aNetworkThatSaysNothingOfTheChannelsIsRejected(Supplier<NormBuilder<?, ?>> builder) {
        NeuralNetConfiguration.ListBuilder list = new NeuralNetConfiguration.Builder().list();
        list.layer((NormLayer) builder.get().name("my norm").build()).layer(Kind.CNN_FIRST.pooling());
        assertRejected(() -> new MultiLayerNetwork(list.build()).init())
                .hasMessageContainingAll("expected a positive number of channels", "nOut 0");
    }

    @Test
    void partsAndSchedulesThatCannotBeAreRejected() {
        assertRejected(() -> new GhostBatchNormalization.Builder(0).name("my norm").build())
                .hasMessageContainingAll("expected virtualBatchSize >= 1", "got virtualBatchSize 0");
        assertRejected(() -> new BatchRenormalization.Builder().rMax(0.9).name("my norm").build())
                .hasMessageContainingAll("expected rMax >= 1", "got rMax 0.9");
        assertRejected(() -> new BatchRenormalization.Builder().dMax(Double.NaN).name("my norm").build())
                .hasMessageContainingAll("dMax >= 0", "dMax NaN");
        assertRejected(() -> new BatchRenormalization.Builder().schedule(10, 9, 20).name("my norm").build())
                .hasMessageContainingAll("expected 0 <= warmupSteps <= rSteps", "rSteps 9");
    }

    @Test
    void policiesOutsideOfTheirRangeAreRejected() {
        for (double weight : new double[]{-0.1, 1.1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThatThrownBy(() -> RunningStatistics.decay(weight)).isExactlyInstanceOf(DL4JInvalidConfigException.class)
                    .hasMessageContaining("decay in [0, 1], got " + weight);
            assertThatThrownBy(() -> RunningStatistics.momentum(weight))
                    .isExactlyInstanceOf(DL4JInvalidConfigException.class)
                    .hasMessageContaining("momentum in [0, 1], got " + weight);
        }
    }
}
