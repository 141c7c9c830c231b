// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import java.util.Set;
import org.bytedeco.javacpp.Loader;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Nesterovs;

/** Networks with convolutions, batches for them, and what is asserted of them. */
final class FastNets {
    static final InputType IMAGES = InputType.convolutional(12, 10, 3);
    static final int CLASSES = 4;
    static final int STEPS = 20;

    private FastNets() {
    }

    /** Whether there is a oneDNN for this platform; whether it is there and runs, the tests find out. */
    static boolean platformHasOneDnn() {
        return Set.of("linux-x86_64", "linux-arm64", "windows-x86_64", "macosx-x86_64").contains(Loader.Detector.getPlatform());
    }

    static ConvolutionLayer convolution(int out, Activation activation) {
        return new ConvolutionLayer.Builder(3, 3).nOut(out).convolutionMode(ConvolutionMode.Same).activation(activation).build();
    }

    static Layer output() {
        return new OutputLayer.Builder().nOut(CLASSES).activation(Activation.SOFTMAX).build();
    }

    /** Networks that are compared do without Adam, which makes full steps of gradients that are nothing but rounding. */
    static NeuralNetConfiguration.Builder base() {
        return Nets.base().updater(new Nesterovs(0.001));
    }

    static MultiLayerNetwork sequence(InputType type, Layer... layers) {
        return Nets.sequence(base(), type, layers);
    }

    static MultiLayerNetwork normed() {
        return sequence(IMAGES, convolution(8, Activation.IDENTITY),
                new BatchNormalization.Builder().activation(Activation.RELU).build(),
                new SubsamplingLayer.Builder(SubsamplingLayer.PoolingType.MAX, new int[]{2, 2}, new int[]{2, 2}).build(),
                convolution(6, Activation.TANH), convolution(5, Activation.RELU), new GlobalPoolingLayer(PoolingType.AVG),
                output());
    }

    static ComputationGraph residual() {
        return Nets.graph(base().graphBuilder().addInputs("in").setInputTypes(IMAGES)
                .addLayer("first", convolution(6, Activation.RELU), "in")
                .addLayer("left", convolution(6, Activation.IDENTITY), "first")
                .addLayer("norm", new GroupNormalization.Builder(3).activation(Activation.RELU).build(), "left")
                .addVertex("sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), "norm", "first")
                .addLayer("pooled", new GlobalPoolingLayer(PoolingType.AVG), "sum")
                .addLayer("out", output(), "pooled").setOutputs("out"));
    }

    static DataSet data(int seed, long... shape) {
        Nd4j.getRandom().setSeed(seed);
        INDArray labels = Nd4j.zeros(DataType.FLOAT, shape[0], CLASSES);
        for (int i = 0; i < shape[0]; i++) {
            labels.putScalar(i, i % CLASSES, 1);
        }
        return new DataSet(Nd4j.randn(DataType.FLOAT, shape), labels);
    }

    static DataSet images(int seed, int examples) {
        return data(seed, examples, 3, 12, 10);
    }

    static void assertClose(INDArray actual, INDArray expected, double tolerance) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        double scale = Math.max(1, expected.amaxNumber().doubleValue());
        assertThat(actual.sub(expected).amaxNumber().doubleValue() / scale).isLessThan(tolerance);
    }

    static FastConvolution.Result enabled(Model net, int layers) {
        FastConvolution.Result result = FastConvolution.enable(net);
        assertThat(result.toString()).contains(layers + " of " + layers + " convolution");
        assertThat(FastConvolution.count(net)).isEqualTo(layers);
        return result;
    }
}
