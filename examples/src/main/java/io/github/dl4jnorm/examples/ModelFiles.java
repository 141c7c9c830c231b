// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.WholeFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.dataset.api.preprocessor.Normalizer;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** Reads and writes Deeplearning4j model files. Treat model files like code: see SECURITY.md. */
final class ModelFiles {
    private ModelFiles() {
    }

    /**
     * Holds a model and its normalizer.
     *
     * @param net        MultiLayerNetwork or ComputationGraph
     * @param normalizer of its input, or null
     */
    record Loaded(Model net, Normalizer<?> normalizer) {
        Loaded with(Model other) {
            return new Loaded(other, normalizer);
        }
    }

    static Loaded read(Path path) throws IOException {
        if (!Files.isRegularFile(path)) {
            throw missing(path);
        }
        try {
            Model net = isGraph(path) ? ModelSerializer.restoreComputationGraph(path.toFile(), true)
                    : ModelSerializer.restoreMultiLayerNetwork(path.toFile(), true);
            return new Loaded(net, ModelSerializer.restoreNormalizerFromFile(path.toFile()));
        } catch (IOException | RuntimeException e) {
            throw new IOException(path + " is not a complete Deeplearning4j model file: " + e.getMessage(), e);
        }
    }

    /** Says what to do where a program was killed before the file got its name. */
    private static IOException missing(Path path) throws IOException {
        Path part = WholeFile.part(path);
        if (Files.exists(path) || !Files.isRegularFile(part)) {
            return new IOException(path + " is not a file");
        }
        try {
            read(part);
        } catch (IOException e) {
            return new IOException(path + " does not exist, and " + part + ", left by an interrupted write, is incomplete", e);
        }
        return new IOException(path + " does not exist, but " + part + " is complete (the program was killed before it renamed "
                + "the file); rename it to " + path.getFileName() + " and try again");
    }

    /** A text in a model file, or null. */
    static String entry(Path path, String name) throws IOException {
        try (ZipFile zip = new ZipFile(path.toFile())) {
            ZipEntry entry = zip.getEntry(name);
            if (entry == null) {
                return null;
            }
            try (InputStream in = zip.getInputStream(entry)) {
                return new String(in.readAllBytes(), StandardCharsets.UTF_8);
            }
        }
    }

    private static boolean isGraph(Path path) throws IOException {
        String configuration = entry(path, ModelSerializer.CONFIGURATION_JSON);
        if (configuration == null) {
            throw new IOException("it has no " + ModelSerializer.CONFIGURATION_JSON);
        }
        return new ObjectMapper().readTree(configuration).has("networkInputs");
    }

    /** Writes a model file with what goes with it. */
    static void write(Loaded model, Path path) throws IOException {
        write(model, path, Map.of());
    }

    /**
     * Writes a whole model file, or leaves what was there before.
     *
     * @param model   what to write
     * @param path    file
     * @param entries further texts for the file, by their names
     */
    static void write(Loaded model, Path path, Map<String, String> entries) throws IOException {
        WholeFile.write(path, part -> {
            ModelSerializer.writeModel(model.net(), part.toFile(), true);
            if (model.normalizer() != null) {
                ModelSerializer.addNormalizerToModel(part.toFile(), model.normalizer());
            }
            if (!entries.isEmpty()) {
                addTexts(part, entries);
            }
        });
    }

    /** Anew and within the same file: a zip file system would leave a temporary one where the program is killed. */
    private static void addTexts(Path part, Map<String, String> texts) throws IOException {
        byte[] model = Files.readAllBytes(part);
        try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(model));
             ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(part))) {
            for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                out.putNextEntry(new ZipEntry(entry.getName()));
                in.transferTo(out);
            }
            for (Map.Entry<String, String> text : texts.entrySet()) {
                out.putNextEntry(new ZipEntry(text.getKey()));
                out.write(text.getValue().getBytes(StandardCharsets.UTF_8));
            }
        }
    }
}
