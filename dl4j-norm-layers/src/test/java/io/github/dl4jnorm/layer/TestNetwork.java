// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.pass.ParameterArrays;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;

/** A MultiLayerNetwork or a ComputationGraph of the same layers, used in the same way. */
record TestNetwork(Model model) {

    /** How a network is set up beyond its layers. */
    record Setup(DataType type, IUpdater updater, WorkspaceMode training, WorkspaceMode inference) {
        static final Setup FLOAT = of(DataType.FLOAT);

        static Setup of(DataType type) {
            return new Setup(type, new Adam(0.02), WorkspaceMode.ENABLED, WorkspaceMode.ENABLED);
        }

        Setup workspaces(WorkspaceMode newTraining, WorkspaceMode newInference) {
            return new Setup(type, updater, newTraining, newInference);
        }

        Setup updater(IUpdater newUpdater) {
            return new Setup(type, newUpdater, training, inference);
        }

        private NeuralNetConfiguration.Builder builder() {
            return new NeuralNetConfiguration.Builder().seed(3).dataType(type).updater(updater)
                    .trainingWorkspaceMode(training).inferenceWorkspaceMode(inference);
        }
    }

    static TestNetwork of(boolean graph, Setup setup, InputType type,
                          List<org.deeplearning4j.nn.conf.layers.Layer> layers) {
        Model model = graph ? graph(setup, type, layers) : sequence(setup, type, layers);
        model.init();
        return new TestNetwork(model);
    }

    /** A layer of the kind, the norm (layer 1), the output layer of the kind. */
    static TestNetwork around(boolean graph, Setup setup, Kind kind, org.deeplearning4j.nn.conf.layers.Layer norm) {
        return of(graph, setup, kind.inputType(), List.of(kind.before(), norm, kind.output()));
    }

    private static MultiLayerNetwork sequence(Setup setup, InputType type,
                                              List<org.deeplearning4j.nn.conf.layers.Layer> layers) {
        NeuralNetConfiguration.ListBuilder list = setup.builder().list();
        layers.forEach(list::layer);
        return new MultiLayerNetwork(list.setInputType(type).build());
    }

    private static ComputationGraph graph(Setup setup, InputType type,
                                          List<org.deeplearning4j.nn.conf.layers.Layer> layers) {
        ComputationGraphConfiguration.GraphBuilder builder = setup.builder().graphBuilder().addInputs("in")
                .setInputTypes(type);
        String previous = "in";
        for (int i = 0; i < layers.size(); i++) {
            builder.addLayer("l" + i, layers.get(i), previous);
            previous = "l" + i;
        }
        return new ComputationGraph(builder.setOutputs(previous).build());
    }

    MultiLayerNetwork sequence() {
        return (MultiLayerNetwork) model;
    }

    ComputationGraph graph() {
        return (ComputationGraph) model;
    }

    boolean isGraph() {
        return model instanceof ComputationGraph;
    }

    void fit(INDArray x, INDArray labels) {
        ((NeuralNetwork) model).fit(new DataSet(x, labels));
    }

    void fit(int steps, Kind kind) {
        for (int i = 0; i < steps; i++) {
            fit(kind.input(5, model.params().dataType()), kind.labels(5, model.params().dataType()));
        }
    }

    INDArray output(INDArray x) {
        return isGraph() ? graph().outputSingle(x) : sequence().output(x);
    }

    INDArray params() {
        return model.params();
    }

    INDArray updaterState() {
        return ((NeuralNetwork) model).updaterState();
    }

    Layer layer(int index) {
        return isGraph() ? graph().getLayer("l" + index) : sequence().getLayer(index);
    }

    NormalizationLayer norm() {
        return (NormalizationLayer) layer(1);
    }

    Map<String, INDArray> normParams() {
        return layer(1).paramTable();
    }

    Object configuration() {
        return isGraph() ? graph().getConfiguration() : sequence().getLayerWiseConfigurations();
    }

    /** Every element in c order, for comparisons bit by bit. */
    static double[] numbers(INDArray array) {
        return ParameterArrays.read(array);
    }

    static boolean isFinite(INDArray array) {
        return Arrays.stream(numbers(array)).allMatch(Double::isFinite);
    }
}
