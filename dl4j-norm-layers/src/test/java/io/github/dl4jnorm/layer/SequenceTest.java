// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Norms between recurrent layers: step by step, in truncated pieces, behind a preprocessor. */
@Tag("vectors-first")
class SequenceTest {
    private static final int STEPS = 6;

    static Stream<NormLayer> perStepNorms() {
        return Stream.of(new BatchNormalization.Builder().build(), new LayerNormalization.Builder().build());
    }

    private static NeuralNetConfiguration.ListBuilder base() {
        return new NeuralNetConfiguration.Builder().seed(9).dataType(DataType.DOUBLE).updater(new Adam(0.01)).list();
    }

    private static MultiLayerNetwork network(NormLayer norm) {
        return network(norm, BackpropType.Standard, STEPS);
    }

    private static MultiLayerNetwork network(NormLayer norm, BackpropType type, int length) {
        MultiLayerNetwork net = new MultiLayerNetwork(base()
                .layer(new LSTM.Builder().nOut(5).activation(Activation.TANH).build())
                .layer(norm)
                .layer(new LSTM.Builder().nOut(4).activation(Activation.TANH).build())
                .layer(new RnnOutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build())
                .backpropType(type).tBPTTLength(length)
                .setInputType(InputType.recurrent(3)).build());
        net.init();
        return net;
    }

    private static INDArray random(long... shape) {
        Nd4j.getRandom().setSeed(shape.length);
        return Nd4j.rand(DataType.DOUBLE, shape);
    }

    @ParameterizedTest
    @MethodSource("perStepNorms")
    void aSequenceStepByStepGivesWhatItGivesAsAWhole(NormLayer norm) {
        MultiLayerNetwork net = network(norm);
        INDArray x = random(4, 3, STEPS);
        INDArray labels = random(4, 2, STEPS);
        for (int i = 0; i < 3; i++) {
            net.fit(x, labels);
        }
        INDArray whole = net.output(x);
        net.rnnClearPreviousState();
        for (int t = 0; t < STEPS; t++) {
            INDArray step = net.rnnTimeStep(x.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.point(t)).dup());
            INDArray expected = whole.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.point(t));
            assertThat(step.reshape(4, 2).equalsWithEps(expected.dup(), 1e-12)).as("step " + t).isTrue();
        }
    }

    @ParameterizedTest
    @MethodSource("perStepNorms")
    void truncatedBackpropagationOverTheWholeLengthEqualsStandardBackpropagation(NormLayer norm) {
        INDArray x = random(4, 3, STEPS);
        INDArray labels = random(4, 2, STEPS);
        MultiLayerNetwork standard = network(norm.clone());
        MultiLayerNetwork truncated = network(norm.clone(), BackpropType.TruncatedBPTT, STEPS);
        MultiLayerNetwork pieces = network(norm.clone(), BackpropType.TruncatedBPTT, 2);
        for (int i = 0; i < 3; i++) {
            standard.fit(x, labels);
            truncated.fit(x, labels);
            pieces.fit(x, labels);
        }
        assertThat(truncated.params().equalsWithEps(standard.params(), 1e-10)).isTrue();
        assertThat(pieces.params().isNaN().any()).isFalse();
        assertThat(pieces.score()).isLessThan(1);
    }

    /** Between dense layers of a recurrent network input is [N·T, C] and the mask [N·T, 1]. */
    @Test
    void paddingBehindAPreprocessorDoesNotEnterTheStatistics() {
        MultiLayerNetwork net = new MultiLayerNetwork(base()
                .layer(new DenseLayer.Builder().nOut(4).activation(Activation.TANH).build())
                .layer(new BatchNormalization.Builder().build())
                .layer(new RnnOutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build())
                .setInputType(InputType.recurrent(3, STEPS, RNNFormat.NCW)).build());
        net.init();
        MultiLayerNetwork padded = net.clone();
        INDArray x = random(4, 3, STEPS);
        INDArray labels = random(4, 2, STEPS);
        INDArray longer = Nd4j.valueArrayOf(new long[]{4, 3, STEPS + 3}, 7.0, DataType.DOUBLE);
        longer.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(0, STEPS)).assign(x);
        INDArray longerLabels = Nd4j.zeros(DataType.DOUBLE, 4, 2, STEPS + 3);
        longerLabels.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(0, STEPS)).assign(labels);
        INDArray mask = Nd4j.zeros(DataType.DOUBLE, 4, STEPS + 3);
        mask.get(NDArrayIndex.all(), NDArrayIndex.interval(0, STEPS)).assign(1);
        for (int i = 0; i < 3; i++) {
            net.fit(x, labels);
            padded.fit(longer, longerLabels, mask, mask);
        }
        double[] expected = ((NormalizationLayer) net.getLayer(1)).runningMean();
        double[] actual = ((NormalizationLayer) padded.getLayer(1)).runningMean();
        assertThat(actual).containsExactly(expected, org.assertj.core.api.Assertions.within(1e-10));
        assertThat(padded.getParam("1_gamma").equalsWithEps(net.getParam("1_gamma"), 1e-10)).isTrue();
    }

    @Test
    void aOneDimensionalConvolutionBeforeTheNormTrains() {
        MultiLayerNetwork net = new MultiLayerNetwork(base()
                .layer(new Convolution1DLayer.Builder(3).nOut(4).padding(1).activation(Activation.IDENTITY).build())
                .layer(new BatchNormalization.Builder().activation(Activation.RELU).build())
                .layer(new RnnOutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build())
                .setInputType(InputType.recurrent(3, STEPS)).build());
        net.init();
        INDArray x = random(4, 3, STEPS);
        INDArray labels = random(4, 2, STEPS);
        net.fit(x, labels);
        double first = net.score();
        for (int i = 0; i < 30; i++) {
            net.fit(x, labels);
        }
        assertThat(net.score()).isLessThan(first / 2);
    }
}
