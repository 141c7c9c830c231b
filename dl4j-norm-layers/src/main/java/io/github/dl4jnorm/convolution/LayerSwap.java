// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.function.BiFunction;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.GraphVertex;
import org.deeplearning4j.nn.graph.vertex.impl.LayerVertex;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;

/**
 * Exchanges running layers of a network, those within wrappers, too. Deeplearning4j has no way to: where a layer is held in a
 * field, the field is set by reflection.
 */
public final class LayerSwap {
    private final BiFunction<String, Layer, Layer> rule;
    /** What became of each layer: a network holds some in two places. */
    private final Map<Layer, Layer> done = new IdentityHashMap<>();

    private LayerSwap(BiFunction<String, Layer, Layer> rule) {
        this.rule = rule;
    }

    /**
     * Exchanges layers.
     *
     * @param net  an initialized MultiLayerNetwork or ComputationGraph
     * @param rule gets index or vertex and a layer; gives another one, or the same to keep it and look into it
     * @throws IllegalArgumentException if the model is of another kind
     * @throws IllegalStateException    if the network is not initialized
     */
    public static void apply(Model net, BiFunction<String, Layer, Layer> rule) {
        LayerSwap swap = new LayerSwap(rule);
        if (net instanceof MultiLayerNetwork sequence && sequence.isInitCalled()) {
            swap.sequence(sequence);
        } else if (net instanceof ComputationGraph graph && graph.getVertices() != null) {
            swap.graph(graph);
        } else if (net instanceof MultiLayerNetwork || net instanceof ComputationGraph) {
            throw new IllegalStateException("Expected an initialized network: call init() first");
        } else {
            throw new IllegalArgumentException("Expected a MultiLayerNetwork or ComputationGraph, got "
                    + (net == null ? "null" : net.getClass().getName()));
        }
    }

    private void sequence(MultiLayerNetwork net) {
        Layer[] layers = net.getLayers();
        for (int i = 0; i < layers.length; i++) {
            layers[i] = exchanged(String.valueOf(i), layers[i]);
        }
        Map<String, Layer> byName = get(net, field(MultiLayerNetwork.class, "layerMap"));
        byName.replaceAll((name, layer) -> done.getOrDefault(layer, layer));
    }

    private void graph(ComputationGraph net) {
        Field held = field(LayerVertex.class, "layer");
        for (int index : net.topologicalSortOrder()) {
            GraphVertex vertex = net.getVertices()[index];
            if (vertex instanceof LayerVertex) {
                Layer other = exchanged(vertex.getVertexName(), vertex.getLayer());
                if (other != vertex.getLayer()) {
                    set(vertex, held, other);
                }
            }
        }
        Layer[] layers = net.getLayers();
        for (int i = 0; i < layers.length; i++) {
            layers[i] = done.getOrDefault(layers[i], layers[i]);
        }
    }

    private Layer exchanged(String key, Layer layer) {
        Layer known = done.get(layer);
        if (known != null) {
            return known;
        }
        Layer other = rule.apply(key, layer);
        done.put(layer, other);
        if (other == layer) {
            lookInto(key, layer);
        }
        return other;
    }

    private void lookInto(String key, Layer wrapper) {
        for (Class<?> type = wrapper.getClass(); type != Object.class; type = type.getSuperclass()) {
            for (Field field : type.getDeclaredFields()) {
                if (Layer.class.isAssignableFrom(field.getType()) && !Modifier.isStatic(field.getModifiers())) {
                    field.setAccessible(true);
                    Layer inner = get(wrapper, field);
                    Layer other = inner == null ? null : exchanged(key, inner);
                    // Whoever only looks writes nothing.
                    if (other != inner) {
                        set(wrapper, field, other);
                    }
                }
            }
        }
    }

    /**
     * Makes a layer the same as another one: it shares parameters, gradients, listeners, input and all else.
     *
     * @param from a layer
     * @param to   a layer that has the other one's class as a superclass, or the other way round
     */
    static void copyState(Layer from, Layer to) {
        Class<?> shared = from.getClass().isInstance(to) ? from.getClass() : to.getClass();
        for (Class<?> type = shared; type != Object.class; type = type.getSuperclass()) {
            for (Field field : type.getDeclaredFields()) {
                if (!Modifier.isStatic(field.getModifiers())) {
                    field.setAccessible(true);
                    set(to, field, get(from, field));
                }
            }
        }
    }

    private static Field field(Class<?> type, String name) {
        try {
            Field field = type.getDeclaredField(name);
            field.setAccessible(true);
            return field;
        } catch (NoSuchFieldException e) {
            throw changed(e);
        }
    }

    @SuppressWarnings("unchecked")
    private static <T> T get(Object owner, Field field) {
        try {
            return (T) field.get(owner);
        } catch (IllegalAccessException e) {
            throw changed(e);
        }
    }

    private static void set(Object owner, Field field, Object value) {
        try {
            field.set(owner, value);
        } catch (IllegalAccessException e) {
            throw changed(e);
        }
    }

    private static IllegalStateException changed(ReflectiveOperationException e) {
        return new IllegalStateException("This version of Deeplearning4j holds its layers in another way than 1.0.0-M2.1", e);
    }
}
