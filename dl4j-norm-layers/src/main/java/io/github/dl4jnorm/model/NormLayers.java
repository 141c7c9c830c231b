// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.FeatureNormalization;
import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.SelfAttention;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.layer.NormalizationLayer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.GraphVertex;
import org.deeplearning4j.nn.graph.vertex.VertexIndices;
import org.deeplearning4j.nn.layers.normalization.BatchNormalization;
import org.deeplearning4j.nn.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;

/** Finds the norms of a network, from input to output. Norms frozen as a whole are excluded unless stated otherwise. */
public final class NormLayers {
    private NormLayers() {
    }

    /** Norms whose running statistics may be changed. */
    static Map<String, NormalizationLayer> of(Model net) {
        Map<String, NormalizationLayer> found = withStatistics(net);
        found.values().removeIf(layer -> ((RunningNormLayer) layer.layerConf()).isStatisticsFrozen());
        return found;
    }

    /** Norms whose statistics are those of a data set and not of training. */
    static Map<String, NormalizationLayer> adapted(Model net) {
        Map<String, NormalizationLayer> found = withStatistics(net);
        found.values().removeIf(layer -> !(layer.layerConf() instanceof FeatureNormalization conf) || conf.isInverse());
        return found;
    }

    /** Norms with running statistics, whether these are frozen or not. */
    static Map<String, NormalizationLayer> withStatistics(Model net) {
        Map<String, NormalizationLayer> found = byName(byKey(net, false));
        found.values().removeIf(layer -> !layer.layerConf().tracksStatistics());
        return found;
    }

    /**
     * Returns the norms that share statistics with those of other workers.
     *
     * @param net MultiLayerNetwork or ComputationGraph
     * @return layers of the network, from input to output
     * @throws IllegalArgumentException if the model is of another kind
     */
    public static Collection<NormalizationLayer> sharing(Model net) {
        Map<String, NormalizationLayer> found = withStatistics(net);
        found.values().removeIf(layer -> !layer.layerConf().sharesStatistics());
        return found.values();
    }

    /** All norms, frozen ones, too. */
    static Map<String, NormalizationLayer> all(Model net) {
        return byName(byKey(net));
    }

    /** All norms by the index or vertex of their layer, frozen ones, too. */
    static Map<String, NormalizationLayer> byKey(Model net) {
        return byKey(net, true);
    }

    private static Map<String, NormalizationLayer> byKey(Model net, boolean frozen) {
        Map<String, NormalizationLayer> found = new LinkedHashMap<>();
        layers(net, frozen).forEach((key, layer) -> {
            if (layer instanceof NormalizationLayer norm) {
                found.put(key, norm);
            }
        });
        return found;
    }

    /** Kinds of the layers that have norms within themselves or normalize their weights, by names; frozen ones, too. */
    static Map<String, String> otherKinds(Model net) {
        Map<String, String> kinds = new LinkedHashMap<>();
        configurations(net).forEach((key, conf) -> {
            org.deeplearning4j.nn.conf.layers.Layer inside = inside(conf);
            if (inside instanceof LayerNormLSTM || inside instanceof SelfAttention || inside instanceof Reparameterization) {
                kinds.put(conf.getLayerName() == null ? key : conf.getLayerName(), inside.getClass().getSimpleName());
            }
        });
        return kinds;
    }

    /** With their wrappers, which a running layer does not tell. */
    static Map<String, org.deeplearning4j.nn.conf.layers.Layer> configurations(Model net) {
        Map<String, org.deeplearning4j.nn.conf.layers.Layer> confs = new LinkedHashMap<>();
        if (net instanceof MultiLayerNetwork sequence) {
            for (int i = 0; i < sequence.getnLayers(); i++) {
                confs.put(String.valueOf(i), sequence.getLayerWiseConfigurations().getConf(i).getLayer());
            }
        } else if (net instanceof ComputationGraph graph) {
            graph.getConfiguration().getVertices().forEach((name, vertex) -> {
                if (vertex instanceof LayerVertex layer) {
                    confs.put(name, layer.getLayerConf().getLayer());
                }
            });
        }
        return confs;
    }

    /** What is inside of Deeplearning4j's wrappers, the forward layer of those for both directions. */
    static org.deeplearning4j.nn.conf.layers.Layer inside(org.deeplearning4j.nn.conf.layers.Layer conf) {
        return unwrapped(conf) instanceof Bidirectional both ? inside(both.getFwd()) : unwrapped(conf);
    }

    /** What is inside of Deeplearning4j's wrappers of one layer. */
    static org.deeplearning4j.nn.conf.layers.Layer unwrapped(org.deeplearning4j.nn.conf.layers.Layer conf) {
        return conf instanceof Reparameterization ? conf
                : conf instanceof org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer wrapper
                ? unwrapped(wrapper.getUnderlying())
                : conf instanceof org.deeplearning4j.nn.conf.layers.misc.FrozenLayer frozen ? unwrapped(frozen.getLayer())
                : conf;
    }

    /** The running layer inside of Deeplearning4j's wrappers. */
    static Layer unwrapped(Layer layer) {
        return layer instanceof BaseWrapperLayer wrapper ? unwrapped(wrapper.getUnderlying()) : layer;
    }

    private static Map<String, NormalizationLayer> byName(Map<String, NormalizationLayer> norms) {
        Map<String, NormalizationLayer> found = new LinkedHashMap<>();
        norms.forEach((key, norm) -> {
            String name = name(key, norm);
            found.put(found.containsKey(name) ? key : name, norm);
        });
        return found;
    }

    /** Norms by how many of them precede each on the longest way from an input: those of one depth see nothing of each other. */
    static List<Map<String, NormalizationLayer>> byDepth(Model net, Map<String, NormalizationLayer> norms) {
        Map<Layer, Integer> depths = new IdentityHashMap<>();
        if (net instanceof ComputationGraph graph) {
            int[] before = new int[graph.getVertices().length];
            for (int index : graph.topologicalSortOrder()) {
                GraphVertex vertex = graph.getVertices()[index];
                for (VertexIndices input : vertex.getInputVertices() == null ? new VertexIndices[0] : vertex.getInputVertices()) {
                    before[index] = Math.max(before[index], before[input.getVertexIndex()]);
                }
                Layer layer = unwrapped(vertex.getLayer());
                if (norms.values().stream().anyMatch(norm -> norm == layer)) {
                    depths.put(layer, before[index]++);
                }
            }
        } else {
            norms.values().forEach(layer -> depths.put(layer, depths.size()));
        }
        List<Map<String, NormalizationLayer>> found = new ArrayList<>();
        norms.forEach((name, layer) -> {
            while (found.size() <= depths.get(layer)) {
                found.add(new LinkedHashMap<>());
            }
            found.get(depths.get(layer)).put(name, layer);
        });
        return found;
    }

    /** What to call a norm whose layer has an index or vertex. */
    static String name(String key, NormalizationLayer norm) {
        String name = norm.layerConf().getLayerName();
        return name == null ? key : name;
    }

    /** Keys of Deeplearning4j's own batch norms. */
    static List<String> stock(Model net) {
        Map<String, Layer> found = layers(net, false);
        found.values().removeIf(layer -> !(layer instanceof BatchNormalization));
        return List.copyOf(found.keySet());
    }

    /** Layers by index or vertex, without wrappers. */
    private static Map<String, Layer> layers(Model net, boolean frozen) {
        Map<String, Layer> layers = new LinkedHashMap<>();
        whole(net).forEach((key, layer) -> add(layers, key, layer, frozen));
        return layers;
    }

    /** Layers by index or vertex, with their wrappers. */
    static Map<String, Layer> whole(Model net) {
        Map<String, Layer> layers = new LinkedHashMap<>();
        if (net instanceof MultiLayerNetwork sequence) {
            for (int i = 0; i < sequence.getnLayers(); i++) {
                layers.put(String.valueOf(i), sequence.getLayer(i));
            }
        } else if (net instanceof ComputationGraph graph) {
            for (int index : graph.topologicalSortOrder()) {
                GraphVertex vertex = graph.getVertices()[index];
                if (vertex.getLayer() != null) {
                    layers.put(vertex.getVertexName(), vertex.getLayer());
                }
            }
        } else {
            throw Draft.unknown(net);
        }
        return layers;
    }

    private static void add(Map<String, Layer> layers, String key, Layer layer, boolean frozen) {
        Layer inner = layer;
        while (inner instanceof BaseWrapperLayer wrapper) {
            if (!frozen && Part.isFrozen(inner)) {
                return;
            }
            inner = wrapper.getUnderlying();
        }
        layers.put(key, inner);
    }
}
