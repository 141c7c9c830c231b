// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.conf.BatchNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

public class QuickStart {
    public static void main(String[] args) {
        var net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(1)
            .updater(new Adam(0.003)).activation(Activation.IDENTITY).list()
            .layer(new ConvolutionLayer.Builder(3, 3).nOut(8).hasBias(false).build())
            .layer(new BatchNormalization.Builder().activation(Activation.RELU).build())
            .layer(new OutputLayer.Builder().nOut(2).activation(Activation.SOFTMAX).build())
            .setInputType(InputType.convolutional(16, 16, 1)).build());
        net.init();
        DataSet test = stripes(200);
        for (int step = 1; step <= 12; step++) {
            net.fit(stripes(32));
            var result = new Evaluation();
            result.eval(test.getLabels(), net.output(test.getFeatures()));
            System.out.printf("step %2d  loss %.3f  accuracy %.3f%n", step, net.score(), result.accuracy());
        }
        System.out.println("running mean of each channel: " + net.getParam("1_mean"));
    }

    static DataSet stripes(int n) { // noisy images with horizontal (class 0) or vertical (class 1) stripes
        var images = Nd4j.randn(n, 1, 16, 16).muli(2);
        for (int i = 0; i < n; i++) {
            var wave = Nd4j.arange(16).addi(i).fmodi(4);
            images.slice(i).slice(0).addi(i % 2 == 0 ? wave.reshape(16, 1) : wave.reshape(1, 16));
        }
        return new DataSet(images, Nd4j.tile(Nd4j.eye(2), n / 2, 1));
    }
}
