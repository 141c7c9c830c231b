// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;

/**
 * Where the weights of a layer are in a {@code .keras} archive. Keras writes groups named after the classes of the layers,
 * numbered, and arrays that have their place in the layer's list of variables for a name.
 *
 * @param group HDF5 group of the layer
 * @param own   Keras's names of the layer's own variables, in order
 * @param inner those of the layer inside, or of the cell
 */
record KerasVariables(String group, List<String> own, List<String> inner) {
    private static final List<String> KERNEL = List.of("kernel", "bias");
    private static final List<String> RECURRENT = List.of("kernel", "recurrent_kernel", "bias");
    private static final List<String> AFFINE = List.of("gamma", "beta");
    private static final List<String> SEPARABLE = List.of("depthwise_kernel", "pointwise_kernel", "bias");
    private static final Map<String, List<String>> NAMES = Map.ofEntries(
            Map.entry("SeparableConv1D", SEPARABLE), Map.entry("SeparableConv2D", SEPARABLE),
            Map.entry("LSTM", RECURRENT), Map.entry("GRU", RECURRENT), Map.entry("SimpleRNN", RECURRENT),
            Map.entry("Embedding", List.of("embeddings")), Map.entry("PReLU", List.of("alpha")),
            Map.entry("BatchNormalization", List.of("gamma", "beta", "moving_mean", "moving_variance")),
            Map.entry("LayerNormalization", AFFINE), Map.entry("GroupNormalization", AFFINE),
            Map.entry("RMSNormalization", List.of("scale")), Map.entry("LayerScale", List.of("gamma")),
            Map.entry("Normalization", List.of("mean", "variance", "count")),
            Map.entry("SpectralNormalization", List.of("kernel", "vector_u")));

    /** Those of all layers of a model, by name; layers of models inside by {@link KerasNested#name}. */
    static Map<String, KerasVariables> of(Map<String, Object> model) throws InvalidKerasConfigurationException {
        Map<String, KerasVariables> found = new HashMap<>();
        collect(model, "", "", found);
        return found;
    }

    private static void collect(Map<String, Object> model, String group, String outer, Map<String, KerasVariables> found)
            throws InvalidKerasConfigurationException {
        Map<String, Integer> used = new HashMap<>();
        for (Map<String, Object> layer : KerasModels.layers(model)) {
            String className = String.valueOf(layer.get("class_name"));
            String kind = snakeCase(className.substring(className.lastIndexOf('>') + 1));
            int before = used.merge(kind, 1, Integer::sum) - 1;
            String path = group + "/layers/" + kind + (before == 0 ? "" : "_" + before);
            Map<String, Object> config = KerasModels.config(layer);
            String name = KerasNested.name(outer, config.get("name"));
            if (KerasNested.is(layer)) {
                collect(layer, path, name, found);
            } else {
                boolean wrapper = config.get("layer") instanceof Map;
                Map<String, Object> inside = wrapper ? KerasModels.map(config.get("layer"), "layer of " + name) : layer;
                found.put(name, new KerasVariables(path, names(layer), names(inside)));
            }
        }
    }

    private static List<String> names(Map<String, Object> layer) throws InvalidKerasConfigurationException {
        Map<String, Object> options = KerasModels.config(layer);
        List<String> names = new ArrayList<>(NAMES.getOrDefault(String.valueOf(layer.get("class_name")), KERNEL));
        if (Boolean.FALSE.equals(options.get("scale"))) {
            names.remove("gamma");
        }
        if (Boolean.FALSE.equals(options.get("center"))) {
            names.remove("beta");
        }
        return names;
    }

    /** What Keras makes of the name of a class. */
    private static String snakeCase(String className) {
        return className.replaceAll("\\W+", "").replaceAll("(.)([A-Z][a-z]+)", "$1_$2")
                .replaceAll("([a-z])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
    }
}
