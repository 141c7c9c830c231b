// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.layer.Inside.Wrapper;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Layers with computed weights that are saved, cloned, frozen and taken over. */
@Tag("once")
@Tag("long")
class ReparameterizationCopiesTest {
    private static final Inside[] INSIDE = {Inside.DENSE, Inside.CNN, Inside.LSTM};

    private static Reparameterization layer(Wrapper wrapper, Inside inside) {
        return wrapper.around(inside.layer(Activation.TANH));
    }

    private static MultiLayerNetwork net(Wrapper wrapper, Inside inside) {
        return inside.sequence(Inside.base(DataType.FLOAT, new Adam(0.01)), layer(wrapper, inside));
    }

    private static DataSet batch(Inside inside) {
        return new DataSet(inside.input(4, DataType.FLOAT), Inside.labels(4, DataType.FLOAT));
    }

    private static double[] numbers(INDArray array) {
        return TestNetwork.numbers(array);
    }

    static Stream<Arguments> cases() {
        return Stream.of(Wrapper.values()).flatMap(wrapper -> Stream.of(INSIDE).map(inside -> Arguments.of(wrapper, inside)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aCopyIsTheSameAndGoesOnTheSame(Wrapper wrapper, Inside inside) throws Exception {
        for (SaveAndLoadTest.Way way : SaveAndLoadTest.Way.values()) {
            MultiLayerNetwork net = net(wrapper, inside);
            net.fit(batch(inside));
            MultiLayerNetwork copy = (MultiLayerNetwork) way.copy(net);
            assertThat(copy.getLayerWiseConfigurations()).isEqualTo(net.getLayerWiseConfigurations());
            assertThat(copy.paramTable().keySet()).isEqualTo(net.paramTable().keySet());
            assertThat(numbers(copy.params())).containsExactly(numbers(net.params()));
            assertThat(numbers(copy.getUpdater().getStateViewArray()))
                    .containsExactly(numbers(net.getUpdater().getStateViewArray()));
            if (way.canGoOn()) {
                double[] before = numbers(net.params());
                net.fit(batch(inside));
                assertThat(numbers(copy.params())).as("while the original is trained").containsExactly(before);
                copy.fit(batch(inside));
                assertThat(numbers(copy.params())).containsExactly(numbers(net.params())).isNotEqualTo(before);
            }
        }
    }

    private static Layer layer(Model graph) {
        return ((LayerVertex) ((ComputationGraph) graph).getConfiguration().getVertices().get("inside")).getLayerConf()
                .getLayer();
    }

    @ParameterizedTest
    @EnumSource(Wrapper.class)
    void aCopyOfAGraphIsTheSame(Wrapper wrapper) throws Exception {
        for (SaveAndLoadTest.Way way : SaveAndLoadTest.Way.values()) {
            ComputationGraph net = Inside.CNN.graph(Inside.base(DataType.FLOAT, new Adam(0.01)), layer(wrapper, Inside.CNN));
            net.fit(batch(Inside.CNN));
            Model copy = way.copy(net);
            assertThat(numbers(copy.params())).containsExactly(numbers(net.params()));
            assertThat(layer(copy)).isEqualTo(layer(net)).isNotSameAs(layer(net));
        }
    }

    @ParameterizedTest
    @EnumSource(Wrapper.class)
    void configurationsGoThroughJsonAndYaml(Wrapper wrapper) {
        for (Inside inside : Inside.values()) {
            MultiLayerConfiguration conf = net(wrapper, inside).getLayerWiseConfigurations();
            assertThat(MultiLayerConfiguration.fromJson(conf.toJson())).isEqualTo(conf);
            assertThat(MultiLayerConfiguration.fromYaml(conf.toYaml())).isEqualTo(conf);
            ComputationGraphConfiguration graph = inside.graph(Inside.base(DataType.FLOAT, new Adam(0.01)),
                    layer(wrapper, inside)).getConfiguration();
            assertThat(ComputationGraphConfiguration.fromJson(graph.toJson())).isEqualTo(graph);
        }
    }

    @Test
    void optionsAreKept() {
        SpectralNormalization layer = new SpectralNormalization.Builder(Inside.DENSE.layer(Activation.TANH))
                .powerIterations(3).warmUp(7).eps(1e-6).build();
        MultiLayerConfiguration conf = Inside.DENSE.sequence(Inside.base(DataType.FLOAT, new Adam(0.01)), layer)
                .getLayerWiseConfigurations();
        SpectralNormalization read = (SpectralNormalization) MultiLayerConfiguration.fromJson(conf.toJson()).getConf(0)
                .getLayer();
        assertThat(read.getPowerIterations()).isEqualTo(3);
        assertThat(read.getWarmUp()).isEqualTo(7);
        assertThat(read.getEps()).isEqualTo(1e-6);
        assertThat(read.getLayerName()).isEqualTo("inside");
        assertThat(read).isNotEqualTo(new SpectralNormalization(layer.getUnderlying()));
        assertThat(layer.clone()).isEqualTo(layer);
        assertThat(layer.clone().getUnderlying()).isNotSameAs(layer.getUnderlying());
    }

    /** The gradient does not reach what is frozen, power iteration included. */
    @ParameterizedTest
    @MethodSource("cases")
    void aFrozenFeatureExtractorStaysWhileANewOutputLearns(Wrapper wrapper, Inside inside) {
        MultiLayerNetwork net = net(wrapper, inside);
        net.fit(batch(inside));
        int last = net.getnLayers() - 1;
        MultiLayerNetwork transferred = new TransferLearning.Builder(net)
                .fineTuneConfiguration(new FineTuneConfiguration.Builder().updater(new Adam(0.1)).seed(5).build())
                .setFeatureExtractor(0).removeOutputLayer()
                .addLayer(new OutputLayer.Builder(LossFunction.MCXENT).nIn(Inside.OUT).nOut(Inside.CLASSES)
                        .activation(Activation.SOFTMAX).build()).build();
        double[] frozen = numbers(net.getLayer(0).params());
        assertThat(numbers(transferred.getLayer(0).params())).containsExactly(frozen);
        double[] output = numbers(transferred.getLayer(last).params());
        transferred.fit(batch(inside));
        assertThat(numbers(transferred.getLayer(0).params())).containsExactly(frozen);
        assertThat(numbers(transferred.getLayer(last).params())).isNotEqualTo(output);
        INDArray x = inside.input(3, DataType.FLOAT);
        assertThat(numbers(transferred.feedForward(x).get(1))).containsExactly(numbers(net.feedForward(x).get(1)));
    }

    @Test
    void theSummaryNamesParametersAndTheMemoryReportCountsThem() {
        MultiLayerNetwork net = net(Wrapper.SPECTRAL, Inside.LSTM);
        assertThat(net.summary()).contains("Wu", "RWv");
        ComputationGraph graph = Inside.LSTM.graph(Inside.base(DataType.FLOAT, new Adam(0.01)),
                layer(Wrapper.SPECTRAL, Inside.LSTM));
        assertThat(graph.summary()).contains("Wu:", "RWv:");
        var report = net.getLayerWiseConfigurations().getConf(0).getLayer().getMemoryReport(Inside.LSTM.type());
        assertThat(report.getParameterSize()).isEqualTo(net.getLayer(0).numParams());
        // Adam keeps two numbers for each parameter but u and v.
        assertThat(report.getUpdaterStateSize()).isEqualTo(2 * (net.getLayer(0).numParams() - 16 - 3 - 16 - 4));
    }
}
