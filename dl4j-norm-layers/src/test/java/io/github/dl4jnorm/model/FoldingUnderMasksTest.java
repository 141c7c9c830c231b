// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static io.github.dl4jnorm.model.Nets.graph;
import static io.github.dl4jnorm.model.Nets.ours;
import static io.github.dl4jnorm.model.Nets.sequence;
import static io.github.dl4jnorm.model.Nets.stock;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.GroupNormalization;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.Convolution1D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.Subsampling1DLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
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

/** A folded network gives what the original gives for masked batches, too: a norm that is needed for its zeros stays. */
@Tag("vectors-first")
@Tag("long")
class FoldingUnderMasksTest {
    private static final double TOLERANCE = 1e-5;
    private static final int TIMES = 8;

    /** Layers around a norm, in front of masked pooling: what comes out depends on positions that count alone. */
    private static Layer[] pooled(Layer... layers) {
        List<Layer> all = new ArrayList<>(Arrays.asList(layers));
        all.add(new GlobalPoolingLayer.Builder(PoolingType.AVG).build());
        all.add(new OutputLayer.Builder(LossFunction.MSE).nOut(2).build());
        return all.toArray(Layer[]::new);
    }

    private static Layer temporal(int kernel) {
        return new Convolution1D.Builder(kernel).nOut(4).convolutionMode(ConvolutionMode.Same).build();
    }

    private static ConvolutionLayer spatial(int kernel) {
        return new ConvolutionLayer.Builder(kernel, kernel).nOut(4).convolutionMode(ConvolutionMode.Same).build();
    }

    private static Layer lstm() {
        return new LSTM.Builder().nOut(4).activation(Activation.TANH).build();
    }

    static Stream<Arguments> sequences() {
        return Stream.of(
                Arguments.of("convolution behind", false, pooled(temporal(3), ours().build(), temporal(3))),
                Arguments.of("activation, then convolution", false, pooled(temporal(3), ours().build(),
                        new ActivationLayer(Activation.TANH), temporal(3))),
                Arguments.of("pointwise, then convolution", false, pooled(temporal(3), ours().build(), temporal(1),
                        temporal(3))),
                Arguments.of("into the convolution behind", false, pooled(new ActivationLayer(Activation.TANH),
                        ours().build(), new Convolution1D.Builder(3).nOut(4).convolutionMode(ConvolutionMode.Truncate).build())),
                Arguments.of("recurrent layer", false, pooled(temporal(3), ours().activation(Activation.RELU).build(), lstm())),
                Arguments.of("average pooling", false, pooled(temporal(3), ours().build(),
                        new Subsampling1DLayer.Builder(Subsampling1DLayer.PoolingType.AVG, 2, 2).build())),
                Arguments.of("pointwise convolution", true, pooled(temporal(3), ours().build(), temporal(1))),
                Arguments.of("global pooling", true, pooled(temporal(3), ours().build())),
                Arguments.of("into a pointwise convolution", true, pooled(new ActivationLayer(Activation.TANH),
                        ours().build(), temporal(1))),
                Arguments.of("another norm, then convolution", true, pooled(temporal(3), ours().build(),
                        new GroupNormalization.Builder(2).build(), temporal(3))),
                Arguments.of("dense, then recurrent", true, pooled(new DenseLayer.Builder().nOut(4).build(), ours().build(),
                        lstm())));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("sequences")
    void aMaskedSequenceGivesTheSameFoldedOrNot(String what, boolean folds, Layer[] layers) {
        InputType type = InputType.recurrent(3, TIMES);
        for (Model net : List.of(sequence(type, layers), graph(type, layers))) {
            var result = BatchNormFolding.fold(net);
            assertThat(result.folded()).as("%s", result).isEqualTo(folds ? 1 : 0);
            assertThat(deviation(net, result.net(), steps(), stepMask())).isLessThan(TOLERANCE);
            if (!folds) {
                assertThat(result.outcomes().get(0).reason())
                        .contains(" needs the zeros that the norm writes to masked timesteps; ")
                        .endsWith("MaskUse.NEVER");
                var anyway = BatchNormFolding.fold(net, MaskUse.NEVER);
                assertThat(anyway.folded()).isEqualTo(1);
                assertThat(deviation(net, anyway.net(), steps(), null)).as("without a mask").isLessThan(TOLERANCE);
                assertThat(deviation(net, anyway.net(), steps(), stepMask())).as("with one").isGreaterThan(1e-3);
            }
        }
    }

    @Test
    void aBidirectionalLayerBehindLeavesTheNorm() {
        MultiLayerNetwork net = sequence(InputType.recurrent(3, TIMES), pooled(temporal(3), ours().build(),
                new Bidirectional(Bidirectional.Mode.CONCAT, new LSTM.Builder().nOut(4).activation(Activation.TANH).build())));
        var result = BatchNormFolding.fold(net);
        assertThat(result.outcomes().get(0).reason()).startsWith("Bidirectional ").contains(" needs the zeros ");
        assertThat(deviation(net, result.net(), steps(), stepMask())).isLessThan(TOLERANCE);
    }

    static Stream<Arguments> images() {
        return Stream.of(
                Arguments.of("convolution behind", false, pooled(spatial(3), ours().build(), spatial(3))),
                Arguments.of("average pooling", false, pooled(spatial(3), ours().build(),
                        new SubsamplingLayer.Builder(SubsamplingLayer.PoolingType.AVG, new int[]{2, 2}, new int[]{2, 2})
                                .build())),
                Arguments.of("pointwise", true, pooled(spatial(3), ours().activation(Activation.RELU).build(), spatial(1))),
                Arguments.of("global pooling", true, pooled(spatial(3), ours().build())),
                Arguments.of("Deeplearning4j's norm, convolution", true, pooled(spatial(3), stock().build(), spatial(3))));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("images")
    void aMaskedImageGivesTheSameIfMasksWereSaidToBeUsed(String what, boolean folds, Layer[] layers) {
        InputType type = InputType.convolutional(6, 5, 3);
        for (Model net : List.of(sequence(type, layers), graph(type, layers))) {
            var result = BatchNormFolding.fold(net, MaskUse.EVERYTHING);
            assertThat(result.folded()).as("%s", result).isEqualTo(folds ? 1 : 0);
            assertThat(deviation(net, result.net(), pixels(), pixelMask())).isLessThan(TOLERANCE);
            var without = BatchNormFolding.fold(net);
            assertThat(without.folded()).isEqualTo(1);
            assertThat(deviation(net, without.net(), pixels(), null)).isLessThan(TOLERANCE);
            if (!folds) {
                assertThat(result.outcomes().get(0).reason())
                        .contains(" needs the zeros that the norm writes to masked pixels; ")
                        .endsWith("MaskUse.SEQUENCES");
                assertThat(deviation(net, without.net(), pixels(), pixelMask())).as("with a mask").isGreaterThan(1e-3);
            }
        }
    }

    @Test
    void aResidualBlockOfImagesIsFoldedAndOneOfSequencesIsNot() {
        for (boolean images : new boolean[]{true, false}) {
            ComputationGraph net = graph(Nets.base().graphBuilder().addInputs("in")
                    .setInputTypes(images ? InputType.convolutional(6, 5, 4) : InputType.recurrent(4, TIMES))
                    .addLayer("conv", images ? spatial(3) : temporal(3), "in")
                    .addLayer("norm", ours().build(), "conv")
                    .addVertex("sum", new org.deeplearning4j.nn.conf.graph.ElementWiseVertex(
                            org.deeplearning4j.nn.conf.graph.ElementWiseVertex.Op.Add), "norm", "in")
                    .addLayer("pool", new GlobalPoolingLayer.Builder(PoolingType.AVG).build(), "sum")
                    .addLayer("out", new OutputLayer.Builder(LossFunction.MSE).nOut(2).build(), "pool").setOutputs("out"));
            assertThat(BatchNormFolding.fold(net).folded()).isEqualTo(images ? 1 : 0);
            assertThat(BatchNormFolding.fold(net, MaskUse.NEVER).folded()).isEqualTo(1);
        }
    }

    /** The new norm ignores what is masked, Deeplearning4j's does not: the rule keeps outputs without masks. */
    @Test
    void deeplearning4jsNormReplacedGivesTheSameWithoutMasksAndZerosUnderOne() {
        MultiLayerNetwork net = sequence(InputType.convolutional(6, 5, 3), spatial(3), stock().build(), spatial(3));
        MultiLayerNetwork replaced = NormReplacement.replace(net, NormRules.batchToBatch());
        assertThat(deviation(net, replaced, pixels(), null)).isLessThan(TOLERANCE);
        assertThat(deviation(net, replaced, pixels(), pixelMask())).as("masked, behind a convolution").isGreaterThan(1e-3);

        net.setLayerMaskArrays(pixelMask(), null);
        replaced.setLayerMaskArrays(pixelMask(), null);
        INDArray before = net.feedForwardToLayer(1, pixels(), false).get(2);
        INDArray after = replaced.feedForwardToLayer(1, pixels(), false).get(2);
        INDArray keep = pixelMask().broadcast(before.shape());
        assertThat(after.sub(before.mul(keep)).amaxNumber().doubleValue()).as("the norm itself").isLessThan(TOLERANCE);
    }

    private static INDArray steps() {
        Nd4j.getRandom().setSeed(3);
        return Nd4j.randn(DataType.FLOAT, 2, 3, TIMES);
    }

    /** One sequence padded behind, one in front. */
    private static INDArray stepMask() {
        return Nd4j.createFromArray(new float[][]{{1, 1, 1, 1, 1, 0, 0, 0}, {0, 0, 0, 1, 1, 1, 1, 1}});
    }

    private static INDArray pixels() {
        Nd4j.getRandom().setSeed(5);
        return Nd4j.randn(DataType.FLOAT, 2, 3, 6, 5);
    }

    private static INDArray pixelMask() {
        INDArray mask = Nd4j.ones(DataType.FLOAT, 2, 1, 6, 5);
        for (int h = 3; h < 6; h++) {
            for (int w = 0; w < 5; w++) {
                mask.putScalar(0, 0, h, w, 0);
            }
        }
        return mask;
    }

    /** An activation layer writes into what it is given. */
    private static INDArray output(Model net, INDArray x, INDArray mask) {
        return net instanceof MultiLayerNetwork sequence ? sequence.output(x.dup(), false, mask, null)
                : ((ComputationGraph) net).output(false, new INDArray[]{x.dup()}, mask == null ? null : new INDArray[]{mask},
                        null)[0];
    }

    private static double deviation(Model expected, Model actual, INDArray x, INDArray mask) {
        INDArray right = output(expected, x, mask);
        double scale = right.amaxNumber().doubleValue();
        assertThat(scale).as("outputs say something").isGreaterThan(1e-3).isFinite();
        return output(actual, x, mask).sub(right).amaxNumber().doubleValue() / scale;
    }
}
