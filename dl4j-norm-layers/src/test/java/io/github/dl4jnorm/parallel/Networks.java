// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parallel;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.layer.NormalizationLayer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Small convolution nets with a norm on the input and two behind convolutions, and batches for them. */
final class Networks {
    static final int CHANNELS = 3;
    static final int SIZE = 4;
    static final int CLASSES = 3;

    private Networks() {
    }

    static Model of(boolean graph, NormLayer norm) {
        return of(graph, norm, DataType.DOUBLE);
    }

    static Model of(boolean graph, NormLayer norm, DataType dataType) {
        List<Layer> layers = List.of(named(norm, "n0"), conv(), named(norm, "n1"), conv(), named(norm, "n2"),
                new GlobalPoolingLayer(PoolingType.PNORM),
                new OutputLayer.Builder(LossFunction.MCXENT).nOut(CLASSES).activation(Activation.SOFTMAX).build());
        NeuralNetConfiguration.Builder base = new NeuralNetConfiguration.Builder().seed(5).dataType(dataType)
                .updater(new Sgd(0.1));
        InputType type = InputType.convolutional(SIZE, SIZE, CHANNELS);
        Model model = graph ? new ComputationGraph(graph(base, layers, type)) : new MultiLayerNetwork(
                base.list(layers.toArray(Layer[]::new)).setInputType(type).build());
        model.init();
        return model;
    }

    private static org.deeplearning4j.nn.conf.ComputationGraphConfiguration graph(
            NeuralNetConfiguration.Builder base, List<Layer> layers, InputType type) {
        GraphBuilder builder = base.graphBuilder().addInputs("in").setInputTypes(type);
        String before = "in";
        for (int i = 0; i < layers.size(); i++) {
            String name = layers.get(i).getLayerName() == null ? "l" + i : layers.get(i).getLayerName();
            builder.addLayer(name, layers.get(i), before);
            before = name;
        }
        return builder.setOutputs(before).build();
    }

    private static NormLayer named(NormLayer norm, String name) {
        NormLayer copy = norm.clone();
        copy.setLayerName(name);
        return copy;
    }

    private static Layer conv() {
        return new ConvolutionLayer.Builder(3, 3).nOut(4).convolutionMode(ConvolutionMode.Same).hasBias(false)
                .activation(Activation.IDENTITY).build();
    }

    static NormalizationLayer first(Model model) {
        return (NormalizationLayer) (model instanceof MultiLayerNetwork net ? net.getLayer("n0")
                : ((ComputationGraph) model).getLayer("n0"));
    }

    /** Examples that differ in mean and deviation from batch to batch. */
    static DataSet batch(Random random, int examples) {
        double mean = 3 * random.nextGaussian();
        double deviation = 0.5 + 2 * random.nextDouble();
        double[] x = new double[examples * CHANNELS * SIZE * SIZE];
        for (int i = 0; i < x.length; i++) {
            x[i] = mean + deviation * random.nextGaussian();
        }
        INDArray labels = Nd4j.zeros(DataType.DOUBLE, examples, CLASSES);
        for (int n = 0; n < examples; n++) {
            labels.putScalar(n, random.nextInt(CLASSES), 1);
        }
        return new DataSet(Nd4j.createFromArray(x).reshape(examples, CHANNELS, SIZE, SIZE), labels);
    }

    /** What one worker sees in place of several: the batches of each round as one. */
    static List<DataSet> rounds(List<DataSet> batches, int workers) {
        List<DataSet> rounds = new ArrayList<>();
        for (int i = 0; i < batches.size(); i += workers) {
            rounds.add(DataSet.merge(batches.subList(i, Math.min(i + workers, batches.size()))));
        }
        return rounds;
    }
}
