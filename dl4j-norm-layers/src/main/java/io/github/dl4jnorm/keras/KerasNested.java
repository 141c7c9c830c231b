// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;

/**
 * Puts the layers of models inside of a model in their place, because Deeplearning4j's importer supports no nested models. The
 * layers' names begin with that of the model and a slash. Reads the form of Keras 2, in which a tensor is
 * {@code [layer, node, number, {}]}.
 */
final class KerasNested {
    private static final Set<String> MODELS = Set.of("Sequential", "Functional", "Model");
    private static final String INPUT = "InputLayer";
    private static final String NODES = "inbound_nodes";
    private static final String INPUTS = "input_layers";
    private static final String OUTPUTS = "output_layers";

    private KerasNested() {
    }

    /** Whether a layer is a model. */
    static boolean is(Map<String, Object> layer) {
        return MODELS.contains(String.valueOf(layer.get("class_name")));
    }

    /** The name of a layer that is inside of models, whose names come first. */
    static String name(String outer, Object layer) {
        return outer.isEmpty() ? String.valueOf(layer) : outer + "/" + layer;
    }

    /**
     * Flattens a model in place. A row of layers stays one unless a model inside is a graph.
     *
     * @param model model
     */
    static void flatten(Map<String, Object> model)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        List<Map<String, Object>> layers = KerasModels.layers(model);
        if (layers.stream().noneMatch(KerasNested::is)) {
            return;
        }
        if (isRow(model)) {
            KerasModels.config(model).put("layers", row(layers, ""));
            return;
        }
        toGraph(model);
        Map<String, List<List<Object>>> aliases = new HashMap<>();
        List<Map<String, Object>> flat = graph(KerasModels.layers(model), "", aliases);
        for (Map<String, Object> layer : flat) {
            layer.put(NODES, nodes(layer, tensor -> resolved(tensor, aliases)));
        }
        Map<String, Object> config = KerasModels.config(model);
        config.put("layers", flat);
        config.put(OUTPUTS, tensors(config.get(OUTPUTS)).stream().map(tensor -> resolved(tensor, aliases)).toList());
    }

    /** What a tensor is called where the models inside are gone. */
    private static List<Object> resolved(List<Object> tensor, Map<String, List<List<Object>>> aliases) {
        List<Object> found = tensor;
        for (int steps = 0; aliases.containsKey(found.get(0)); steps++) {
            if (steps > aliases.size()) {
                throw new IllegalArgumentException("expected models without cycles, got one at " + tensor);
            }
            List<List<Object>> outputs = aliases.get(found.get(0));
            found = outputs.get(Math.min(outputs.size() - 1, ((Number) found.get(2)).intValue()));
        }
        return found;
    }

    /** The calls of a layer with other tensors. */
    private static List<Object> nodes(Map<String, Object> layer, UnaryOperator<List<Object>> change)
            throws InvalidKerasConfigurationException {
        List<Object> calls = new ArrayList<>();
        for (Object call : KerasModels.list(layer.get(NODES), NODES)) {
            calls.add(tensors(call).stream().map(change).toList());
        }
        return calls;
    }

    /** A list of tensors, checked. */
    private static List<List<Object>> tensors(Object given) throws InvalidKerasConfigurationException {
        List<List<Object>> tensors = new ArrayList<>();
        for (Object each : KerasModels.list(given, "tensors")) {
            List<?> tensor = KerasModels.list(each, "a tensor");
            if (tensor.size() < 3 || !(tensor.get(0) instanceof String) || !(tensor.get(2) instanceof Number)) {
                throw new InvalidKerasConfigurationException("Keras model: expected a tensor with layer, node and number, got "
                        + tensor);
            }
            tensors.add(new ArrayList<>(tensor));
        }
        return tensors;
    }

    private static boolean isRow(Map<String, Object> model) throws InvalidKerasConfigurationException {
        if (!"Sequential".equals(model.get("class_name"))) {
            return false;
        }
        for (Map<String, Object> layer : KerasModels.layers(model)) {
            if (is(layer) && !isRow(layer)) {
                return false;
            }
        }
        return true;
    }

    private static List<Map<String, Object>> row(List<Map<String, Object>> layers, String outer)
            throws InvalidKerasConfigurationException {
        List<Map<String, Object>> flat = new ArrayList<>();
        for (Map<String, Object> layer : layers) {
            if (is(layer)) {
                List<Map<String, Object>> inside = row(KerasModels.layers(layer), rename(layer, outer));
                // The shape of the input is known from the layers before.
                flat.addAll(!flat.isEmpty() && INPUT.equals(inside.get(0).get("class_name"))
                        ? inside.subList(1, inside.size()) : inside);
            } else {
                rename(layer, outer);
                flat.add(layer);
            }
        }
        return flat;
    }

    private static String rename(Map<String, Object> layer, String outer) throws InvalidKerasConfigurationException {
        Map<String, Object> config = KerasModels.config(layer);
        String name = name(outer, config.get("name"));
        config.put("name", name);
        layer.put("name", name);
        return name;
    }

    /** Has the layers of a row say which layer they follow, as those of a graph do. */
    private static void toGraph(Map<String, Object> model) throws InvalidKerasConfigurationException {
        if (!"Sequential".equals(model.get("class_name"))) {
            return;
        }
        List<Map<String, Object>> layers = new ArrayList<>(KerasModels.layers(model));
        Map<String, Object> first = layers.get(0);
        if (!INPUT.equals(first.get("class_name"))) {
            Map<String, Object> input = new HashMap<>(Map.of("name", model.get("name") + "_input", "dtype", "float32"));
            input.put("batch_input_shape", shape(first));
            layers.add(0, new HashMap<>(Map.of("class_name", INPUT, "config", input)));
        }
        String before = null;
        for (Map<String, Object> layer : layers) {
            layer.put(NODES, before == null ? List.of() : List.of(List.of(List.of(before, 0, 0, Map.of()))));
            before = String.valueOf(KerasModels.config(layer).get("name"));
            layer.put("name", before);
        }
        Map<String, Object> config = KerasModels.config(model);
        config.put("layers", layers);
        config.put(INPUTS, List.of(List.of(layers.get(0).get("name"), 0, 0)));
        config.put(OUTPUTS, List.of(List.of(before, 0, 0)));
        model.put("class_name", "Functional");
    }

    /** The shape of a row's input, which its first layer has, or the input of the model that is the first layer. */
    private static Object shape(Map<String, Object> first) throws InvalidKerasConfigurationException {
        Map<String, Object> config = KerasModels.config(first);
        return is(first) ? shape(KerasModels.layers(first).get(0)) : config.get("batch_input_shape");
    }

    /**
     * The layers of a graph and of the models inside. {@code aliases} receives the tensors that stand for these models and for
     * their inputs, by name.
     */
    private static List<Map<String, Object>> graph(List<Map<String, Object>> layers, String outer,
                                                   Map<String, List<List<Object>>> aliases)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        List<Map<String, Object>> flat = new ArrayList<>();
        for (Map<String, Object> layer : layers) {
            layer.put(NODES, nodes(layer, tensor -> prefixed(tensor, outer)));
            String name = rename(layer, outer);
            if (!is(layer)) {
                flat.add(layer);
                continue;
            }
            toGraph(layer);
            Map<String, Object> config = KerasModels.config(layer);
            List<List<Object>> inputs = tensors(config.get(INPUTS));
            List<List<Object>> given = call(layer, name, inputs.size());
            for (int i = 0; i < given.size(); i++) {
                aliases.put(name(name, inputs.get(i).get(0)), List.of(given.get(i)));
            }
            aliases.put(name, tensors(config.get(OUTPUTS)).stream().map(tensor -> prefixed(tensor, name)).toList());
            for (Map<String, Object> inside : graph(KerasModels.layers(layer), name, aliases)) {
                if (!aliases.containsKey(String.valueOf(inside.get("name")))) {
                    flat.add(inside);
                }
            }
        }
        return flat;
    }

    /** What a model inside is called with, once. */
    private static List<List<Object>> call(Map<String, Object> layer, String name, int inputs)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        List<?> calls = KerasModels.list(layer.get(NODES), NODES);
        if (calls.size() != 1) {
            throw new UnsupportedKerasConfigurationException("Keras model \"" + name + "\" inside of a model: expected one call, "
                    + "got " + calls.size() + "; shared weights are not supported");
        }
        List<List<Object>> given = tensors(calls.get(0));
        if (given.size() != inputs) {
            throw new InvalidKerasConfigurationException("Keras model \"" + name + "\" inside of a model: expected " + inputs
                    + " inputs, got " + given.size());
        }
        return given;
    }

    private static List<Object> prefixed(List<Object> tensor, String outer) {
        List<Object> copy = new ArrayList<>(tensor);
        copy.set(0, name(outer, tensor.get(0)));
        return copy;
    }
}
