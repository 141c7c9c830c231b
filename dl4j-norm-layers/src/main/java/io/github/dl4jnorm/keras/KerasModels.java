// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;

/** Rewrites configurations of models into what Deeplearning4j's import reads: Keras 2, and no batch norm of its own. */
final class KerasModels {
    private static final String READ_VERSION = "2.9.0";
    private static final Set<String> NORMS = Set.of("BatchNormalization", "SyncBatchNormalization", "LayerNormalization",
            "GroupNormalization", "InstanceNormalization", "UnitNormalization", "RMSNormalization", "Normalization");
    /** Least length of Keras 3's unit normalization, which is no option there. */
    private static final double LEAST_LENGTH = 1e-12;
    private static final Set<Object> FIRST = Set.of(1, List.of(1));
    /** Its axis names the positions, not the channels. */
    private static final String RESPONSE = "FilterResponseNormalization";

    private KerasModels() {
    }

    /**
     * Rewrites a configuration in place.
     *
     * @param model   as JSON has it
     * @param version Keras's
     * @return the normalizations of weights that layers were wrapped in, by the names of the layers
     * @throws UnsupportedKerasConfigurationException if it is neither Keras 2 nor 3
     * @throws InvalidKerasConfigurationException     if it is no configuration of a model
     */
    static Map<String, KerasWeightWrapper> rewrite(Map<String, Object> model, String version)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        boolean third = version.startsWith("3.");
        if (!third && !version.startsWith("2.")) {
            throw new UnsupportedKerasConfigurationException("expected a model of Keras 2 or 3, got one of Keras " + version
                    + (version.startsWith("1.") ? "; load it with Keras 2 and save it again, or call NormImports.registerKeras "
                    + "and import it with Deeplearning4j's KerasModelImport" : "; save it with Keras 3"));
        }
        model.put("keras_version", READ_VERSION);
        model.put("backend", "tensorflow");
        rewriteModel(model, third);
        KerasNested.flatten(model);
        List<Map<String, Object>> layers = layers(model);
        Map<String, KerasWeightWrapper> wrapped = new HashMap<>();
        for (Map<String, Object> layer : layers) {
            requireOneCall(layer);
            KerasWeightWrapper wrapper = KerasWeightWrapper.of(layer);
            if (wrapper != null) {
                wrapped.put(unwrap(layer), wrapper);
            }
        }
        boolean first = isChannelsFirst(layers);
        for (Map<String, Object> layer : layers) {
            if ("SyncBatchNormalization".equals(layer.get("class_name"))) {
                config(layer).put("synchronized", true);
            }
            layer.computeIfPresent("class_name", (key, name) -> KerasImport.OWN.getOrDefault(name, String.valueOf(name)));
            Map<String, Object> options = config(layer);
            if (third && "Embedding".equals(layer.get("class_name"))) {
                options.putIfAbsent("input_length", length(layers, layer));
            }
            if (third && "UnitNormalization".equals(layer.get("class_name"))) {
                options.put("epsilon", LEAST_LENGTH);
            }
            if (first && options.get("batch_input_shape") instanceof List<?> shape && shape.size() > 2) {
                options.put("data_format", "channels_first");
                options.put("batch_input_shape", readable(shape));
            }
        }
        return wrapped;
    }

    /** Brings a model, and those inside of it, into the form of Keras 2.2.3 and later. */
    private static void rewriteModel(Map<String, Object> model, boolean third)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        if (model.get("config") instanceof List<?> layers) {
            // Before Keras 2.2.3 the layers of a sequential model had nothing around them.
            model.put("config", new LinkedHashMap<>(Map.of("name", model.getOrDefault("name", "sequential"), "layers", layers)));
        }
        Map<String, Object> config = config(model);
        for (Map<String, Object> layer : layers(model)) {
            if (third) {
                rewriteLayer(layer);
            }
            if (KerasNested.is(layer)) {
                rewriteModel(layer, third);
            }
        }
        if (third && config.containsKey("input_layers")) {
            config.put("input_layers", several(config.get("input_layers")));
            config.put("output_layers", several(config.get("output_layers")));
        }
    }

    /** Deeplearning4j would take the first call for the only one. */
    private static void requireOneCall(Map<String, Object> layer) throws UnsupportedKerasConfigurationException {
        if (layer.get("inbound_nodes") instanceof List<?> calls && calls.size() > 1) {
            throw new UnsupportedKerasConfigurationException("Keras layer " + layer.get("class_name") + " \"" + layer.get("name")
                    + "\": expected one call, got " + calls.size() + "; shared weights are not supported");
        }
    }

    /** The options of a layer or model. */
    static Map<String, Object> config(Map<String, Object> layer) throws InvalidKerasConfigurationException {
        return map(layer.get("config"), "config of " + layer.getOrDefault("name", "a layer"));
    }

    /** The layers of a model; changes to their maps are changes of the model. */
    static List<Map<String, Object>> layers(Map<String, Object> model) throws InvalidKerasConfigurationException {
        Object given = model.get("config") instanceof List<?> row ? row : config(model).get("layers");
        List<Map<String, Object>> layers = new ArrayList<>();
        for (Object each : list(given, "layers")) {
            layers.add(map(each, "layer"));
        }
        return layers;
    }

    /** The length of the sequences that come into a layer right behind an input, which Keras 3 does not say there, or null. */
    private static Object length(List<Map<String, Object>> layers, Map<String, Object> layer)
            throws InvalidKerasConfigurationException {
        String nodes = String.valueOf(layer.get("inbound_nodes"));
        for (Map<String, Object> input : layers) {
            boolean before = layer.containsKey("inbound_nodes") ? nodes.startsWith("[[[" + input.get("name") + ",")
                    : layers.indexOf(input) == layers.indexOf(layer) - 1;
            if (before && config(input).get("batch_input_shape") instanceof List<?> shape && shape.size() == 2) {
                return shape.get(1);
            }
        }
        return null;
    }

    /** Has the layer inside take the wrapper's place and name, which it gives. */
    private static String unwrap(Map<String, Object> layer) throws InvalidKerasConfigurationException {
        Map<String, Object> outside = config(layer);
        Map<String, Object> inner = map(outside.get("layer"), "layer of " + outside.get("name"));
        Map<String, Object> inside = map(inner.get("config"), "config of the layer of " + outside.get("name"));
        for (String taken : List.of("name", "batch_shape", "batch_input_shape")) {
            if (outside.containsKey(taken)) {
                inside.put(taken, outside.get(taken));
            }
        }
        layer.put("class_name", inner.get("class_name"));
        layer.put("config", inside);
        return String.valueOf(outside.get("name"));
    }

    /**
     * Whether inputs have their channels first, which Keras does not say of an input: Deeplearning4j takes the type from a
     * convolution right behind it, but a norm there has an axis alone.
     */
    private static boolean isChannelsFirst(List<Map<String, Object>> layers) throws InvalidKerasConfigurationException {
        boolean axisFirst = false;
        for (Map<String, Object> layer : layers) {
            Map<String, Object> options = config(layer);
            if (options.get("data_format") != null) {
                return "channels_first".equals(options.get("data_format"));
            }
            String name = String.valueOf(layer.get("class_name")).replace(KerasImport.ADDONS, "");
            axisFirst |= RESPONSE.equals(name) ? leavesOutTheFirst(options.get("axis"))
                    : NORMS.contains(name) && options.get("axis") != null && FIRST.contains(options.get("axis"));
        }
        return axisFirst;
    }

    /** Whether axes, those of all positions, are not the first behind the examples: that is the channels' then. */
    private static boolean leavesOutTheFirst(Object axes) {
        return axes instanceof List<?> list
                && list.stream().noneMatch(a -> a instanceof Integer axis && (axis == 1 || axis == -list.size() - 1));
    }

    /** Of volumes [C, D, H, W], Deeplearning4j takes the last for D, the first for H, the second for W, the third for C. */
    private static List<?> readable(List<?> shape) {
        return shape.size() == 5 ? Arrays.asList(shape.get(0), shape.get(3), shape.get(4), shape.get(1), shape.get(2)) : shape;
    }

    private static void rewriteLayer(Map<String, Object> layer)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        Map<String, Object> config = config(layer);
        if (config.containsKey("batch_shape")) {
            config.put("batch_input_shape", config.remove("batch_shape"));
        }
        if (config.get("dtype") instanceof Map) {
            config.put("dtype", "float32");
        }
        config.computeIfPresent("activation", (key, name) -> "silu".equals(name) ? "swish" : name);
        for (String option : List.of("activation", "recurrent_activation")) {
            if ("hard_sigmoid".equals(config.get(option))) {
                throw new UnsupportedKerasConfigurationException("Keras layer " + layer.get("class_name") + " \""
                        + config.get("name") + "\": option " + option + " = hard_sigmoid is not supported: that of Keras 3 is "
                        + "relu6(x + 3)/6, that of Keras 2 and Deeplearning4j min(max(0.2x + 0.5, 0), 1)");
            }
        }
        if (config.containsKey("negative_slope") && "LeakyReLU".equals(layer.get("class_name"))) {
            config.put("alpha", config.get("negative_slope"));
        }
        layer.putIfAbsent("name", config.get("name"));
        if (layer.get("inbound_nodes") instanceof List<?> nodes) {
            List<Object> rewritten = new ArrayList<>();
            for (Object node : nodes) {
                if (node instanceof Map<?, ?> call) {
                    List<Object> tensors = new ArrayList<>();
                    collect(call.get("args"), tensors);
                    rewritten.add(tensors);
                } else {
                    rewritten.add(node);
                }
            }
            layer.put("inbound_nodes", rewritten);
        }
    }

    /** Keras 3 writes tensors wherever they are among the arguments of a call. */
    private static void collect(Object argument, List<Object> tensors) throws InvalidKerasConfigurationException {
        if (argument instanceof List<?> several) {
            for (Object each : several) {
                collect(each, tensors);
            }
        } else if (argument instanceof Map<?, ?> tensor && "__keras_tensor__".equals(tensor.get("class_name"))) {
            List<Object> history = new ArrayList<>(list(map(tensor.get("config"), "tensor").get("keras_history"),
                    "keras_history"));
            history.add(Map.of());
            tensors.add(history);
        }
    }

    /** Keras 3 writes a single one without a list around it. */
    private static List<?> several(Object given) throws InvalidKerasConfigurationException {
        List<?> list = list(given, "input_layers and output_layers");
        return !list.isEmpty() && list.get(0) instanceof String ? List.of(list) : list;
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> map(Object given, String what) throws InvalidKerasConfigurationException {
        if (!(given instanceof Map)) {
            throw new InvalidKerasConfigurationException("Keras model: expected a map for " + what + ", got " + given);
        }
        return (Map<String, Object>) given;
    }

    static List<?> list(Object given, String what) throws InvalidKerasConfigurationException {
        if (!(given instanceof List<?> list)) {
            throw new InvalidKerasConfigurationException("Keras model: expected a list for " + what + ", got " + given);
        }
        return list;
    }
}
