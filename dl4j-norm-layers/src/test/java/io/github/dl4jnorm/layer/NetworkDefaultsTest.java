// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.weightnoise.DropConnect;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** What is set for a whole network (activation, l1, l2, dropout, weight noise) leaves a norm alone. */
@Tag("once")
class NetworkDefaultsTest {

    private static MultiLayerNetwork network(Norm norm, boolean defaults) {
        NeuralNetConfiguration.Builder base = new NeuralNetConfiguration.Builder().seed(6).updater(new Sgd(0.1));
        if (defaults) {
            base.activation(Activation.SIGMOID).l1(0.3).l2(0.5).dropOut(0.5).weightNoise(new DropConnect(0.5));
        }
        MultiLayerNetwork net = new MultiLayerNetwork(base.list().layer(norm.layer())
                .layer(new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build())
                .setInputType(InputType.convolutional(3, 5, 4)).build());
        net.init();
        return net;
    }

    @ParameterizedTest
    @EnumSource(Norm.class)
    void theDefaultsOfTheNetworkLeaveANormAlone(Norm norm) {
        MultiLayerNetwork plain = network(norm, false);
        MultiLayerNetwork withDefaults = network(norm, true);
        Nd4j.getRandom().setSeed(2);
        INDArray x = Nd4j.rand(DataType.FLOAT, 6, 4, 3, 5);
        // Only as far as the norm: the dropout of the output layer works in place on what the norm has put out.
        assertThat(withDefaults.feedForwardToLayer(0, x, true).get(1))
                .isEqualTo(plain.feedForwardToLayer(0, x, true).get(1));
        assertThat(withDefaults.getLayer(0).calcRegularizationScore(true)).isZero();
        for (String name : withDefaults.getLayer(0).paramTable().keySet()) {
            assertThat(withDefaults.getLayer(0).conf().getLayer().getRegularizationByParam(name)).as(name).isNull();
        }
    }
}
