// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.schedule.ExponentialSchedule;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * Builds a small network of three blocks conv → norm → relu. The first two blocks halve the image. The learning rate decays
 * to a tenth.
 */
final class ConvNet {
    private static final int BLOCKS = 3;
    private static final double FINAL_SHARE_OF_RATE = 0.1;

    private ConvNet() {
    }

    static MultiLayerNetwork create(NormChoice norm, InputType.InputTypeConvolutional input, int classes, int channels,
                                    double learningRate, int iterations, long seed) {
        NeuralNetConfiguration.ListBuilder layers = new NeuralNetConfiguration.Builder()
                .seed(seed)
                .weightInit(WeightInit.RELU)
                .updater(new Adam(falling(learningRate, iterations)))
                .list();
        for (int block = 1; block <= BLOCKS; block++) {
            int width = block == 1 ? channels : 2 * channels;
            norm.block(width).around(new ConvolutionLayer.Builder(3, 3).name("conv" + block).nOut(width)
                    .convolutionMode(ConvolutionMode.Same).activation(Activation.RELU).hasBias(norm.leavesBias()).build())
                    .forEach(layers::layer);
            if (block < BLOCKS) {
                layers.layer(new SubsamplingLayer.Builder(SubsamplingLayer.PoolingType.MAX, new int[]{2, 2},
                        new int[]{2, 2}).name("pool" + block).build());
            }
        }
        layers.layer(new OutputLayer.Builder(LossFunction.MCXENT).name("output").nOut(classes)
                .weightInit(WeightInit.XAVIER).activation(Activation.SOFTMAX).build());
        MultiLayerNetwork net = new MultiLayerNetwork(layers.setInputType(input).build());
        net.init();
        return net;
    }

    /** A learning rate that falls to a tenth within so many steps. */
    static ISchedule falling(double learningRate, int iterations) {
        return new ExponentialSchedule(ScheduleType.ITERATION, learningRate, Math.pow(FINAL_SHARE_OF_RATE, 1.0 / iterations));
    }
}
