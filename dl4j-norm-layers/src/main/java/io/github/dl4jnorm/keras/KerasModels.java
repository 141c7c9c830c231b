// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;

/** Rewrites configurations of models into what Deeplearning4j's import reads: Keras 2, and no batch norm of its own. */
final class KerasModels {
    private static final String READ_VERSION = "2.9.0";

    private KerasModels() {
    }

    /**
     * Rewrites a configuration in place.
     *
     * @param model   as JSON has it
     * @param version Keras's
     * @throws UnsupportedKerasConfigurationException if it is neither Keras 2 nor 3
     * @throws InvalidKerasConfigurationException     if it is no configuration of a model
     */
    static void rewrite(Map<String, Object> model, String version)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        boolean third = version.startsWith("3");
        if (!third && !version.startsWith("2")) {
            throw new UnsupportedKerasConfigurationException("expected a model of Keras 2 or 3, got one of Keras " + version);
        }
        model.put("keras_version", READ_VERSION);
        model.put("backend", "tensorflow");
        Map<String, Object> config = map(model.get("config"), "config");
        for (Object each : list(config.get("layers"), "layers")) {
            Map<String, Object> layer = map(each, "layer");
            if ("BatchNormalization".equals(layer.get("class_name"))
                    || "SyncBatchNormalization".equals(layer.get("class_name"))) {
                layer.put("class_name", NormImports.BATCH);
            }
            if (third) {
                rewriteLayer(layer);
            }
        }
        if (third && config.containsKey("input_layers")) {
            config.put("input_layers", several(config.get("input_layers")));
            config.put("output_layers", several(config.get("output_layers")));
        }
    }

    private static void rewriteLayer(Map<String, Object> layer) throws InvalidKerasConfigurationException {
        Map<String, Object> config = map(layer.get("config"), "config of a layer");
        if (config.containsKey("batch_shape")) {
            config.put("batch_input_shape", config.remove("batch_shape"));
        }
        if (config.get("dtype") instanceof Map) {
            config.put("dtype", "float32");
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
    private static Map<String, Object> map(Object given, String what) throws InvalidKerasConfigurationException {
        if (!(given instanceof Map)) {
            throw new InvalidKerasConfigurationException("Keras model: expected a map for " + what + ", got " + given);
        }
        return (Map<String, Object>) given;
    }

    private static List<?> list(Object given, String what) throws InvalidKerasConfigurationException {
        if (!(given instanceof List<?> list)) {
            throw new InvalidKerasConfigurationException("Keras model: expected a list for " + what + ", got " + given);
        }
        return list;
    }
}
