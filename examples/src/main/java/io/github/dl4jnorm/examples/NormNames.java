// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.conf.ConditionedNorm;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.Reparameterization;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;

/** Names the norms of a network. */
final class NormNames {
    private NormNames() {
    }

    /** How many there are of each kind, such as "2 GroupNormalization, 1 Deeplearning4j's BatchNormalization". */
    static String of(Model net) {
        Map<String, Integer> counts = new TreeMap<>();
        Layer[] layers = net instanceof MultiLayerNetwork sequence ? sequence.getLayers() : ((ComputationGraph) net).getLayers();
        for (Layer layer : layers) {
            count(layer.conf().getLayer(), counts);
        }
        if (net instanceof ComputationGraph graph) {
            graph.getConfiguration().getVertices().values().stream().filter(ConditionedNorm.class::isInstance)
                    .forEach(vertex -> counts.merge(vertex.getClass().getSimpleName(), 1, Integer::sum));
        }
        return counts.entrySet().stream().map(e -> e.getValue() + " " + e.getKey()).collect(Collectors.joining(", "));
    }

    private static void count(org.deeplearning4j.nn.conf.layers.Layer layer, Map<String, Integer> counts) {
        if (layer instanceof NormLayer || layer instanceof Reparameterization) {
            counts.merge(layer.getClass().getSimpleName(), 1, Integer::sum);
        } else if (layer instanceof BatchNormalization) {
            counts.merge("Deeplearning4j's BatchNormalization", 1, Integer::sum);
        }
        if (layer instanceof FrozenLayer frozen) {
            count(frozen.getLayer(), counts);
        } else if (layer instanceof BaseWrapperLayer wrapper) {
            count(wrapper.getUnderlying(), counts);
        }
    }
}
