// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.graph.MergeVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.CnnLossLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Deconvolution2D;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Builds a network of Deeplearning4j. Activations are names of vertices. */
final class GraphBuilder extends NetworkBuilder<String> {
    private static final String INPUT = "input";
    private static final long SEED = 42;

    private final boolean ours;
    private final ComputationGraphConfiguration.GraphBuilder graph = new NeuralNetConfiguration.Builder().seed(SEED)
            .updater(new Adam(LEARNING_RATE)).graphBuilder().addInputs(INPUT)
            .setInputTypes(InputType.convolutional(IMAGE, IMAGE, COLORS));

    private GraphBuilder(StepNorm norm, boolean ours) {
        super(norm);
        this.ours = ours;
    }

    /**
     * Builds and initializes a network.
     *
     * @param ours whether the norms are this library's; otherwise Deeplearning4j's
     */
    static ComputationGraph build(Network network, StepNorm norm, boolean ours) {
        GraphBuilder builder = new GraphBuilder(norm, ours);
        network.build(builder);
        ComputationGraph built = new ComputationGraph(builder.graph.build());
        built.init();
        return built;
    }

    private String add(String name, Layer layer, String input) {
        graph.addLayer(name, layer, input);
        return name;
    }

    @Override
    String input() {
        return INPUT;
    }

    @Override
    String convolution(String name, String x, int[] size, boolean bias, boolean relu) {
        return add(name, new ConvolutionLayer.Builder(size[1], size[1]).nOut(size[0]).stride(size[2], size[2])
                .padding(size[1] / 2, size[1] / 2).hasBias(bias)
                .activation(relu ? Activation.RELU : Activation.IDENTITY).build(), x);
    }

    /** Deeplearning4j's own batch normalization ignores its activation: ReLU is a layer of its own. */
    @Override
    String norm(String name, String x, StepNorm kind, boolean relu) {
        if (ours) {
            return add(name, kind.layer(relu), x);
        }
        add(name, new BatchNormalization.Builder().build(), x);
        return relu ? add(name + "-relu", new ActivationLayer(Activation.RELU), name) : name;
    }

    @Override
    String sum(String name, String a, String b) {
        graph.addVertex(name, new ElementWiseVertex(ElementWiseVertex.Op.Add), a, b);
        return add(name + "-relu", new ActivationLayer(Activation.RELU), name);
    }

    @Override
    String pool(String name, String x) {
        return add(name, new SubsamplingLayer.Builder(PoolingType.MAX).kernelSize(2, 2).stride(2, 2).build(), x);
    }

    @Override
    String transposed(String name, String x, int channels) {
        return add(name, new Deconvolution2D.Builder(2, 2).stride(2, 2).nOut(channels)
                .activation(Activation.IDENTITY).build(), x);
    }

    @Override
    String concatenation(String name, String a, String b) {
        graph.addVertex(name, new MergeVertex(), a, b);
        return name;
    }

    @Override
    String average(String name, String x) {
        return add(name, new GlobalPoolingLayer(PoolingType.AVG), x);
    }

    @Override
    void classifier(String name, String x) {
        graph.setOutputs(add(name, new OutputLayer.Builder(LossFunction.MCXENT).nOut(CLASSES)
                .activation(Activation.SOFTMAX).build(), x));
    }

    @Override
    void loss(String name, String x) {
        graph.setOutputs(add(name, new CnnLossLayer.Builder(LossFunction.XENT).activation(Activation.SIGMOID).build(), x));
    }
}
