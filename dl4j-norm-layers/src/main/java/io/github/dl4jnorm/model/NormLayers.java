// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.layer.NormalizationLayer;
import java.util.LinkedHashMap;
import java.util.Map;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.GraphVertex;
import org.deeplearning4j.nn.layers.FrozenLayer;
import org.deeplearning4j.nn.layers.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;

/** Finds the layers of a network that keep running statistics and are not frozen, from input to output. */
final class NormLayers {
    private NormLayers() {
    }

    static Map<String, NormalizationLayer> of(MultiLayerNetwork net) {
        Map<String, NormalizationLayer> found = new LinkedHashMap<>();
        Layer[] layers = net.getLayers();
        for (int i = 0; i < layers.length; i++) {
            add(found, layers[i], String.valueOf(i));
        }
        return found;
    }

    static Map<String, NormalizationLayer> of(ComputationGraph net) {
        Map<String, NormalizationLayer> found = new LinkedHashMap<>();
        for (int index : net.topologicalSortOrder()) {
            GraphVertex vertex = net.getVertices()[index];
            add(found, vertex.getLayer(), vertex.getVertexName());
        }
        return found;
    }

    private static void add(Map<String, NormalizationLayer> found, Layer layer, String fallback) {
        Layer inner = layer;
        while (inner instanceof BaseWrapperLayer wrapper) {
            if (inner instanceof FrozenLayer || inner instanceof FrozenLayerWithBackprop) {
                return;
            }
            inner = wrapper.getUnderlying();
        }
        if (inner instanceof NormalizationLayer norm && norm.layerConf() instanceof RunningNormLayer conf
                && conf.tracksStatistics()) {
            String name = conf.getLayerName();
            found.put(name == null || found.containsKey(name) ? fallback : name, norm);
        }
    }
}
