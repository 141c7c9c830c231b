// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** An archive that version 0.1.0 wrote, from a network whose parameters went from 1 to 2 in even steps. */
@Tag("once")
class EarlierWeightsTest {
    private static final int NORMS = 5;

    @Test
    void anArchiveOfTheFirstVersionIsReadAsItWasWritten() throws IOException, URISyntaxException {
        NeuralNetConfiguration.ListBuilder layers = new NeuralNetConfiguration.Builder().dataType(DataType.DOUBLE).list();
        for (Layer norm : List.of(new BatchNormalization.Builder().name("batch").build(),
                new GroupNormalization.Builder(2).name("group").build(), new LayerNormalization.Builder().name("layer").build(),
                new InstanceNormalization.Builder().trackRunningStats(true).runningStatistics(RunningStatistics.decay(0.1))
                        .name("instance").build(),
                new SwitchableNormalization.Builder().name("switchable").build())) {
            layers.layer(norm);
        }
        layers.layer(new GlobalPoolingLayer(PoolingType.AVG)).layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(2).build());
        MultiLayerNetwork net = new MultiLayerNetwork(layers.setInputType(InputType.convolutional(3, 3, 4)).build());
        net.init();

        List<String> read = PyTorchWeights.read(net,
                Path.of(getClass().getResource("/saved/weights/norms-0.1.0.npz").toURI()));

        assertThat(read).containsExactly("batch", "group", "layer", "instance", "switchable");
        INDArray written = Nd4j.linspace(1, 2, net.numParams(), DataType.DOUBLE);
        int start = 0;
        for (int i = 0; i < NORMS; i++) {
            INDArray params = net.getLayer(i).params();
            for (int j = 0; j < params.length(); j++) {
                assertThat(params.getDouble(j)).as("layer %d, parameter %d", i, j)
                        .isCloseTo(written.getDouble(start + j), within(1e-12));
            }
            start += (int) params.length();
        }
        assertThat(start).isEqualTo(70);
    }
}
