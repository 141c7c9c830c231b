// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static io.github.dl4jnorm.model.Nets.assertSameOutput;
import static io.github.dl4jnorm.model.Nets.graph;
import static io.github.dl4jnorm.model.Nets.ours;
import static io.github.dl4jnorm.model.Nets.sequence;
import static io.github.dl4jnorm.model.Nets.stock;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.AdaptiveInstanceNormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.impl.ActivationTanH;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Every norm shows up in what folding says, folded if running statistics are all it uses at test time. */
@Tag("vectors-first")
@Tag("long")
class FoldedNormsTest {
    private static final double TOLERANCE = 1e-5;

    private static NormLayer made(String name, Map<String, ?> options) {
        List<Layer> layers = NormFactory.create(name, options).around(convolution());
        return layers.get(layers.size() - 1) instanceof NormLayer norm ? norm : null;
    }

    private static BaseLayer convolution() {
        return new ConvolutionLayer.Builder(3, 3).nOut(32).activation(Activation.IDENTITY).build();
    }

    /** Whether running statistics are all that a norm normalizes with at test time, not one part of several. */
    private static boolean isAffine(String name) {
        NormLayer norm = made(name, Map.of());
        return norm != null && norm.tracksStatistics() && norm.plan(4).isAffineWhenGiven();
    }

    static Stream<NormLayer> affine() {
        return Stream.concat(names().filter(FoldedNormsTest::isAffine).map(name -> made(name, Map.of("scale", true))),
                Stream.of(new GhostBatchNormalization.Builder(4).build(), new SyncBatchNormalization.Builder().build(),
                        new InstanceNormalization.Builder().trackRunningStats(true).build(),
                        new InstanceNormalization.Builder().trackRunningStats(true).affine(false).build(),
                        new InstanceNormalization.Builder().trackRunningStats(true).epsOutside(true).eps(0.1).build()));
    }

    @Test
    void thoseThatUseRunningStatisticsAloneAreKnown() {
        assertThat(names().filter(FoldedNormsTest::isAffine)).contains("batch", "ghost", "renorm", "mean-only")
                .doesNotContain("evonorm-b0", "switchable", "instance", "group");
    }

    @ParameterizedTest
    @MethodSource("affine")
    void aNormThatUsesRunningStatisticsAloneIsFolded(NormLayer norm) {
        NormLayer acting = norm.clone();
        acting.setActivationFn(new ActivationTanH());
        for (Linear linear : List.of(Linear.SEQUENCE, Linear.CNN, Linear.CNN_LAST, Linear.VOLUME)) {
            Layer behind = linear.layer(true, ConvolutionMode.Truncate);
            Layer[] before = {linear.layer(false, ConvolutionMode.Same), acting.clone()};
            Layer[] after = {norm.clone(), behind};
            for (Layer[] layers : List.of(before, after)) {
                for (Model net : List.of(sequence(linear.type(), layers), graph(linear.type(), layers))) {
                    var result = BatchNormFolding.fold(net, MaskUse.NEVER);
                    assertThat(result.folded()).as("%s", result).isEqualTo(1);
                    assertSameOutput(result.net(), net, linear.input(), TOLERANCE);
                }
            }
        }
    }

    static Stream<String> names() {
        return NormFactory.names().stream();
    }

    @ParameterizedTest
    @MethodSource("names")
    void everyNormOfTheFactoryIsFoldedOrLeftWithAReason(String name) {
        Layer[] layers = NormFactory.create(name).around(convolution()).toArray(Layer[]::new);
        MultiLayerNetwork net = sequence(Linear.CNN.type(), layers);
        for (Model model : List.of(net, frozen(net), graph(Linear.CNN.type(), layers))) {
            var result = BatchNormFolding.fold(model);
            assertThat(result.outcomes()).as(name).hasSize(1);
            String reason = result.outcomes().get(0).reason();
            if (isAffine(name)) {
                assertThat(reason).isNull();
            } else if (layers.length == 1) {
                assertThat(reason).contains("WeightFusion.fuse");
            } else {
                assertThat(reason).isEqualTo("it computes statistics from the input, even in test mode");
            }
            assertSameOutput(result.net(), model, Linear.CNN.input(), TOLERANCE);
        }
    }

    private static MultiLayerNetwork frozen(MultiLayerNetwork net) {
        MultiLayerNetwork copy = net.clone();
        return new TransferLearning.Builder(copy).setFeatureExtractor(net.getnLayers() - 1).build();
    }

    @Test
    void normsThatAreNoLayersOrInsideOfOneAreNamed() {
        ComputationGraph styled = graph(Nets.base().graphBuilder().addInputs("in", "style")
                .setInputTypes(Linear.CNN.type(), Linear.CNN.type())
                .addVertex("adain", new AdaptiveInstanceNormalization(), "in", "style").setOutputs("adain"));
        assertThat(BatchNormFolding.fold(styled).summary())
                .isEqualTo("adain: kept because its scale and shift depend on another input\n0 of 1 norms folded");
        MultiLayerNetwork recurrent = sequence(InputType.recurrent(3, 5),
                new LayerNormLSTM.Builder().nOut(4).activation(Activation.TANH).build(),
                new RnnOutputLayer.Builder(LossFunction.MSE).nOut(2).build());
        MultiLayerNetwork last = sequence(InputType.recurrent(3, 5),
                new LastTimeStep(new LayerNormLSTM.Builder().nOut(4).activation(Activation.TANH).build()),
                new OutputLayer.Builder(LossFunction.MSE).nOut(2).build());
        for (MultiLayerNetwork net : List.of(recurrent, last)) {
            assertThat(BatchNormFolding.fold(net).outcomes()).singleElement()
                    .satisfies(outcome -> assertThat(outcome.reason()).contains("inside the recurrence"));
        }
    }

    @Test
    void aNetworkWithoutNormsSaysThatThereAreNone() {
        MultiLayerNetwork net = sequence(Linear.DENSE.type(), Linear.DENSE.layer(true, null));
        var folded = BatchNormFolding.fold(net);
        assertThat(folded.outcomes()).isEmpty();
        assertThat(folded.toString()).isEqualTo("nothing to fold: the network has no normalization layers");
        var replaced = NormReplacement.replaceWithReport(net, NormRules.batchToGroup(2));
        assertThat(replaced.outcomes()).isEmpty();
        assertThat(replaced.toString()).isEqualTo("nothing to replace: the network has no normalization layers");
    }

    @Test
    void aRuleThatFitsNoNormSaysSo() {
        List<Layer> layers = new ArrayList<>(List.of(Linear.DENSE.layer(true, null), stock().build(), ours().build()));
        MultiLayerNetwork net = sequence(Linear.DENSE.type(), layers.toArray(Layer[]::new));
        assertThat(NormReplacement.replaceWithReport(net, NormRules.synchronizedToBatch()).summary()).isEqualTo(
                "layer1: kept because the rule has no replacement for BatchNormalization\n"
                        + "layer2: kept because the rule has no replacement for BatchNormalization\n0 of 2 norms replaced");
        var result = NormReplacement.replaceWithReport(net, NormRules.batchToGroup(2));
        assertThat(result.replaced()).isEqualTo(2);
        assertThat(result.net().getLayer(1).conf().getLayer()).isInstanceOf(NormLayer.class);
        assertThat(result.summary()).startsWith("layer1: BatchNormalization -> GroupNormalization\n")
                .endsWith("2 of 2 norms replaced");
    }
}
