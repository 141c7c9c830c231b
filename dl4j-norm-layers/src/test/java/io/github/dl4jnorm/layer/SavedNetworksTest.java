// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.NamedArrays;
import io.github.dl4jnorm.Thinned;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.model.PyTorchWeights;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * Networks that users have saved load, have the configuration that they had, give the output that they gave and train as they
 * did. Each was made by {@link SavedNetworks} with the library of commit 81eac68.
 *
 * <p>The files must never be written again to make this test pass: a difference here is one that every saved model sees.
 */
@Tag("long")
@Tag("vectors-first")
class SavedNetworksTest {
    /** Besides one for each name of the factory. */
    private static final int OTHERS = 112;
    private static final Path DIRECTORY = directory();
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private static Path directory() {
        try {
            return Path.of(SavedNetworksTest.class.getResource("/saved/networks").toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static List<String> names() throws IOException {
        return SavedNetwork.saved(DIRECTORY).stream().map(SavedNetwork::name).toList();
    }

    private static double tolerance(DataType type) {
        return switch (type) {
            // One in the last of eleven bits, and what it does to later layers.
            case HALF -> 4e-3;
            // The other kernels add in another order.
            case FLOAT -> Thinned.onVectors() ? 1e-6 : 1e-5;
            // As many digits as the files have.
            default -> 1e-7;
        };
    }

    @Test
    void noneIsMissing() throws IOException {
        assertThat(names()).hasSize(OTHERS + NormFactory.names().size());
    }

    @ParameterizedTest
    @MethodSource("names")
    void itIsTheSameAndTrainsTheSame(String name) throws IOException {
        SavedNetwork saved = SavedNetwork.read(DIRECTORY, name);
        double tolerance = tolerance(saved.type());
        assertThat(differences(SavedNetwork.savedJson(DIRECTORY.resolve(name + ".zip")), saved.json()))
                .as("%s: configuration (- gone, + new)", name).isEmpty();
        NamedArrays.assertClose(saved.output(), saved.batch().get(SavedNetwork.OUTPUT), tolerance, name + ": output");

        saved.fit();
        Map<String, INDArray> expected = new LinkedHashMap<>();
        saved.batch().forEach((key, array) -> {
            if (key.startsWith(SavedNetwork.TRAINED)) {
                expected.put(key.substring(SavedNetwork.TRAINED.length()), array);
            }
        });
        Map<String, INDArray> actual = saved.parameters();
        assertThat(actual.keySet()).as("%s: parameters", name).containsExactlyElementsOf(expected.keySet());
        expected.forEach((key, array) ->
                NamedArrays.assertClose(actual.get(key), array, tolerance, name + ": " + key + " after training"));
    }

    private static List<String> differences(String before, String now) throws IOException {
        Set<String> old = new TreeSet<>();
        Set<String> current = new TreeSet<>();
        flatten("", MAPPER.readTree(before), old);
        flatten("", MAPPER.readTree(now), current);
        return Stream.concat(old.stream().filter(line -> !current.contains(line)).map("- "::concat),
                current.stream().filter(line -> !old.contains(line)).map("+ "::concat)).toList();
    }

    /** A line for each value, with its path. */
    private static void flatten(String path, JsonNode node, Set<String> lines) {
        if (node.isContainerNode() && !node.isEmpty()) {
            node.fields().forEachRemaining(field -> flatten(path + "/" + field.getKey(), field.getValue(), lines));
            for (int i = 0; node.isArray() && i < node.size(); i++) {
                flatten(path + "/" + i, node.get(i), lines);
            }
        } else {
            lines.add(path + " = " + node);
        }
    }

    @Test
    void weightsForPyTorchAreTheSame(@TempDir Path directory) throws IOException {
        Path file = DIRECTORY.resolve("pytorch.npz");
        SavedNetwork saved = SavedNetwork.read(DIRECTORY, "pytorch");
        PyTorchWeights.write(saved.model(), directory.resolve("now.npz"));
        assertThat(entries(directory.resolve("now.npz"))).containsExactlyEntriesOf(entries(file));

        SavedNetwork other = SavedNetwork.read(DIRECTORY, "pytorch");
        other.fit();
        INDArray trained = other.output();
        assertThat(PyTorchWeights.read(other.model(), file)).hasSize(6);
        assertThat(other.output()).isNotEqualTo(trained);
        PyTorchWeights.write(other.model(), directory.resolve("again.npz"));
        assertThat(entries(directory.resolve("again.npz"))).containsExactlyEntriesOf(entries(file));
    }

    /** The bytes of every entry in hexadecimal digits. */
    private static Map<String, String> entries(Path zip) throws IOException {
        Map<String, String> entries = new LinkedHashMap<>();
        try (InputStream file = Files.newInputStream(zip); ZipInputStream in = new ZipInputStream(file)) {
            for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                entries.put(entry.getName(), java.util.HexFormat.of().formatHex(in.readAllBytes()));
            }
        }
        return entries;
    }

    @Test
    @SuppressWarnings("unchecked")
    void configurationsThatJavaSerializedAreThoseOfTheNetworks() throws Exception {
        Map<String, Object> layers;
        try (InputStream file = Files.newInputStream(DIRECTORY.resolve(SavedNetworks.SERIALIZED));
                ObjectInputStream in = new ObjectInputStream(file)) {
            layers = (Map<String, Object>) in.readObject();
        }
        Map<String, Object> expected = new LinkedHashMap<>();
        for (String name : names()) {
            SavedNetwork.read(DIRECTORY, name).layers().forEach((key, layer) -> expected.put(name + " " + key, layer));
        }
        assertThat(layers).hasSizeGreaterThan(100);
        // Those of later networks are not in the file.
        assertThat(expected).containsAllEntriesOf(layers);
    }

    @Test
    void everyNormOfTheFactoryIsInANetworkOfItsDefaults() throws IOException {
        assertThat(names()).containsAll(NormFactory.names().stream().map("factory-"::concat).toList());
    }

    /** Options of this library in any class, among them those that the input type sets. */
    @Test
    void everyOptionDiffersFromItsDefaultInSomeNetwork() throws Exception {
        List<JsonNode> saved = new ArrayList<>();
        for (String name : names()) {
            collect(MAPPER.readTree(SavedNetwork.savedJson(DIRECTORY.resolve(name + ".zip"))), saved);
        }
        Map<String, JsonNode> defaults = new HashMap<>();
        Set<String> known = new TreeSet<>();
        Set<String> differ = new HashSet<>();
        Set<String> ofOthers = new HashSet<>();
        tree(new DenseLayer()).fieldNames().forEachRemaining(ofOthers::add);
        tree(new LSTM()).fieldNames().forEachRemaining(ofOthers::add);
        for (JsonNode conf : saved) {
            String type = conf.get("@class").asText();
            if (!defaults.containsKey(type)) {
                defaults.put(type, tree(withDefaults(Class.forName(type))));
            }
            defaults.get(type).fields().forEachRemaining(field -> {
                if (!ofOthers.contains(field.getKey())) {
                    known.add(field.getKey());
                    if (!field.getValue().equals(conf.get(field.getKey()))) {
                        differ.add(field.getKey());
                    }
                }
            });
        }
        assertThat(known).contains("eps", "groups", "statisticsFrozen", "powerIterations", "normalizeGates", "gammaOffset");
        known.removeAll(differ);
        assertThat(known).as("options that no saved network has: add a network to SavedNetworks and run its main").isEmpty();
    }

    private static Object withDefaults(Class<?> type) throws ReflectiveOperationException {
        Layer dense = new DenseLayer.Builder().nIn(1).nOut(1).build();
        return Reparameterization.class.isAssignableFrom(type) ? type.getConstructor(Layer.class).newInstance(dense)
                : type.getConstructor().newInstance();
    }

    private static JsonNode tree(Object conf) throws IOException {
        return MAPPER.readTree(NeuralNetConfiguration.mapper().writeValueAsString(conf));
    }

    /** Everything of this library in a configuration. */
    private static void collect(JsonNode node, List<JsonNode> found) {
        if (node.path("@class").asText().startsWith("io.github.dl4jnorm.")) {
            found.add(node);
        }
        node.forEach(child -> collect(child, found));
    }
}
