// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static io.github.dl4jnorm.model.Nets.graph;
import static io.github.dl4jnorm.model.Nets.ours;
import static io.github.dl4jnorm.model.Nets.sequence;
import static io.github.dl4jnorm.model.Nets.stock;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Frozen statistics are used in training and stay; all else is trained. */
@Tag("once")
class FreezeTest {
    private static final InputType TYPE = InputType.convolutional(5, 6, 3);

    private final DataSet data = data(DataType.FLOAT);

    private static DataSet data(DataType type) {
        Nd4j.getRandom().setSeed(3);
        return new DataSet(Nd4j.randn(type, 6, 3, 5, 6).muli(2).addi(1), Nd4j.rand(type, 6, 2));
    }

    private static Layer[] layers() {
        return new Layer[]{new ConvolutionLayer.Builder(3, 3).nOut(4).build(), ours().build(),
            new SwitchableNormalization.Builder().build(),
            new InstanceNormalization.Builder().trackRunningStats(true).activation(Activation.RELU).build(),
            new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build()};
    }

    private static Map<String, INDArray> copy(Model net, boolean statistics) {
        Map<String, INDArray> copies = new TreeMap<>();
        net.paramTable().forEach((name, array) -> {
            if (statistics == name.matches(".*_(mean|var|log10stdev)")) {
                copies.put(name, array.dup());
            }
        });
        return copies;
    }

    @Test
    void statisticsStayAndAllElseIsTrained() {
        for (Model net : List.of(sequence(TYPE, layers()), graph(TYPE, layers()))) {
            List<String> names = Freeze.freezeStatistics(net);
            assertThat(names).hasSize(3);
            Map<String, INDArray> statistics = copy(net, true);
            Map<String, INDArray> others = copy(net, false);
            assertThat(statistics).hasSize(6);
            ((NeuralNetwork) net).fit(data);
            Nets.assertSameParams(copy(net, true), statistics);
            others.forEach((name, before) -> assertThat(net.paramTable().get(name)).as(name).isNotEqualTo(before));
            assertThat(Freeze.unfreeze(net)).isEqualTo(names);
            ((NeuralNetwork) net).fit(data);
            statistics.forEach((name, before) -> assertThat(net.paramTable().get(name)).as(name).isNotEqualTo(before));
        }
    }

    @Test
    void trainingSeesWhatTestsSee() {
        MultiLayerNetwork net = sequence(TYPE, layers());
        assertThat(net.output(data.getFeatures(), true)).isNotEqualTo(net.output(data.getFeatures(), false));
        Freeze.freezeStatistics(net);
        assertThat(net.output(data.getFeatures(), true)).isEqualTo(net.output(data.getFeatures(), false));
    }

    @Test
    void gradientsAgreeWithFiniteDifferences() {
        DataSet doubles = data(DataType.DOUBLE);
        MultiLayerNetwork net = new MultiLayerNetwork(Nets.base().dataType(DataType.DOUBLE).updater(new NoOp()).list()
                .layer(new ConvolutionLayer.Builder(2, 2).nOut(2).activation(Activation.TANH).build()).layer(ours().build())
                .layer(new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build())
                .setInputType(TYPE).build());
        net.init();
        Nets.spread(net);
        Freeze.freezeStatistics(net);
        net.setInput(doubles.getFeatures());
        net.setLabels(doubles.getLabels());
        net.computeGradientAndScore();
        double[] gradient = net.gradient().gradient().dup('c').toDoubleVector();
        assertThat(Arrays.stream(gradient).map(Math::abs).max().orElse(0)).isGreaterThan(1e-2);
        INDArray params = net.params();
        Map<String, INDArray> table = net.paramTable();
        long statistics = table.get("1_mean").length() * 2;
        long first = table.get("0_W").length() + table.get("0_b").length() + 4;
        for (int i = 0; i < first + 10; i++) {
            // Those of the statistics, behind gamma and beta, are not gradients.
            int at = i < first ? i : (int) (i + statistics);
            double value = params.getDouble(at);
            double step = 1e-6;
            params.putScalar(at, value + step);
            double up = net.score(doubles, true);
            params.putScalar(at, value - step);
            double down = net.score(doubles, true);
            params.putScalar(at, value);
            assertThat(gradient[at]).as("gradient %d", at)
                    .isCloseTo((up - down) / (2 * step) * doubles.numExamples(), within(1e-5));
        }
    }

    @Test
    void itIsSavedWithTheModel() throws IOException {
        MultiLayerNetwork net = sequence(TYPE, layers());
        Freeze.freezeStatistics(net);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ModelSerializer.writeModel(net, bytes, true);
        MultiLayerNetwork loaded = ModelSerializer.restoreMultiLayerNetwork(new ByteArrayInputStream(bytes.toByteArray()));
        assertThat(((RunningNormLayer) loaded.getLayer(1).conf().getLayer()).isStatisticsFrozen()).isTrue();
        Map<String, INDArray> statistics = copy(loaded, true);
        loaded.fit(data);
        Nets.assertSameParams(copy(loaded, true), statistics);
        assertThat(((RunningNormLayer) net.clone().getLayer(1).conf().getLayer()).isStatisticsFrozen()).isTrue();
    }

    @Test
    void recomputingLeavesFrozenStatistics() {
        MultiLayerNetwork net = sequence(TYPE, layers());
        Freeze.freezeStatistics(net);
        Map<String, INDArray> statistics = copy(net, true);
        assertThat(PopulationStatistics.recompute(net, new ListDataSetIterator<>(data.asList(), 3),
                PopulationStatistics.Method.EXACT)).isEmpty();
        Nets.assertSameParams(copy(net, true), statistics);
    }

    @Test
    void deeplearning4jsNormsAreRefusedAndNothingIsFrozen() {
        Layer[] layers = {new ConvolutionLayer.Builder(3, 3).nOut(4).build(), ours().build(), stock().build(),
            new OutputLayer.Builder(LossFunction.MSE).nOut(2).build()};
        MultiLayerNetwork net = sequence(TYPE, layers);
        assertThatThrownBy(() -> Freeze.freezeStatistics(net)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[2]").hasMessageContaining("NormReplacement");
        assertThat(((RunningNormLayer) net.getLayer(1).conf().getLayer()).isStatisticsFrozen()).isFalse();
        MultiLayerNetwork frozen = new TransferLearning.Builder(net).setFeatureExtractor(2).build();
        assertThat(Freeze.freezeStatistics(frozen)).isEmpty();
    }
}
