// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static io.github.dl4jnorm.model.Nets.assertSameOutput;
import static io.github.dl4jnorm.model.Nets.graph;
import static io.github.dl4jnorm.model.Nets.ours;
import static io.github.dl4jnorm.model.Nets.sequence;
import static io.github.dl4jnorm.model.Nets.stock;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Folding leaves outputs as they are, folds what can be folded and says why of all else. */
@Tag("vectors-first")
class BatchNormFoldingTest {
    private static final double TOLERANCE = 1e-5;

    static Stream<Arguments> linearLayers() {
        return Stream.of(Linear.values()).flatMap(linear -> Stream.of(true, false)
                .map(bias -> Arguments.of(linear, bias)));
    }

    @ParameterizedTest
    @MethodSource("linearLayers")
    void aNormGoesIntoTheLayerBeforeIt(Linear linear, boolean bias) {
        Layer[] layers = {linear.layer(bias, ConvolutionMode.Same), ours().activation(Activation.TANH).build()};
        for (Model net : List.of(sequence(linear.type(), layers), graph(linear.type(), layers))) {
            var result = BatchNormFolding.fold(net);
            assertThat(result.folded()).isEqualTo(1);
            assertSameOutput(result.net(), net, linear.input(), TOLERANCE);
            // gamma, beta, mean and variance are gone, a bias may have come.
            assertThat(result.net().numParams()).isEqualTo(net.numParams() - 4L * linear.nOut()
                    + (bias ? 0 : linear.nOut()));
        }
    }

    @ParameterizedTest
    @MethodSource("linearLayers")
    void aNormGoesIntoTheLayerBehindItThatDoesNotPad(Linear linear, boolean bias) {
        Layer[] layers = {ours().build(), linear.layer(bias, ConvolutionMode.Truncate)};
        for (Model net : List.of(sequence(linear.type(), layers), graph(linear.type(), layers))) {
            var result = BatchNormFolding.fold(net, MaskUse.NEVER);
            if (linear.isDeconvolution()) {
                assertThat(result.outcomes().get(0).reason()).contains("sums a different number of inputs at each position");
            } else {
                assertThat(result.folded()).as("%s", result.outcomes()).isEqualTo(1);
            }
            assertSameOutput(result.net(), net, linear.input(), TOLERANCE);
        }
    }

    @ParameterizedTest
    @MethodSource("linearLayers")
    void aPaddedConvolutionBehindItLeavesTheNorm(Linear linear, boolean bias) {
        Layer[] layers = {ours().build(), linear.layer(bias, ConvolutionMode.Same)};
        MultiLayerNetwork net = sequence(linear.type(), layers);
        var result = BatchNormFolding.fold(net);
        assertThat(result.folded()).isEqualTo(linear == Linear.DENSE ? 1 : 0);
        assertSameOutput(result.net(), net, linear.input(), TOLERANCE);
    }

    @Test
    void deeplearning4jsNormIsFoldedInAllItsForms() {
        INDArray x = Linear.CNN.input();
        for (Layer norm : List.of(stock().build(), stock().useLogStd(false).eps(1e-3).build(),
                stock().lockGammaBeta(true).gamma(2).beta(3).build(), stock().lockGammaBeta(true).gamma(2).build(),
                stock().activation(Activation.TANH).build())) {
            MultiLayerNetwork net = sequence(Linear.CNN.type(), Linear.CNN.layer(true, ConvolutionMode.Same), norm);
            var result = BatchNormFolding.fold(net);
            assertThat(result.folded()).isEqualTo(1);
            assertSameOutput(result.net(), net, x, TOLERANCE);
        }
    }

    @Test
    void deeplearning4jsNormOnSequencesIsLeft() {
        MultiLayerNetwork net = sequence(Linear.SEQUENCE.type(), Linear.SEQUENCE.layer(true, ConvolutionMode.Same),
                stock().build());
        assertThat(BatchNormFolding.fold(net).outcomes().get(0).reason()).contains("replace it first");
    }

    @Test
    void normsInARowAreFoldedOneAfterTheOther() {
        MultiLayerNetwork net = sequence(Linear.CNN.type(), ours().build(), ours().build(),
                Linear.CNN.layer(false, ConvolutionMode.Truncate), ours().build(), ours().activation(Activation.RELU).build(),
                ours().build(), Linear.CNN.layer(true, ConvolutionMode.Truncate));
        var result = BatchNormFolding.fold(net);
        // The first has a norm behind it, the second goes into the convolution.
        assertThat(result.outcomes()).extracting(BatchNormFolding.Outcome::folded)
                .containsExactly(false, true, true, true, true);
        assertThat(result.net().getnLayers()).isEqualTo(3);
        assertSameOutput(result.net(), net, Linear.CNN.input(), TOLERANCE);
    }

    @Test
    void frozenLayersAreFoldedToo() {
        Layer[] layers = {Linear.CNN.layer(true, ConvolutionMode.Same), ours().build(),
            Linear.CNN.layer(true, ConvolutionMode.Same), new FrozenLayerWithBackprop(ours().build()),
            new OutputLayer.Builder(LossFunction.MSE).nOut(3).build()};
        for (Model net : List.of(
                new TransferLearning.Builder(sequence(Linear.CNN.type(), layers)).setFeatureExtractor(1).build(),
                new TransferLearning.GraphBuilder(graph(Linear.CNN.type(), layers)).setFeatureExtractor("l1").build())) {
            var result = BatchNormFolding.fold(net);
            assertThat(result.folded()).isEqualTo(2);
            assertSameOutput(result.net(), net, Linear.CNN.input(), TOLERANCE);
            org.deeplearning4j.nn.api.Layer first = result.net() instanceof MultiLayerNetwork sequence
                    ? sequence.getLayer(0) : ((ComputationGraph) result.net()).getLayer("l0");
            assertThat(first).isInstanceOf(org.deeplearning4j.nn.layers.FrozenLayer.class);
        }
    }

    @Test
    void whatCannotBeFoldedIsLeftAndExplained() {
        Layer conv = new ConvolutionLayer.Builder(3, 3).nOut(4).activation(Activation.RELU).build();
        Layer plain = new ConvolutionLayer.Builder(3, 3).nOut(4).padding(1, 1).build();
        assertReason("ConvolutionLayer \"layer0\" applies the activation relu; it precedes ActivationLayer", conv,
                ours().build(), new ActivationLayer.Builder().activation(Activation.TANH).build());
        assertReason("it follows ActivationLayer \"layer0\", which is not a dense layer or convolution; ConvolutionLayer "
                + "\"layer2\" pads", new ActivationLayer.Builder().activation(Activation.TANH).build(), ours().build(), plain);
        assertReason("its activation relu comes before",
                new ActivationLayer.Builder().activation(Activation.TANH).build(), ours().activation(Activation.RELU).build(),
                conv.clone());
        assertReason("a CnnToFeedForwardPreProcessor is between it and DenseLayer \"layer2\"", conv.clone(),
                ours().build(), new DenseLayer.Builder().nOut(3).build());
        assertReason("applies layer norm itself", new DenseLayer.Builder().nOut(3).hasLayerNorm(true).build(),
                ours().build(), new ActivationLayer.Builder().activation(Activation.TANH).build());
    }

    private static void assertReason(String reason, Layer... layers) {
        MultiLayerNetwork net = sequence(Linear.CNN.type(), layers);
        var result = BatchNormFolding.fold(net);
        assertThat(result.outcomes()).singleElement().satisfies(outcome -> {
            assertThat(outcome.folded()).isFalse();
            assertThat(outcome.norm()).isEqualTo("layer1");
            assertThat(outcome.toString()).startsWith("layer1: kept because ").contains(reason);
        });
        Nets.assertSameParams(result.net().paramTable(), net.paramTable());
    }

    @Test
    void aConvolutionWithOtherConsumersKeepsItsOutput() {
        Layer conv = new ConvolutionLayer.Builder(1, 1).nOut(2).build();
        ComputationGraph net = graph(Nets.base().graphBuilder().addInputs("in").setInputTypes(Linear.CNN.type())
                .addLayer("conv", conv, "in")
                .addLayer("norm", ours().activation(Activation.TANH).build(), "conv")
                .addVertex("sum", new org.deeplearning4j.nn.conf.graph.ElementWiseVertex(
                        org.deeplearning4j.nn.conf.graph.ElementWiseVertex.Op.Add), "conv", "norm")
                .setOutputs("sum"));
        var result = BatchNormFolding.fold(net);
        assertThat(result.outcomes().get(0).reason())
                .isEqualTo("the output of ConvolutionLayer \"conv\" has other consumers; "
                        + "no single layer follows it");
        assertSameOutput(result.net(), net, Linear.CNN.input(), TOLERANCE);
    }

    @Test
    void aNormThatIsAnOutputGivesItsPlaceToTheConvolution() {
        ComputationGraph net = graph(Nets.base().graphBuilder().addInputs("in").setInputTypes(Linear.CNN.type())
                .addLayer("a", Linear.CNN.layer(true, ConvolutionMode.Same), "in")
                .addLayer("norm a", ours().build(), "a")
                .addLayer("b", Linear.CNN.layer(true, ConvolutionMode.Truncate), "norm a")
                .setOutputs("b", "norm a"));
        var result = BatchNormFolding.fold(net);
        assertThat(result.net().getConfiguration().getNetworkOutputs()).containsExactly("b", "a");
        INDArray[] right = net.output(Linear.CNN.input());
        INDArray[] found = result.net().output(Linear.CNN.input());
        for (int i = 0; i < 2; i++) {
            assertThat(found[i].sub(right[i]).amaxNumber().doubleValue()).isLessThan(TOLERANCE
                    * right[i].amaxNumber().doubleValue());
        }
    }

    @Test
    void theOriginalStaysAsItIsAndTheCopyIsSavedAndLoaded() throws IOException {
        MultiLayerNetwork net = sequence(Linear.CNN.type(), Linear.CNN.layer(false, ConvolutionMode.Same), ours().build(),
                new OutputLayer.Builder(LossFunction.MSE).nOut(3).build());
        INDArray before = net.params().dup();
        String configuration = net.getLayerWiseConfigurations().toJson();
        MultiLayerNetwork folded = BatchNormFolding.fold(net).net();
        assertThat(net.params()).isEqualTo(before);
        assertThat(net.getLayerWiseConfigurations().toJson()).isEqualTo(configuration);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ModelSerializer.writeModel(folded, bytes, true);
        MultiLayerNetwork loaded = ModelSerializer.restoreMultiLayerNetwork(new ByteArrayInputStream(bytes.toByteArray()));
        assertSameOutput(loaded, net, Linear.CNN.input(), TOLERANCE);
        assertThat(folded.getLayer(0).conf().variables()).containsExactly("W", "b");
    }

    @Test
    void aNormWhoseWeightsWouldOverflowIsLeft() {
        MultiLayerNetwork net = new MultiLayerNetwork(Nets.base().dataType(DataType.HALF).list()
                .layer(new DenseLayer.Builder().nOut(2).build()).layer(ours().build())
                .layer(new ActivationLayer.Builder().activation(Activation.TANH).build())
                .setInputType(InputType.feedForward(3)).build());
        net.init();
        net.getParam("0_W").assign(1000);
        net.getParam("1_gamma").assign(1000);
        assertThat(BatchNormFolding.fold(net).outcomes().get(0).reason()).contains("would overflow");
        assertThat(BatchNormFolding.fold(net).net().params()).isEqualTo(net.params());
    }

    @Test
    void foldingLeavesTheRandomNumbersOfNd4jAlone() {
        MultiLayerNetwork net = sequence(Linear.DENSE.type(), Linear.DENSE.layer(true, null), ours().build());
        Nd4j.getRandom().setSeed(5);
        INDArray expected = Nd4j.rand(DataType.FLOAT, 4);
        Nd4j.getRandom().setSeed(5);
        BatchNormFolding.fold(net);
        assertThat(Nd4j.rand(DataType.FLOAT, 4)).isEqualTo(expected);
    }

    @Test
    void anotherKindOfModelIsRefused() {
        Model layer = sequence(Linear.DENSE.type(), Linear.DENSE.layer(true, null)).getLayer(0);
        assertThatThrownBy(() -> BatchNormFolding.fold(layer)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected a MultiLayerNetwork or a ComputationGraph, got");
    }
}
