// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.model.PopulationStatistics.Method;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Parts of a data set give together what the whole of it gives. */
@Tag("once")
class PartialStatisticsTest {
    private static final int CHANNELS = 3;

    /** Batches of 5, 4, 3, 2 and 1 images of a single pixel: the last one has no unbiased variance. */
    private final List<DataSet> batches = new ArrayList<>();

    PartialStatisticsTest() {
        Nd4j.getRandom().setSeed(4);
        for (int size = 5; size > 0; size--) {
            batches.add(new DataSet(Nd4j.randn(DataType.DOUBLE, size, CHANNELS, 1, 1).addi(1000),
                    Nd4j.rand(DataType.DOUBLE, size, 2)));
        }
    }

    /** Norms on two branches, and one that sees their sum. */
    private static ComputationGraph net() {
        NormLayer instance = new InstanceNormalization.Builder().trackRunningStats(true).build();
        ComputationGraph net = new ComputationGraph(new NeuralNetConfiguration.Builder().seed(1).dataType(DataType.DOUBLE)
                .updater(new Sgd(0.1)).graphBuilder().addInputs("in")
                .addLayer("left", new BatchNormalization.Builder().build(), "in").addLayer("right", instance, "in")
                .addVertex("sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), "left", "right")
                .addLayer("last", new BatchNormalization.Builder().build(), "sum")
                .addLayer("out", new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build(),
                        "last")
                .setOutputs("out").setInputTypes(InputType.convolutional(1, 1, CHANNELS)).build());
        net.init();
        return net;
    }

    private static PartialStatistics collect(ComputationGraph net, List<String> names, Method method, List<DataSet> part) {
        return PartialStatistics.collect(net, names, method, part.stream().map(batch -> (MultiDataSet) batch.toMultiDataSet())
                .iterator());
    }

    @ParameterizedTest
    @EnumSource
    void partsGiveTogetherWhatTheWholeGives(Method method) {
        ComputationGraph whole = net();
        var expected = PopulationStatistics.recompute(whole, new ExistingDataSetIterator(batches), method);
        ComputationGraph parted = net();
        for (List<String> names : PartialStatistics.passes(parted, method)) {
            PartialStatistics merged = collect(parted, names, method, batches.subList(3, 5))
                    .merge(collect(parted, names, method, List.of()))
                    .merge(collect(parted, names, method, batches.subList(0, 3)));
            assertThat(merged.batches()).isEqualTo(batches.size());
            merged.applyTo(parted).forEach((name, found) -> {
                assertThat(found.count()).as(name).isEqualTo(expected.get(name).count());
                assertThat(found.unbiasedVariance()).containsExactly(expected.get(name).unbiasedVariance(), within(1e-9));
            });
        }
        for (String name : expected.keySet()) {
            NormalizationLayer actual = (NormalizationLayer) parted.getLayer(name);
            NormalizationLayer layer = (NormalizationLayer) whole.getLayer(name);
            assertThat(actual.runningMean()).as(name).containsExactly(layer.runningMean(), within(1e-9));
            assertThat(actual.runningVariance()).as(name).containsExactly(layer.runningVariance(), within(1e-9));
        }
        assertThat(expected.keySet()).containsExactlyInAnyOrder("left", "right", "last");
    }

    @Test
    void normsOnBranchesShareAPass() {
        assertThat(PartialStatistics.passes(net(), Method.PAPER)).hasSize(1);
        List<List<String>> exact = PartialStatistics.passes(net(), Method.EXACT);
        assertThat(exact).hasSize(2);
        assertThat(exact.get(0)).containsExactlyInAnyOrder("left", "right");
        assertThat(exact.get(1)).containsExactly("last");
    }

    @Test
    void nothingIsSetOfNoBatch() {
        ComputationGraph net = net();
        PartialStatistics none = collect(net, List.of("left"), Method.EXACT, List.of());
        assertThatThrownBy(() -> none.applyTo(net)).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("expected at least one batch of data, got none");
        assertThat(((NormalizationLayer) net.getLayer("left")).runningMean()).containsOnly(0);
    }
}
