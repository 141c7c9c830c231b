// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A network taken apart, so that layers can be changed, replaced and removed before a new one is made of them. The old
 * network stays as it is.
 *
 * @param <M> MultiLayerNetwork or ComputationGraph
 */
abstract class Draft<M extends Model> {

    @SuppressWarnings("unchecked")
    static <M extends Model> Draft<M> of(M net) {
        if (net instanceof MultiLayerNetwork sequence) {
            sequence.init();
            return (Draft<M>) new SequenceDraft(sequence);
        }
        if (net instanceof ComputationGraph graph) {
            graph.init();
            return (Draft<M>) new GraphDraft(graph);
        }
        throw unknown(net);
    }

    static IllegalArgumentException unknown(Model net) {
        return new IllegalArgumentException("expected a MultiLayerNetwork or a ComputationGraph, got "
                + (net == null ? "null" : net.getClass().getName()));
    }

    /** The type of parameters and activations. */
    abstract DataType dataType();

    /** The layers from input to output. */
    abstract List<Part> parts();

    /** All layers and vertices from input to output. */
    abstract List<Node> nodes();

    /** What takes the output of a layer or vertex. */
    abstract List<Node> consumers(Node node);

    /** What a layer or vertex takes the outputs of; nothing for inputs of the network. */
    abstract List<Node> producers(Node node);

    /** The layer whose output is all that a layer takes, or null if that is something else. */
    abstract Part before(Part part);

    /** The layer that alone takes a layer's output, or null if there are others, or something else takes it, too. */
    abstract Part onlyConsumer(Part part);

    /** What stands between a layer and the one before it, or null. */
    abstract InputPreProcessor preProcessor(Part part);

    abstract void setPreProcessor(Part part, InputPreProcessor preProcessor);

    /** Removes a layer of one input; what took its output takes its input. */
    abstract void remove(Part part);

    /** The new network. */
    abstract M build();

    /** Room for parameters; a network that is given some leaves ND4J's random numbers alone. */
    static INDArray emptyParams(DataType type, long length) {
        return Nd4j.create(type, 1, length);
    }
}
