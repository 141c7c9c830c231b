// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Trainable;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.GraphVertex;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A ComputationGraph taken apart. */
final class GraphDraft extends Draft<ComputationGraph> {
    private final ComputationGraphConfiguration conf;
    private final Map<String, Part> parts = new LinkedHashMap<>();
    /** Keys of all vertices, from input to output. */
    private final List<String> order = new ArrayList<>();
    /** Parameters and state of vertices that are no layers. */
    private final Map<String, Map<String, INDArray>> others = new HashMap<>();
    private final Map<String, Map<String, Map<String, INDArray>>> otherStates = new HashMap<>();
    private final boolean hasUpdater;

    GraphDraft(ComputationGraph net) {
        conf = net.getConfiguration().clone();
        // Not part of the clone.
        conf.setIterationCount(net.getConfiguration().getIterationCount());
        conf.setEpochCount(net.getConfiguration().getEpochCount());
        hasUpdater = net.getUpdater(false) != null;
        Map<Trainable, Map<String, Map<String, INDArray>>> states = UpdaterStates.read(net.getUpdater(false));
        for (int index : net.topologicalSortOrder()) {
            GraphVertex vertex = net.getVertices()[index];
            String name = vertex.getVertexName();
            order.add(name);
            Map<String, Map<String, INDArray>> state = states.getOrDefault(vertex, new HashMap<>());
            if (conf.getVertices().get(name) instanceof LayerVertex layerVertex && vertex.hasLayer()) {
                layerVertex.setOutputVertex(((LayerVertex) net.getConfiguration().getVertices().get(name))
                        .isOutputVertex());
                parts.put(name, new Part(name, layerVertex.getLayerConf(), vertex.getLayer(), state));
            } else if (vertex.paramTable(false) != null) {
                others.put(name, vertex.paramTable(false));
                otherStates.put(name, state);
            }
        }
    }

    @Override
    DataType dataType() {
        return conf.getDataType();
    }

    @Override
    List<Part> parts() {
        return List.copyOf(parts.values());
    }

    @Override
    List<Node> nodes() {
        return order.stream().filter(conf.getVertices()::containsKey).map(this::node).toList();
    }

    private Node node(String key) {
        Part part = parts.get(key);
        return part == null ? Node.of(key, conf.getVertices().get(key)) : Node.of(part);
    }

    @Override
    List<Node> consumers(Node node) {
        return nodes().stream().filter(other -> conf.getVertexInputs().get(other.key()).contains(node.key())).toList();
    }

    @Override
    List<Node> producers(Node node) {
        return conf.getVertexInputs().get(node.key()).stream().filter(conf.getVertices()::containsKey).map(this::node)
                .toList();
    }

    @Override
    Part before(Part part) {
        List<String> inputs = conf.getVertexInputs().get(part.key());
        return inputs.size() == 1 ? parts.get(inputs.get(0)) : null;
    }

    @Override
    Part onlyConsumer(Part part) {
        List<String> takers = new ArrayList<>();
        conf.getVertexInputs().forEach((vertex, inputs) ->
                takers.addAll(Collections.nCopies(Collections.frequency(inputs, part.key()), vertex)));
        boolean alone = takers.size() == 1 && !conf.getNetworkOutputs().contains(part.key());
        return alone ? parts.get(takers.get(0)) : null;
    }

    private LayerVertex vertex(Part part) {
        return (LayerVertex) conf.getVertices().get(part.key());
    }

    @Override
    InputPreProcessor preProcessor(Part part) {
        return vertex(part).getPreProcessor();
    }

    @Override
    void setPreProcessor(Part part, InputPreProcessor preProcessor) {
        vertex(part).setPreProcessor(preProcessor);
    }

    @Override
    void remove(Part part) {
        String name = part.key();
        String input = conf.getVertexInputs().get(name).get(0);
        conf.getVertices().remove(name);
        conf.getVertexInputs().remove(name);
        conf.getVertexInputs().values().forEach(inputs -> Collections.replaceAll(inputs, name, input));
        Collections.replaceAll(conf.getNetworkOutputs(), name, input);
        parts.remove(name);
    }

    @Override
    ComputationGraph build() {
        long length = 0;
        for (var vertex : conf.getVertices().values()) {
            vertex.setDataType(conf.getDataType());
            length += vertex.numParams(true);
        }
        ComputationGraph net = new ComputationGraph(conf);
        net.init(length == 0 ? null : emptyParams(conf.getDataType(), length), false);
        for (GraphVertex vertex : net.getVertices()) {
            String name = vertex.getVertexName();
            Part part = parts.get(name);
            if (part != null) {
                part.fill(vertex.getLayer());
                if (part.frozenWithoutConfiguration()) {
                    vertex.setLayerAsFrozen();
                }
            } else if (others.containsKey(name)) {
                Map<String, INDArray> table = vertex.paramTable(false);
                others.get(name).forEach((param, value) -> table.get(param).assign(value));
            }
        }
        if (hasUpdater) {
            UpdaterStates.write(net.getUpdater(), this::state);
        }
        return net;
    }

    private Map<String, Map<String, INDArray>> state(Trainable owner) {
        String name = ((GraphVertex) owner).getVertexName();
        return parts.containsKey(name) ? parts.get(name).updaterState() : otherStates.getOrDefault(name, Map.of());
    }
}
