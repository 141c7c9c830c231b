// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.BatchNormalization;
import java.util.Map;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/** Networks for tests of model surgery. */
final class Nets {
    private Nets() {
    }

    static NeuralNetConfiguration.Builder base() {
        return new NeuralNetConfiguration.Builder().seed(7).updater(new Adam(0.01)).activation(Activation.IDENTITY);
    }

    static MultiLayerNetwork sequence(InputType type, Layer... layers) {
        return sequence(base(), type, layers);
    }

    static MultiLayerNetwork sequence(NeuralNetConfiguration.Builder base, InputType type, Layer... layers) {
        NeuralNetConfiguration.ListBuilder list = base.list();
        for (Layer layer : layers) {
            list.layer(layer);
        }
        MultiLayerNetwork net = new MultiLayerNetwork(list.setInputType(type).build());
        net.init();
        spread(net);
        return net;
    }

    /** A graph of the same layers, named l0, l1, … */
    static ComputationGraph graph(InputType type, Layer... layers) {
        ComputationGraphConfiguration.GraphBuilder builder = base().graphBuilder().addInputs("in").setInputTypes(type);
        for (int i = 0; i < layers.length; i++) {
            builder.addLayer("l" + i, layers[i], i == 0 ? "in" : "l" + (i - 1));
        }
        return graph(builder.setOutputs("l" + (layers.length - 1)));
    }

    static ComputationGraph graph(ComputationGraphConfiguration.GraphBuilder builder) {
        ComputationGraph net = new ComputationGraph(builder.build());
        net.init();
        spread(net);
        return net;
    }

    /** Gives norms and biases values unlike those at the start. */
    static void spread(Model net) {
        Nd4j.getRandom().setSeed(11);
        net.paramTable().forEach((name, array) -> {
            String kind = name.substring(name.lastIndexOf('_') + 1);
            switch (kind) {
                case "gamma", "var" -> array.assign(Nd4j.rand(array.dataType(), array.shape()).addi(0.5));
                case "beta", "mean", "b" -> array.assign(Nd4j.randn(array.dataType(), array.shape()));
                case "log10stdev" -> array.assign(Nd4j.randn(array.dataType(), array.shape()).muli(0.2));
                default -> { }
            }
        });
    }

    static BatchNormalization.Builder ours() {
        return new BatchNormalization.Builder();
    }

    static org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder stock() {
        return new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder();
    }

    static INDArray output(Model net, INDArray x) {
        return net instanceof MultiLayerNetwork sequence ? sequence.output(x) : ((ComputationGraph) net).outputSingle(x);
    }

    static void assertSameOutput(Model actual, Model expected, INDArray x, double relative) {
        INDArray right = output(expected, x).castTo(DataType.DOUBLE);
        INDArray found = output(actual, x).castTo(DataType.DOUBLE);
        assertThat(found.shape()).isEqualTo(right.shape());
        double scale = right.amaxNumber().doubleValue();
        assertThat(scale).as("outputs say something").isGreaterThan(1e-3).isFinite();
        assertThat(found.sub(right).amaxNumber().doubleValue() / scale).as("deviation").isLessThan(relative);
    }

    static void assertSameParams(Map<String, INDArray> actual, Map<String, INDArray> expected) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, array) -> assertThat(actual.get(name)).as(name).isEqualTo(array));
    }
}
