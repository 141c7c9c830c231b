// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.model.DataDependentInit;
import java.util.Random;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Weights without a direction, or without a deviation, give finite outputs and steps of sensible size. */
class ZeroWeightsTest {

    /** What the weights of a unit are. */
    enum Rows {
        ALL_ZERO, ONE_ZERO, ALL_CONSTANT;

        void set(INDArray weight) {
            if (this == ALL_ZERO) {
                weight.assign(0);
            } else {
                for (int i = 0; i < weight.size(0); i++) {
                    for (int unit = 0; unit < (this == ONE_ZERO ? 1 : weight.size(1)); unit++) {
                        weight.putScalar(i, unit, this == ONE_ZERO ? 0 : 0.5);
                    }
                }
            }
        }
    }

    static Stream<Arguments> cases() {
        return Stream.of("spectral", "weight", "weight-standardization").flatMap(norm ->
                Stream.of(DataType.DOUBLE, DataType.FLOAT, DataType.HALF).flatMap(type ->
                        Stream.of(Rows.values()).map(rows -> Arguments.of(norm, type, rows))));
    }

    private static MultiLayerNetwork net(String norm, DataType type) {
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(2).dataType(type)
                .updater(new Sgd(0.01)).list()
                .layer(NormFactory.create(norm).around(
                        new DenseLayer.Builder().nIn(5).nOut(4).activation(Activation.TANH).build()).get(0))
                .layer(new OutputLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).nIn(4).nOut(2).build())
                .build());
        net.init();
        return net;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void weightsWithoutADirectionTakeFiniteStepsOfSensibleSize(String norm, DataType type, Rows rows) {
        MultiLayerNetwork net = net(norm, type);
        rows.set(net.getLayer(0).getParam("W"));
        INDArray x = NormCases.gaussian(new Random(1), 0, 1, 6, 5).castTo(type);
        INDArray labels = NormCases.gaussian(new Random(2), 0, 1, 6, 2).castTo(type);
        INDArray before = net.params().castTo(DataType.DOUBLE);
        for (int step = 0; step < 3; step++) {
            net.fit(x, labels);
            assertThat(TestNetwork.isFinite(net.params())).as("parameters after step %s", step).isTrue();
            assertThat(TestNetwork.isFinite(net.output(x))).as("outputs after step %s", step).isTrue();
        }
        double moved = net.params().castTo(DataType.DOUBLE).sub(before).amaxNumber().doubleValue();
        assertThat(moved).as("largest change of a parameter in three steps").isLessThan(30);
    }

    static Stream<Arguments> starts() {
        return cases().filter(arguments -> arguments.get()[0].equals("weight"));
    }

    @ParameterizedTest
    @MethodSource("starts")
    void theyStayFiniteWhenABatchSetsTheirGains(String norm, DataType type, Rows rows) {
        MultiLayerNetwork net = net(norm, type);
        rows.set(net.getLayer(0).getParam("W"));
        INDArray x = NormCases.gaussian(new Random(1), 0, 1, 6, 5).castTo(type);
        DataDependentInit.apply(net, x);
        net.fit(x, NormCases.gaussian(new Random(2), 0, 1, 6, 2).castTo(type));
        assertThat(TestNetwork.isFinite(net.params())).isTrue();
        assertThat(TestNetwork.isFinite(net.output(x))).isTrue();
    }
}
