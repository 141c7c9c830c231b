// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.RunningStatistics;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Norms by name. */
@Tag("once")
class NormFactoryTest {

    static Stream<Arguments> cases() {
        return NormFactory.names().stream().flatMap(name -> Stream.of(Kind.DENSE, Kind.RNN_LAST, Kind.CNN_FIRST)
                .filter(kind -> !(List.of("instance", "frn", "grn", "evonorm-b0", "ibn").contains(name) && kind.dense()))
                .map(kind -> Arguments.of(name, kind)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everyNameMakesABlockThatTrains(String name, Kind kind) {
        Nd4j.getRandom().setSeed(21);
        Map<String, Object> options = name.matches("group|evonorm-s0") ? Map.of("groups", 2) : Map.of();
        List<Layer> layers = new ArrayList<>(NormFactory.create(name, options).around((BaseLayer) kind.before()));
        layers.add(kind.output());
        TestNetwork net = TestNetwork.of(false, TestNetwork.Setup.FLOAT, kind.inputType(), layers);
        INDArray x = kind.input(4, DataType.FLOAT);
        double[] before = TestNetwork.numbers(net.output(x));
        for (int step = 0; step < 3; step++) {
            net.fit(kind.input(4, DataType.FLOAT), kind.labels(4, DataType.FLOAT));
        }
        double[] after = TestNetwork.numbers(net.output(x));
        assertThat(after).isNotEqualTo(before);
        assertThat(TestNetwork.isFinite(net.params())).isTrue();
    }

    @Test
    void optionsAreThoseOfTheBuilders() {
        DenseLayer dense = new DenseLayer.Builder().name("d").nOut(4).activation(Activation.RELU).build();
        List<Layer> group = NormFactory.create("group", Map.of("groups", 2, "eps", 0.25, "scale", false, "gammaInit", 3))
                .around(dense);
        assertThat(group).hasSize(2);
        assertThat(((DenseLayer) group.get(0)).getActivationFn()).isEqualTo(Activation.IDENTITY.getActivationFunction());
        assertThat(group.get(1)).isEqualTo(new GroupNormalization.Builder(2).eps(0.25).scale(false).gammaInit(3)
                .activation(Activation.RELU).name("d-norm").build());
        assertThat(dense.getActivationFn()).isEqualTo(Activation.RELU.getActivationFunction());

        RunningStatistics policy = RunningStatistics.cumulative().unbiased(false);
        assertThat(NormFactory.create("instance", Map.of("trackRunningStats", true, "runningStatistics", policy))
                .around(dense).get(1)).isEqualTo(new InstanceNormalization.Builder().trackRunningStats(true)
                .runningStatistics(policy).activation(Activation.RELU).name("d-norm").build());
    }

    @Test
    void theActivationOfARecurrentLayerStays() {
        LSTM lstm = new LSTM.Builder().nOut(4).activation(Activation.SOFTSIGN).build();
        List<Layer> block = NormFactory.create("layer").around(lstm);
        assertThat(((LSTM) block.get(0)).getActivationFn()).isEqualTo(Activation.SOFTSIGN.getActivationFunction());
        assertThat(((BaseLayer) block.get(1)).getActivationFn()).isEqualTo(Activation.IDENTITY.getActivationFunction());
    }

    @Test
    void whatThereIsNotIsRejected() {
        assertRejected("median", Map.of(), "expected one of [batch, group,", "got \"median\"");
        assertRejected("group", Map.of("grups", 2), "expected one of the options", "groups", "got \"grups\"");
        assertRejected("group", Map.of("groups", "many"), "\"group\"", "groups=many");
        assertRejected("group", Map.of("groups", 0), "expected groups >= 1", "got groups 0");
        assertRejected("layer", Map.of("eps", -1), "expected eps >= 0", "got eps -1");
        assertThatThrownBy(() -> NormFactory.create("batch").around(new DenseLayer.Builder().nOut(3).build()))
                .isExactlyInstanceOf(DL4JInvalidConfigException.class)
                .hasMessageContaining("expected an activation on the preceding layer");
    }

    private static void assertRejected(String name, Map<String, Object> options, String... parts) {
        assertThatThrownBy(() -> NormFactory.create(name, options)).isExactlyInstanceOf(DL4JInvalidConfigException.class)
                .hasMessageContainingAll(parts);
    }

    @Test
    void theNamesCannotBeChanged() {
        Set<String> names = NormFactory.names();
        assertThatThrownBy(() -> names.remove("batch")).isInstanceOf(UnsupportedOperationException.class);
    }
}
