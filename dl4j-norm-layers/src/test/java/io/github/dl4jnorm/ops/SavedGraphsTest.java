// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.NamedArrays;
import io.github.dl4jnorm.Thinned;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;

/**
 * SameDiff graphs that users have saved load, give the output and the gradients that they gave and train as they did. Each was
 * made by {@link SavedGraphs} with the library of commit 81eac68.
 *
 * <p>The files must never be written again to make this test pass: a difference here is one that every saved graph sees.
 */
@Tag("long")
class SavedGraphsTest {
    private static final Path DIRECTORY = directory();
    private static final List<String> TRAINED = List.of("classifier", "statistics");

    private static Path directory() {
        try {
            return Path.of(SavedGraphsTest.class.getResource("/saved/graphs").toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static double tolerance(DataType type) {
        // The files have eight digits; the other kernels add in another order.
        return type == DataType.DOUBLE ? 1e-7 : Thinned.onVectors() ? 1e-6 : 1e-5;
    }

    @BeforeAll
    static void register() {
        SDNorm.register();
    }

    private static SameDiff load(String name) {
        return SameDiff.load(DIRECTORY.resolve(name + ".fb").toFile(), true);
    }

    private static Map<String, INDArray> expected(String name, DataType type) throws IOException {
        return NamedArrays.read(DIRECTORY.resolve(name + ".txt"), type);
    }

    /** Graphs of operations side by side: all but those that were trained. */
    static List<String> operations() throws IOException {
        try (Stream<Path> files = Files.list(DIRECTORY)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".fb"))
                    .map(name -> name.substring(0, name.length() - 3)).filter(name -> !TRAINED.contains(name)).sorted().toList();
        }
    }

    @Test
    void noneIsMissing() throws IOException {
        assertThat(operations()).contains("dense", "images", "sequences-without-gamma", "volumes-channels-last",
                "images-later", "sums-and-axes");
    }

    @ParameterizedTest
    @MethodSource("operations")
    void outputsAndGradientsAreTheSame(String name) throws IOException {
        SameDiff sd = load(name);
        List<String> outputs = expected(name, DataType.FLOAT).keySet().stream().filter(key -> !key.contains(".")).toList();
        DataType type = sd.getVariable(outputs.get(0) + ".x").dataType();
        Map<String, INDArray> expected = expected(name, type);
        List<String> variables = expected.keySet().stream().filter(key -> key.startsWith(SavedGraphs.GRADIENT))
                .map(key -> key.substring(SavedGraphs.GRADIENT.length())).toList();
        for (String output : outputs) {
            assertThat(variables).contains(output + ".x");
            Stream.of(NormOps.Kind.values()).filter(k -> k.toString().equals(output)).forEach(kind -> assertThat(variables)
                    .containsAll(kind.definition().extras().stream().map(extra -> output + "." + extra.key()).toList()));
        }
        Map<String, INDArray> values = sd.output(Map.of(), outputs);
        outputs.forEach(key -> NamedArrays.assertClose(values.get(key), expected.get(key), tolerance(type), key));
        Map<String, INDArray> gradients = sd.calculateGradients(Map.of(), variables);
        variables.forEach(key -> NamedArrays.assertClose(gradients.get(key), expected.get(SavedGraphs.GRADIENT + key),
                tolerance(type), "gradient of " + key));
    }

    @ParameterizedTest
    @ValueSource(strings = {"classifier", "statistics"})
    void trainingGoesOnTheSame(String name) throws IOException {
        SameDiff sd = load(name);
        Map<String, INDArray> expected = expected(name, DataType.FLOAT);
        DataSet batch = new DataSet(expected.get(SavedGraphs.X), expected.get(SavedGraphs.LABELS));
        NamedArrays.assertClose(TestGraph.predict(sd, batch.getFeatures()), expected.get(SavedGraphs.PREDICTIONS),
                tolerance(DataType.FLOAT), SavedGraphs.PREDICTIONS);
        SavedGraphs.track(sd);
        sd.fit(TestGraph.iterator(batch, (int) batch.getFeatures().size(0)), 1);
        List<String> variables = expected.keySet().stream().filter(key -> key.startsWith(SavedGraphs.TRAINED)).toList();
        assertThat(variables).contains(SavedGraphs.TRAINED + "gamma");
        variables.forEach(key -> NamedArrays.assertClose(
                sd.getVariable(key.substring(SavedGraphs.TRAINED.length())).getArr(), expected.get(key),
                tolerance(DataType.FLOAT), key));
    }

    @Test
    void everyOperationIsInAGraph() throws IOException {
        Set<String> found = new TreeSet<>();
        for (String name : operations()) {
            found.addAll(expected(name, DataType.FLOAT).keySet());
        }
        assertThat(found).containsAll(Stream.of(NormOps.Kind.values()).map(NormOps.Kind::toString).toList());
    }
}
