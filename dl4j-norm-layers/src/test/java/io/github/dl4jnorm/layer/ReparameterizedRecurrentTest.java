// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.layer.Inside.Wrapper;
import java.util.Map;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.conf.layers.util.MaskZeroLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Recurrent layers with computed weights: truncated backpropagation, single steps, Deeplearning4j's wrappers. */
@Tag("long")
class ReparameterizedRecurrentTest {

    /** Truncation at the end of the sequence truncates nothing. */
    @ParameterizedTest
    @EnumSource(Wrapper.class)
    void truncatedBackpropagationIsThatOfTheLayerInside(Wrapper wrapper) {
        MultiLayerNetwork whole = rnn(wrapper, 0);
        MultiLayerNetwork truncated = rnn(wrapper, Inside.STEPS);
        DataSet batch = new DataSet(Inside.LSTM.input(4, DataType.FLOAT), Inside.drawn(DataType.FLOAT, 4, 2, Inside.STEPS));
        for (int i = 0; i < 3; i++) {
            whole.fit(batch);
            truncated.fit(batch);
        }
        assertThat(TestNetwork.numbers(truncated.params())).containsExactly(TestNetwork.numbers(whole.params()));

        MultiLayerNetwork parts = rnn(wrapper, 2);
        double before = parts.score(batch);
        for (int i = 0; i < 20; i++) {
            parts.fit(batch);
        }
        assertThat(parts.getIterationCount()).isEqualTo(60);
        assertThat(parts.score(batch)).isLessThan(before);
    }

    private static MultiLayerNetwork rnn(Wrapper wrapper, int truncation) {
        NeuralNetConfiguration.ListBuilder list = Inside.base(DataType.FLOAT, new Sgd(0.05)).list()
                .layer(wrapper.around(Inside.LSTM.layer(Activation.TANH)))
                .layer(new RnnOutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build())
                .setInputType(InputType.recurrent(Inside.IN));
        if (truncation > 0) {
            list.backpropType(BackpropType.TruncatedBPTT).tBPTTLength(truncation);
        }
        MultiLayerNetwork net = new MultiLayerNetwork(list.build());
        net.init();
        return net;
    }

    @ParameterizedTest
    @EnumSource(Wrapper.class)
    void stepsOneByOneGiveTheWholeSequence(Wrapper wrapper) {
        MultiLayerNetwork net = rnn(wrapper, 0);
        INDArray x = Inside.LSTM.input(2, DataType.FLOAT);
        net.fit(new DataSet(x, Inside.drawn(DataType.FLOAT, 2, 2, Inside.STEPS)));
        INDArray whole = net.output(x);
        for (int t = 0; t < Inside.STEPS; t++) {
            INDArray step = net.rnnTimeStep(at(x, t));
            ReparameterizedLayerTest.assertClose(TestNetwork.numbers(step), TestNetwork.numbers(at(whole, t)), 1e-5);
        }
        assertThat(net.rnnGetPreviousState(0)).isNotEmpty();
        net.rnnClearPreviousState();
    }

    private static INDArray at(INDArray sequence, int step) {
        return sequence.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.point(step)).dup();
    }

    @Test
    void lastTimeStepIsWrappedWithItsLayer() {
        trainsAfter(new LastTimeStep(Inside.LSTM.layer(Activation.TANH)));
    }

    @Test
    void wrappersOfDeeplearning4jMayBeInsideEachOther() {
        trainsAfter(new LastTimeStep(Inside.BIDIRECTIONAL_LSTM.layer(Activation.TANH)));
        trainsAfter(new LastTimeStep(new MaskZeroLayer(Inside.BIDIRECTIONAL_SIMPLE_RNN.layer(Activation.TANH), 0)));
    }

    @Test
    void bidirectionalIsDeeplearning4jsWithComputedWeights() {
        compareBidirectional(Wrapper.WEIGHT, Inside.BIDIRECTIONAL_GRAVES_LSTM);
    }

    @Tag("full")
    @ParameterizedTest
    @EnumSource(Wrapper.class)
    void bidirectionalIsDeeplearning4jsWithComputedWeightsForAllWrappers(Wrapper wrapper) {
        compareBidirectional(wrapper, Inside.BIDIRECTIONAL_LSTM, Inside.BIDIRECTIONAL_SIMPLE_RNN,
                Inside.BIDIRECTIONAL_GRAVES_LSTM);
    }

    /** Of both directions: with the weights that it computed, Deeplearning4j's own layer gives the same. */
    private static void compareBidirectional(Wrapper wrapper, Inside... layers) {
        for (Inside inside : layers) {
            MultiLayerNetwork net = inside.sequence(Inside.base(DataType.FLOAT, new Sgd(0.05)),
                    wrapper.around(inside.layer(Activation.TANH)));
            DataSet batch = new DataSet(inside.input(4, DataType.FLOAT), Inside.labels(4, DataType.FLOAT));
            for (int step = 0; step < 2; step++) {
                net.fit(batch);
            }
            MultiLayerNetwork plain = inside.sequence(Inside.base(DataType.FLOAT, new Sgd(0.05)),
                    inside.layer(Activation.TANH));
            Map<String, INDArray> computed = Inside.first(net).computedWeights();
            assertThat(computed).containsOnlyKeys("fW", "fRW", "bW", "bRW");
            plain.paramTable().forEach((key, param) -> param.assign(
                    computed.getOrDefault(key.substring(2), net.getParam(key)).reshape(param.shape())));
            assertThat(computed.get("fW")).isNotEqualTo(computed.get("bW"));
            INDArray mask = Nd4j.ones(DataType.FLOAT, 4, Inside.STEPS).putScalar(1, 5, 0).putScalar(1, 4, 0);
            for (INDArray each : new INDArray[]{null, mask}) {
                ReparameterizedLayerTest.assertClose(TestNetwork.numbers(net.output(batch.getFeatures(), false, each, null)),
                        TestNetwork.numbers(plain.output(batch.getFeatures(), false, each, null)), 1e-6);
            }
        }
    }

    private static void trainsAfter(Layer layer) {
        Reparameterization wrapped = Wrapper.WEIGHT.around(layer);
        MultiLayerNetwork net = Inside.DENSE.sequence(Inside.base(DataType.FLOAT, new Adam(0.01)), wrapped,
                InputType.recurrent(Inside.IN));
        INDArray x = Inside.LSTM.input(4, DataType.FLOAT);
        double[] before = TestNetwork.numbers(net.params());
        net.fit(new DataSet(x, Inside.labels(4, DataType.FLOAT)));
        assertThat(TestNetwork.numbers(net.params())).isNotEqualTo(before);
        assertThat(net.output(x).shape()).containsExactly(4, Inside.CLASSES);
    }
}
