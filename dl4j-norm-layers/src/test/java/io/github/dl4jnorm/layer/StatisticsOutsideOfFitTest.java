// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.model.Freeze;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Random;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** What the page on running statistics says about gradients without a step, and about saving. */
class StatisticsOutsideOfFitTest {

    private static MultiLayerNetwork net(DataType type) {
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(3).dataType(type)
                .updater(new Sgd(0.01)).list()
                .layer(new BatchNormalization.Builder().runningStatistics(RunningStatistics.cumulative()).build())
                .layer(new OutputLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).nOut(2).build())
                .setInputType(InputType.feedForward(3)).build());
        net.init();
        return net;
    }

    private static INDArray numbers(int seed, int columns, DataType type) {
        return NormCases.gaussian(new Random(seed), 0.7, 1.3, 8, columns).castTo(type);
    }

    @Test
    void gradientsWithoutAStepMoveTheStatisticsUnlessTheseAreFrozen() {
        MultiLayerNetwork net = net(DataType.DOUBLE);
        NormalizationLayer norm = (NormalizationLayer) net.getLayer(0);
        net.calculateGradients(numbers(1, 3, DataType.DOUBLE), numbers(2, 2, DataType.DOUBLE), null, null);
        double[] moved = norm.runningMean();
        assertThat(moved).isNotEqualTo(new double[3]);
        Freeze.freezeStatistics(net);
        net.calculateGradients(numbers(3, 3, DataType.DOUBLE), numbers(2, 2, DataType.DOUBLE), null, null);
        assertThat(norm.runningMean()).containsExactly(moved);
    }

    /** Only HALF has more digits in memory than in a file. */
    @ParameterizedTest
    @EnumSource(value = DataType.class, names = {"HALF", "FLOAT", "DOUBLE"})
    void aLoadedNetworkGoesOnFromTheStatisticsAsTheyWereSaved(DataType type) throws IOException {
        MultiLayerNetwork net = net(type);
        for (int i = 0; i < 5; i++) {
            net.fit(numbers(i, 3, type), numbers(20 + i, 2, type));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ModelSerializer.writeModel(net, out, true);
        MultiLayerNetwork loaded = ModelSerializer.restoreMultiLayerNetwork(new ByteArrayInputStream(out.toByteArray()), true);
        assertThat(loaded.params()).isEqualTo(net.params());
        for (int i = 5; i < 9; i++) {
            net.fit(numbers(i, 3, type), numbers(20 + i, 2, type));
            loaded.fit(numbers(i, 3, type), numbers(20 + i, 2, type));
        }
        double[] expected = ((NormalizationLayer) net.getLayer(0)).runningMean();
        double[] actual = ((NormalizationLayer) loaded.getLayer(0)).runningMean();
        double rounding = type == DataType.HALF ? 0x1p-10 : 0;
        for (int c = 0; c < 3; c++) {
            assertThat(actual[c]).isCloseTo(expected[c], within(rounding * (1 + Math.abs(expected[c]))));
        }
    }
}
