// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.NormLayer;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.nn.weights.WeightInit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** Replacing the number of outputs of a convolution in front of a norm. */
@Tag("once")
@Tag("long")
class TransferLearningTest {
    private static final int NEW_CHANNELS = 6;

    static Stream<Arguments> cases() {
        return Stream.of(Customized.values()).flatMap(norm -> Stream.of(Kind.CNN_FIRST, Kind.CNN_LAST)
                .flatMap(kind -> Stream.of(false, true).map(graph -> Arguments.of(norm, kind, graph))));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theOutputsOfAConvolutionBeforeANormCanBeReplaced(Customized norm, Kind kind, boolean graph) {
        Nd4j.getRandom().setSeed(21);
        TestNetwork net = TestNetwork.of(graph, TestNetwork.Setup.FLOAT, kind.inputType(), layers(norm.layer(kind), kind));
        net.fit(2, kind);

        TestNetwork changed = replaceOutputs(net);

        NormLayer conf = (NormLayer) changed.norm().layerConf();
        assertThat(conf.getNIn()).isEqualTo(NEW_CHANNELS);
        assertThat(conf.getNOut()).isEqualTo(NEW_CHANNELS);
        assertThat(changed.normParams().keySet()).isEqualTo(net.normParams().keySet());
        changed.norm().layerConf().parameters().forEach(parameter -> {
            double[] fresh = TestNetwork.numbers(changed.norm().getParam(parameter.name()));
            assertThat(fresh).as(parameter.name()).hasSize((int) parameter.length())
                    .containsOnly((float) parameter.initialValue());
        });
        assertThat(TestNetwork.numbers(changed.layer(4).params())).containsExactly(
                TestNetwork.numbers(net.layer(4).params()));
        double[] before = TestNetwork.numbers(changed.params());
        changed.fit(2, kind);
        assertThat(TestNetwork.numbers(changed.params())).isNotEqualTo(before);
        INDArray y = changed.output(kind.input(3, DataType.FLOAT));
        assertThat(y.shape()).containsExactly(3, 3);
        assertThat(TestNetwork.isFinite(y)).isTrue();
    }

    private static List<Layer> layers(NormLayer norm, Kind kind) {
        return List.of(kind.before(), norm, kind.before(), kind.pooling(), kind.denseOutput());
    }

    private static TestNetwork replaceOutputs(TestNetwork net) {
        FineTuneConfiguration fineTune = new FineTuneConfiguration.Builder().updater(new Sgd(0.1)).seed(5).build();
        if (net.isGraph()) {
            return new TestNetwork(new TransferLearning.GraphBuilder(net.graph()).fineTuneConfiguration(fineTune)
                    .nOutReplace("l0", NEW_CHANNELS, WeightInit.XAVIER)
                    .nInReplace("l2", NEW_CHANNELS, WeightInit.XAVIER).build());
        }
        return new TestNetwork(new TransferLearning.Builder(net.sequence()).fineTuneConfiguration(fineTune)
                .nOutReplace(0, NEW_CHANNELS, WeightInit.XAVIER)
                .nInReplace(2, NEW_CHANNELS, WeightInit.XAVIER).build());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theOutputsOfTheNormItselfCanBeReplaced(Customized norm, Kind kind, boolean graph) {
        TestNetwork net = TestNetwork.of(graph, TestNetwork.Setup.FLOAT, kind.inputType(), layers(norm.layer(kind), kind));
        FineTuneConfiguration fineTune = new FineTuneConfiguration.Builder().updater(new Sgd(0.1)).build();
        TestNetwork changed = new TestNetwork(graph
                ? new TransferLearning.GraphBuilder(net.graph()).fineTuneConfiguration(fineTune)
                        .nOutReplace("l0", NEW_CHANNELS, WeightInit.XAVIER)
                        .nOutReplace("l1", NEW_CHANNELS, WeightInit.XAVIER).build()
                : new TransferLearning.Builder(net.sequence()).fineTuneConfiguration(fineTune)
                        .nOutReplace(0, NEW_CHANNELS, WeightInit.XAVIER)
                        .nOutReplace(1, NEW_CHANNELS, WeightInit.XAVIER).build());
        assertThat(((ConvolutionLayer) changed.layer(2).conf().getLayer()).getNIn()).isEqualTo(NEW_CHANNELS);
        changed.fit(1, kind);
        assertThat(TestNetwork.isFinite(changed.output(kind.input(3, DataType.FLOAT)))).isTrue();
    }
}
