// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.layer.Inside.Wrapper;
import io.github.dl4jnorm.model.WeightFusion;
import java.util.List;
import java.util.Set;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Computed weights of the layers at both ends of a network: output layers, and embeddings. */
@Tag("vectors-first")
class ReparameterizedOutputTest {
    private static final DataType DEFAULT = Nd4j.defaultFloatingPointType();
    private static final int WORDS = 5;
    private static final int STEPS = 3;
    private static final Set<String> STATE = Set.of("0_Wu", "0_Wv", "1_Wu", "1_Wv", "out_Wu", "out_Wv");

    @BeforeAll
    static void useDouble() {
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
    }

    @AfterAll
    static void useDefault() {
        Nd4j.setDefaultDataTypes(DEFAULT, DEFAULT);
    }

    private static Layer wrapped(Wrapper wrapper, Layer layer) {
        return wrapper == Wrapper.SPECTRAL ? new SpectralNormalization.Builder(layer).warmUp(2000).build()
                : wrapper.around(layer);
    }

    private static OutputLayer output() {
        return new OutputLayer.Builder(LossFunction.MCXENT).nOut(Inside.CLASSES).activation(Activation.SOFTMAX).biasInit(0.1)
                .l2(0.02).build();
    }

    private static DenseLayer dense() {
        return new DenseLayer.Builder().nOut(4).activation(Activation.TANH).build();
    }

    private static MultiLayerNetwork net(IUpdater updater, InputType type, Layer... layers) {
        NeuralNetConfiguration.ListBuilder list = Inside.base(DataType.DOUBLE, updater).list();
        List.of(layers).forEach(list::layer);
        MultiLayerNetwork net = new MultiLayerNetwork(list.setInputType(type).build());
        net.init();
        return net;
    }

    private static INDArray words(long... shape) {
        INDArray words = Nd4j.create(DataType.DOUBLE, shape);
        for (int i = 0; i < words.length(); i++) {
            words.putScalar(i, (2 * i + i / 3) % WORDS);
        }
        return words;
    }

    private static void assertRight(MultiLayerNetwork net, INDArray x, INDArray labels, INDArray mask) {
        assertThat(GradientCheckUtil.checkGradients(new GradientCheckUtil.MLNConfig().net(net).input(x).labels(labels)
                .labelMask(mask).excludeParams(STATE))).isTrue();
    }

    @ParameterizedTest
    @EnumSource(Wrapper.class)
    void gradientsOfOutputLayersAreRight(Wrapper wrapper) {
        INDArray x = Inside.drawn(DataType.DOUBLE, 3, Inside.IN);
        MultiLayerNetwork net = net(new NoOp(), InputType.feedForward(Inside.IN), dense(), wrapped(wrapper, output()));
        assertRight(net, x, Inside.labels(3, DataType.DOUBLE), null);
        ComputationGraph graph = new ComputationGraph(Inside.base(DataType.DOUBLE, new NoOp()).graphBuilder().addInputs("in")
                .setInputTypes(InputType.feedForward(Inside.IN)).addLayer("dense", dense(), "in")
                .addLayer("out", wrapped(wrapper, output()), "dense").setOutputs("out").build());
        graph.init();
        assertThat(GradientCheckUtil.checkGradients(new GradientCheckUtil.GraphConfig().net(graph).inputs(new INDArray[]{x})
                .labels(new INDArray[]{Inside.labels(3, DataType.DOUBLE)}).excludeParams(STATE))).isTrue();
    }

    @ParameterizedTest
    @EnumSource(Wrapper.class)
    @Tag("full")
    void gradientsOfOutputLayersOfSequencesAreRight(Wrapper wrapper) {
        Layer output = new RnnOutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.TANH).build();
        INDArray mask = Nd4j.ones(DataType.DOUBLE, 2, STEPS);
        mask.putScalar(1, 2, 0);
        assertRight(net(new NoOp(), InputType.recurrent(Inside.IN, STEPS), new LSTM.Builder().nOut(4)
                        .activation(Activation.TANH).build(), wrapped(wrapper, output)),
                Inside.drawn(DataType.DOUBLE, 2, Inside.IN, STEPS), Inside.drawn(DataType.DOUBLE, 2, 2, STEPS), mask);
    }

    @ParameterizedTest
    @EnumSource(Wrapper.class)
    void gradientsOfEmbeddingsAreRight(Wrapper wrapper) {
        Layer word = new EmbeddingLayer.Builder().nIn(WORDS).nOut(4).activation(Activation.TANH).hasBias(true).build();
        assertRight(net(new NoOp(), InputType.feedForward(WORDS), wrapped(wrapper, word), output()), words(4, 1),
                Inside.labels(4, DataType.DOUBLE), null);
        Layer words = new EmbeddingSequenceLayer.Builder().nIn(WORDS).nOut(4).inputLength(STEPS).build();
        Layer output = new RnnOutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.TANH).build();
        assertRight(net(new NoOp(), InputType.recurrent(WORDS, STEPS), wrapped(wrapper, words), output), words(2, 1, STEPS),
                Inside.drawn(DataType.DOUBLE, 2, 2, STEPS), null);
    }

    /** As PyTorch's weight_norm of an Embedding does it. */
    @Test
    void eachWordHasALengthOfItsOwn() {
        Layer words = new EmbeddingLayer.Builder().nIn(WORDS).nOut(4).activation(Activation.IDENTITY).build();
        MultiLayerNetwork net = net(new NoOp(), InputType.feedForward(WORDS), Wrapper.WEIGHT.around(words), output());
        net.getParam("0_Wg").assign(Nd4j.createFromArray(1.0, 2, 3, 4, 5));
        INDArray vectors = net.feedForward(Nd4j.createFromArray(new double[][]{{3}, {0}}), false).get(1);
        assertThat(vectors.norm2(1).toDoubleVector()).containsExactly(new double[]{4, 1}, within(1e-9));
    }

    @ParameterizedTest
    @EnumSource(Wrapper.class)
    void aClassifierWithComputedWeightsTrainsAndCanBeFused(Wrapper wrapper) {
        MultiLayerNetwork net = net(new Adam(0.05), InputType.feedForward(Inside.IN), dense(), wrapper.around(output()));
        DataSet data = new DataSet(Inside.drawn(DataType.DOUBLE, 8, Inside.IN), Inside.labels(8, DataType.DOUBLE));
        double before = net.score(data);
        for (int i = 0; i < 40; i++) {
            net.fit(data);
        }
        assertThat(net.score(data)).isLessThan(0.9 * before);
        assertThat(net.evaluate(new ViewIterator(data, 8)).accuracy()).isBetween(0.0, 1.0);
        MultiLayerNetwork fused = WeightFusion.fuse(net);
        assertThat(fused.getLayer(1).conf().getLayer()).isInstanceOf(OutputLayer.class);
        assertThat(fused.output(data.getFeatures()).toDoubleMatrix())
                .isDeepEqualTo(net.output(data.getFeatures()).toDoubleMatrix());
    }
}
