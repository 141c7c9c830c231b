// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * Saves and restores a training run: a Deeplearning4j model file with updater state and step count, and an extra entry with
 * the options needed to resume.
 *
 * @param net     network
 * @param norm    its norm
 * @param options arguments of {@link TrainingOptions}
 * @param lossSum sum of the losses of the current epoch
 */
record Checkpoint(MultiLayerNetwork net, NormChoice norm, List<String> options, double lossSum) {
    private static final String ENTRY = "training.json";

    void write(Path path) throws IOException {
        String json = new ObjectMapper().writeValueAsString(Map.of("norm", norm.name(), "options", options,
                "lossSum", lossSum));
        ModelFiles.write(new ModelFiles.Loaded(net, null), path, Map.of(ENTRY, json));
    }

    static Checkpoint read(Path path) throws IOException {
        ModelFiles.Loaded loaded = ModelFiles.read(path);
        String json = ModelFiles.entry(path, ENTRY);
        if (json == null || !(loaded.net() instanceof MultiLayerNetwork net)) {
            throw new IOException(path + " holds a network but no training state to resume; use a file written by train --save");
        }
        try {
            JsonNode entry = new ObjectMapper().readTree(json);
            List<String> options = new ObjectMapper().convertValue(entry.path("options"),
                    new ObjectMapper().getTypeFactory().constructCollectionType(List.class, String.class));
            return new Checkpoint(net, new NormChoice.Converter().convert(entry.path("norm").asText()), options,
                    entry.path("lossSum").asDouble());
        } catch (JsonProcessingException | RuntimeException e) {
            throw new IOException(path + ": its " + ENTRY + " cannot be read: " + e.getMessage(), e);
        }
    }
}
