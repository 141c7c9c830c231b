// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.model.PopulationStatistics.Method;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Recomputed statistics are those of the definition, and nothing else changes. */
@Tag("long")
class PopulationStatisticsTest {
    private static final int FEATURES = 3;
    private static final int BATCH = 8;
    private static final int BATCHES = 5;

    private final INDArray features = features();
    private final DataSet all = new DataSet(features, Nd4j.ones(DataType.DOUBLE, features.size(0), 2));

    private static INDArray features() {
        Nd4j.getRandom().setSeed(3);
        return Nd4j.randn(DataType.DOUBLE, BATCH * BATCHES, FEATURES).muli(2).addi(1);
    }

    private DataSetIterator batches() {
        return new ListDataSetIterator<>(all.asList(), BATCH);
    }

    private static NormLayer norm() {
        return new BatchNormalization.Builder().runningStatistics(RunningStatistics.momentum(0.1)).build();
    }

    private static NeuralNetConfiguration.Builder base() {
        return new NeuralNetConfiguration.Builder().seed(1).dataType(DataType.DOUBLE).updater(new Adam(0.01));
    }

    private static MultiLayerNetwork network(NormLayer first, NormLayer second) {
        MultiLayerNetwork net = new MultiLayerNetwork(base().list().layer(first)
                .layer(new DenseLayer.Builder().nOut(4).activation(Activation.TANH).build())
                .layer(second)
                .layer(new OutputLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).nOut(2).build())
                .setInputType(InputType.feedForward(FEATURES)).build());
        net.init();
        return net;
    }

    private static double[] column(INDArray array, boolean variance, boolean unbiased) {
        return (variance ? array.var(unbiased, 0) : array.mean(0)).toDoubleVector();
    }

    @Test
    void exactGivesTheStatisticsOfTheWholeSetLayerByLayer() {
        MultiLayerNetwork net = network(norm(), norm());
        net.fit(batches());
        INDArray others = trained(net);
        var result = PopulationStatistics.recompute(net, batches(), Method.EXACT);
        NormalizationLayer first = (NormalizationLayer) net.getLayer(0);
        NormalizationLayer second = (NormalizationLayer) net.getLayer(2);
        assertThat(first.runningMean()).containsExactly(column(features, false, false), within(1e-12));
        assertThat(first.runningVariance()).containsExactly(column(features, true, false), within(1e-12));
        INDArray behind = net.feedForwardToLayer(1, features).get(2);
        assertThat(second.runningMean()).containsExactly(column(behind, false, false), within(1e-12));
        assertThat(second.runningVariance()).containsExactly(column(behind, true, false), within(1e-12));
        assertThat(result).hasSize(2);
        assertThat(trained(net)).isEqualTo(others);
    }

    private static INDArray trained(MultiLayerNetwork net) {
        return Nd4j.hstack(net.getParam("0_gamma").reshape(1, -1), net.getParam("0_beta").reshape(1, -1),
                net.getParam("1_W").reshape(1, -1), net.getParam("2_gamma").reshape(1, -1),
                net.getParam("3_W").reshape(1, -1));
    }

    @Test
    void paperGivesTheMeanOfBatchMeansAndOfUnbiasedBatchVariances() {
        MultiLayerNetwork net = network(norm(), norm());
        PopulationStatistics.recompute(net, batches(), Method.PAPER);
        INDArray mean = Nd4j.zeros(DataType.DOUBLE, FEATURES);
        INDArray variance = Nd4j.zeros(DataType.DOUBLE, FEATURES);
        DataSetIterator data = batches();
        while (data.hasNext()) {
            INDArray batch = data.next().getFeatures();
            mean.addi(batch.mean(0).divi(BATCHES));
            variance.addi(batch.var(true, 0).divi(BATCHES));
        }
        NormalizationLayer first = (NormalizationLayer) net.getLayer(0);
        assertThat(first.runningMean()).containsExactly(mean.toDoubleVector(), within(1e-12));
        assertThat(first.runningVariance()).containsExactly(variance.toDoubleVector(), within(1e-12));
    }

    @Test
    void theFirstBatchesAreAllThatCounts() {
        INDArray first = batches().next().getFeatures();
        for (Method method : Method.values()) {
            MultiLayerNetwork net = network(norm(), norm());
            PopulationStatistics.recompute(net, batches(), method, 1);
            NormalizationLayer layer = (NormalizationLayer) net.getLayer(0);
            assertThat(layer.runningMean()).containsExactly(column(first, false, false), within(1e-12));
            assertThat(layer.runningVariance()).containsExactly(column(first, true, method == Method.PAPER), within(1e-12));
            PopulationStatistics.recompute(net, batches(), method, BATCHES + 1);
            MultiLayerNetwork whole = network(norm(), norm());
            PopulationStatistics.recompute(whole, batches(), method);
            assertThat(net.params()).isEqualTo(whole.params());
            assertThatThrownBy(() -> PopulationStatistics.recompute(net, batches(), method, 0))
                    .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("at least one batch, got 0");
        }
    }

    @Test
    void aGraphIsRecomputedInTopologicalOrder() {
        ComputationGraph net = new ComputationGraph(base().graphBuilder().addInputs("in")
                .addLayer("out", new OutputLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).nOut(2)
                        .build(), "second")
                .addLayer("second", norm(), "dense")
                .addLayer("dense", new DenseLayer.Builder().nOut(4).activation(Activation.TANH).build(), "first")
                .addLayer("first", norm(), "in")
                .setOutputs("out").setInputTypes(InputType.feedForward(FEATURES)).build());
        net.init();
        var result = PopulationStatistics.recompute(net, batches(), Method.EXACT);
        assertThat(result.keySet()).containsExactly("first", "second");
        INDArray behind = net.feedForward(features, false).get("dense");
        assertThat(((NormalizationLayer) net.getLayer("second")).runningMean())
                .containsExactly(column(behind, false, false), within(1e-12));
    }

    @Test
    void switchableNormWithBatchAverageGetsItsTestStatistics() {
        NormLayer switchable = new SwitchableNormalization.Builder().batchAverage(true).build();
        MultiLayerNetwork net = network(norm(), switchable);
        net.fit(batches());
        NormalizationLayer layer = (NormalizationLayer) net.getLayer(2);
        assertThat(layer.runningMean()).containsOnly(0);
        PopulationStatistics.recompute(net, batches(), Method.PAPER);
        assertThat(layer.runningMean()).doesNotContain(0);
    }

    @Test
    void progressIsReported() {
        List<String> seen = new ArrayList<>();
        PopulationStatistics.recompute(network(norm(), norm()), batches(), Method.EXACT,
                (layer, pass, passes, done) -> seen.add(layer + " " + pass + "/" + passes + " " + done));
        assertThat(seen).hasSize(2 * (BATCHES + 1)).startsWith("layer0 1/2 0", "layer0 1/2 1").endsWith("layer2 2/2 5");
    }

    @Test
    void anExceptionOfTheDataOrNanPutsAllStatisticsBack() {
        MultiLayerNetwork net = network(norm(), norm());
        net.fit(batches());
        INDArray before = net.params().dup();
        DataSetIterator failing = new ListDataSetIterator<>(all.asList(), BATCH) {
            private int served;

            @Override
            public DataSet next() {
                // Fails in the second pass, when the first layer is done already.
                if (++served > BATCHES + 2) {
                    throw new IllegalStateException("disk gone");
                }
                return super.next();
            }
        };
        assertThatThrownBy(() -> PopulationStatistics.recompute(net, failing, Method.EXACT)).hasMessage("disk gone");
        assertThat(net.params()).isEqualTo(before);
        features.putScalar(5, 1, Double.NaN);
        assertThatThrownBy(() -> PopulationStatistics.recompute(net, batches(), Method.PAPER))
                .isInstanceOf(IllegalStateException.class).hasMessageContaining("\"layer0\"")
                .hasMessageContaining("expected finite statistics, got NaN");
        assertThat(net.params()).isEqualTo(before);
    }

    @Test
    void emptyDataIsRefused() {
        DataSetIterator empty = batches();
        while (empty.hasNext()) {
            empty.next();
        }
        DataSetIterator exhausted = new ListDataSetIterator<>(all.asList(), BATCH) {
            @Override
            public boolean hasNext() {
                return false;
            }
        };
        assertThatThrownBy(() -> PopulationStatistics.recompute(network(norm(), norm()), exhausted, Method.PAPER))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("expected at least one batch");
    }
}
