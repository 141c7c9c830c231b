// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import java.util.List;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.preprocessor.CnnToFeedForwardPreProcessor;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.nn.weights.WeightInit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * How far {@code nOutReplace} of a layer before a norm goes: Deeplearning4j changes the norm, which is the next layer, and
 * nothing behind it.
 */
@Tag("once")
class TransferLearningLimitsTest {
    private static final int SIDE = 5;
    private static final int MORE = 6;

    private static MultiLayerNetwork net(InputType type, Layer... layers) {
        return TestNetwork.of(false, TestNetwork.Setup.FLOAT, type, List.of(layers)).sequence();
    }

    private static MultiLayerNetwork convolution() {
        return net(InputType.convolutional(SIDE + 1, SIDE + 1, 2),
                new ConvolutionLayer.Builder(2, 2).nOut(4).activation(Activation.IDENTITY).build(),
                new BatchNormalization.Builder().build(),
                new DenseLayer.Builder().nOut(5).activation(Activation.TANH).build(),
                new OutputLayer.Builder(LossFunction.MCXENT).nOut(3).activation(Activation.SOFTMAX).build());
    }

    private static TransferLearning.Builder changing(MultiLayerNetwork net) {
        return new TransferLearning.Builder(net)
                .fineTuneConfiguration(new FineTuneConfiguration.Builder().updater(new Sgd(0.1)).build())
                .nOutReplace(0, MORE, WeightInit.XAVIER);
    }

    private static INDArray images() {
        return Nd4j.rand(DataType.FLOAT, 3, 2, SIDE + 1, SIDE + 1);
    }

    @Test
    void betweenDenseLayersTheInputsOfTheLayerBehindTheNormAreReplacedToo() {
        MultiLayerNetwork net = net(InputType.feedForward(3), new DenseLayer.Builder().nOut(4).activation(Activation.IDENTITY)
                .build(), new BatchNormalization.Builder().build(),
                new OutputLayer.Builder(LossFunction.MCXENT).nOut(3).activation(Activation.SOFTMAX).build());
        MultiLayerNetwork changed = changing(net).nInReplace(2, MORE, WeightInit.XAVIER).build();
        assertThat(((NormLayer) changed.getLayer(1).conf().getLayer()).getNIn()).isEqualTo(MORE);
        changed.fit(Nd4j.rand(DataType.FLOAT, 4, 3), Kind.oneHot(4).castTo(DataType.FLOAT));
        assertThat(changed.output(Nd4j.rand(DataType.FLOAT, 4, 3)).shape()).containsExactly(4, 3);
        // Without it the network is built, and fails when it is used.
        assertThatThrownBy(() -> changing(net).build().output(Nd4j.rand(DataType.FLOAT, 4, 3)));
    }

    /** What flattens images knows the old number of channels: it has to be replaced, and so has the number of inputs. */
    @Test
    void betweenConvolutionAndDenseLayerThePreprocessorIsReplacedToo() {
        int inputs = MORE * SIDE * SIDE;
        assertThatThrownBy(() -> changing(convolution()).build().output(images()));
        assertThatThrownBy(() -> changing(convolution()).nInReplace(2, inputs, WeightInit.XAVIER).build().output(images()));
        MultiLayerNetwork changed = changing(convolution()).nInReplace(2, inputs, WeightInit.XAVIER)
                .setInputPreProcessor(2, new CnnToFeedForwardPreProcessor(SIDE, SIDE, MORE)).build();
        changed.fit(images(), Kind.oneHot(3).castTo(DataType.FLOAT));
        assertThat(changed.output(images()).shape()).containsExactly(3, 3);
        assertThat(TestNetwork.isFinite(changed.output(images()))).isTrue();
    }

    @Test
    void inAGraphTheDenseLayerIsAddedAnew() {
        ComputationGraph net = new ComputationGraph(new NeuralNetConfiguration.Builder().graphBuilder().addInputs("in")
                .addLayer("conv", new ConvolutionLayer.Builder(2, 2).nOut(4).activation(Activation.IDENTITY).build(), "in")
                .addLayer("norm", new BatchNormalization.Builder().build(), "conv")
                .addLayer("dense", new DenseLayer.Builder().nOut(5).activation(Activation.TANH).build(), "norm")
                .addLayer("out", new OutputLayer.Builder(LossFunction.MCXENT).nOut(3).activation(Activation.SOFTMAX).build(),
                        "dense")
                .setOutputs("out").setInputTypes(InputType.convolutional(SIDE + 1, SIDE + 1, 2)).build());
        net.init();
        ComputationGraph changed = new TransferLearning.GraphBuilder(net)
                .fineTuneConfiguration(new FineTuneConfiguration.Builder().updater(new Sgd(0.1)).build())
                .nOutReplace("conv", MORE, WeightInit.XAVIER)
                .removeVertexKeepConnections("dense")
                .addLayer("dense", new DenseLayer.Builder().nIn(MORE * SIDE * SIDE).nOut(5).activation(Activation.TANH).build(),
                        new CnnToFeedForwardPreProcessor(SIDE, SIDE, MORE), "norm").build();
        assertThat(changed.outputSingle(images()).shape()).containsExactly(3, 3);
        assertThat(changed.getLayer("out").params()).isEqualTo(net.getLayer("out").params());
    }

    /** The limit is Deeplearning4j's: without a norm it is the same. */
    @Test
    void withoutANormAConvolutionBeforeADenseLayerHasTheSameLimit() {
        MultiLayerNetwork plain = net(InputType.convolutional(SIDE + 1, SIDE + 1, 2),
                new ConvolutionLayer.Builder(2, 2).nOut(4).activation(Activation.IDENTITY).build(),
                new OutputLayer.Builder(LossFunction.MCXENT).nOut(3).activation(Activation.SOFTMAX).build());
        assertThatThrownBy(() -> changing(plain).build().output(images()));
    }
}
