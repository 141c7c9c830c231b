// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Flattened images are normalized as the images they are, by a norm that is the first layer. */
class FlatImageTest {

    private static NeuralNetConfiguration.Builder base() {
        return new NeuralNetConfiguration.Builder().seed(8).updater(new Sgd(0.1));
    }

    private static OutputLayer output() {
        return new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build();
    }

    private static MultiLayerNetwork sequence(Norm norm, InputType type) {
        MultiLayerNetwork net = new MultiLayerNetwork(
                base().list().layer(norm.layer()).layer(output()).setInputType(type).build());
        net.init();
        return net;
    }

    @ParameterizedTest
    @EnumSource(Norm.class)
    void flatAndUnfoldedInputTrainTheSameNetwork(Norm norm) {
        Nd4j.getRandom().setSeed(2);
        INDArray images = Nd4j.rand(DataType.FLOAT, 6, 4, 3, 5);
        INDArray flat = images.reshape('c', 6, 60);
        INDArray labels = Nd4j.rand(DataType.FLOAT, 6, 2);
        MultiLayerNetwork unfolded = sequence(norm, InputType.convolutional(3, 5, 4));
        MultiLayerNetwork ofFlat = sequence(norm, InputType.convolutionalFlat(3, 5, 4));
        ComputationGraph graph = new ComputationGraph(base().graphBuilder().addInputs("in")
                .addLayer("norm", norm.layer(), "in").addLayer("out", output(), "norm").setOutputs("out")
                .setInputTypes(InputType.convolutionalFlat(3, 5, 4)).build());
        graph.init();
        graph.setParams(ofFlat.params());
        for (int i = 0; i < 3; i++) {
            unfolded.fit(images, labels);
            ofFlat.fit(flat, labels);
            graph.fit(new INDArray[]{flat}, new INDArray[]{labels});
        }
        assertThat(ofFlat.params()).isEqualTo(unfolded.params());
        assertThat(graph.params()).isEqualTo(unfolded.params());
        assertThat(ofFlat.output(flat)).isEqualTo(unfolded.output(images));
    }
}
