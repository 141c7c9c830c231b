// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SpectralNormalization;
import java.util.List;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What is learned and what is not, counted by hand. */
@Tag("once")
class NormSummaryTest {

    /** conv 3·4 + 4, batch norm 2·4 learned and 2·4 statistics, output 4·3·3·2 + 2. */
    private static MultiLayerNetwork convolutional() {
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().list()
                .layer(new ConvolutionLayer.Builder(1, 1).nOut(4).name("conv").build())
                .layer(new BatchNormalization.Builder().name("bn").build())
                .layer(new OutputLayer.Builder().nOut(2).build())
                .setInputType(InputType.convolutional(3, 3, 3)).build());
        net.init();
        return net;
    }

    private static List<String> roles(NormSummary summary, String layer) {
        return summary.rows().stream().filter(row -> row.layer().equals(layer))
                .map(row -> row.parameter() + " " + row.shape() + " " + row.role()).toList();
    }

    @Test
    void runningStatisticsAreNotTrainable() {
        NormSummary summary = NormSummary.of(convolutional());
        assertThat(roles(summary, "bn")).containsExactly("gamma [4] LEARNED", "beta [4] LEARNED", "mean [4] STATISTIC",
                "log10stdev [4] STATISTIC");
        assertThat(summary.trainable()).isEqualTo(16 + 8 + 74);
        assertThat(summary.nonTrainable()).isEqualTo(8);
        assertThat(summary.total()).isEqualTo(convolutional().numParams());
        assertThat(summary.toString()).contains("bn", "BatchNormalization", "Total params: 106", "Trainable params: 98",
                "Non-trainable params: 8");
    }

    @Test
    void deeplearning4jsOwnBatchNormIsCountedTheSameWay() {
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().list()
                .layer(new DenseLayer.Builder().nOut(4).build())
                .layer(new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder().build())
                .layer(new OutputLayer.Builder().nOut(2).build()).setInputType(InputType.feedForward(3)).build());
        net.init();
        assertThat(NormSummary.of(net).nonTrainable()).isEqualTo(8);
    }

    @Test
    void freezingShows() {
        MultiLayerNetwork net = convolutional();
        Freeze.freezeStatistics(net);
        assertThat(roles(NormSummary.of(net), "bn")).containsExactly("gamma [4] LEARNED", "beta [4] LEARNED",
                "mean [4] FROZEN", "log10stdev [4] FROZEN");
        MultiLayerNetwork frozen = new TransferLearning.Builder(convolutional()).setFeatureExtractor(1).build();
        NormSummary summary = NormSummary.of(frozen);
        assertThat(summary.trainable()).isEqualTo(74);
        assertThat(summary.rows().stream().map(NormSummary.Row::type)).contains("ConvolutionLayer", "BatchNormalization");
    }

    @Test
    void countsAndSingularVectorsAreStatistics() {
        ComputationGraph net = new ComputationGraph(new NeuralNetConfiguration.Builder().graphBuilder().addInputs("in")
                .setInputTypes(InputType.feedForward(3))
                .addLayer("dense", new SpectralNormalization(new DenseLayer.Builder().nOut(4).build()), "in")
                .addLayer("group", new GroupNormalization.Builder(2).build(), "dense")
                .addLayer("batch", new BatchNormalization.Builder().runningStatistics(RunningStatistics.cumulative()).build(),
                        "group")
                .addLayer("out", new OutputLayer.Builder().nOut(2).build(), "batch").setOutputs("out").build());
        net.init();
        NormSummary summary = NormSummary.of(net);
        assertThat(summary.rows().get(0).type()).isEqualTo("SpectralNormalization(DenseLayer)");
        assertThat(roles(summary, "dense")).contains("W [3, 4] LEARNED", "b [4] LEARNED").anyMatch(r -> r.endsWith("STATISTIC"));
        assertThat(roles(summary, "batch")).anyMatch(r -> r.startsWith("batches") && r.endsWith("STATISTIC"));
        assertThat(summary.total()).isEqualTo(net.numParams());
        assertThat(summary.csv().lines().findFirst()).contains("layer,type,parameter,shape,role,count");
        assertThat(summary.csv()).contains("dense,SpectralNormalization(DenseLayer),W,3x4,learned,12\n");
    }
}
