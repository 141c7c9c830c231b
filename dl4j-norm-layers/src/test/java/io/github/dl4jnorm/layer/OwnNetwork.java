// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import java.util.Random;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.CnnLossLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Networks of this library's layers alone, but for the loss, on images of a size of their own. */
final class OwnNetwork {
    static final int CHANNELS = 8;
    final int height;
    final int width;
    private final boolean channelsLast;

    OwnNetwork(int height, int width, boolean channelsLast) {
        this.height = height;
        this.width = width;
        this.channelsLast = channelsLast;
    }

    /** One of each. */
    static NormLayer[] all() {
        return new NormLayer[]{
            new BatchNormalization.Builder().runningStatistics(RunningStatistics.cumulative()).build(),
            new GroupNormalization.Builder(2).activation(Activation.RELU).build(),
            new InstanceNormalization.Builder().trackRunningStats(true).build(),
            new LayerNormalization.Builder().perPosition(true).build(),
            new SwitchableNormalization.Builder().build(),
            new LayerNormalization.Builder().build()};
    }

    MultiLayerNetwork of(GradientNormalization mode, NormLayer... norms) {
        NeuralNetConfiguration.ListBuilder list = new NeuralNetConfiguration.Builder().seed(3).updater(new Adam(0.01))
                .gradientNormalization(mode).gradientNormalizationThreshold(0.01).list();
        for (NormLayer norm : norms) {
            list.layer(norm);
        }
        CNN2DFormat format = channelsLast ? CNN2DFormat.NHWC : CNN2DFormat.NCHW;
        list.layer(new CnnLossLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).format(format).build());
        MultiLayerNetwork net = new MultiLayerNetwork(
                list.setInputType(InputType.convolutional(height, width, CHANNELS, format)).build());
        net.init();
        return net;
    }

    MultiLayerNetwork ofAll() {
        return of(GradientNormalization.None, all());
    }

    long[] shape(int examples) {
        return channelsLast ? new long[]{examples, height, width, CHANNELS} : new long[]{examples, CHANNELS, height, width};
    }

    INDArray input(Random random, int examples) {
        return NormCases.gaussian(random, 1 + random.nextDouble(), 2, shape(examples)).castTo(DataType.FLOAT);
    }

    DataSet batch(Random random, int examples) {
        return new DataSet(input(random, examples), input(random, examples));
    }
}
