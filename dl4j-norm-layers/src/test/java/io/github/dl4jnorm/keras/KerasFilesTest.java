// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.FeatureNormalization;
import io.github.dl4jnorm.conf.SpectralNormalization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Files that Keras wrote, with the numbers that it computed: {@code make.py} among them made those of Keras 3, and Keras 2.1
 * wrote the others.
 */
@Tag("once")
class KerasFilesTest {
    private static final Path FILES = Path.of("src/test/resources/keras");

    static List<String> files() throws IOException {
        try (Stream<Path> all = Files.list(FILES)) {
            return all.map(file -> file.getFileName().toString()).filter(name -> name.matches(".*\\.(keras|h5)")).sorted()
                    .toList();
        }
    }

    private static INDArray array(String file, String which) {
        return Nd4j.createFromNpyFile(FILES.resolve(file.substring(0, file.lastIndexOf('.')) + "." + which + ".npy").toFile());
    }

    @ParameterizedTest
    @MethodSource("files")
    void giveTheirNumbers(String file) throws Exception {
        INDArray expected = array(file, "out");
        INDArray y = KerasCase.output(NormImports.importKeras(FILES.resolve(file)), array(file, "in"));
        assertThat(y.shape()).isEqualTo(expected.shape());
        assertThat(y.castTo(DataType.DOUBLE).dup('c').data().asDouble())
                .containsExactly(expected.castTo(DataType.DOUBLE).dup('c').data().asDouble(), within(1e-5));
    }

    @Test
    void aRowOfRowsIsASequenceAndAGraphInsideMakesAGraph() throws Exception {
        MultiLayerNetwork row = (MultiLayerNetwork) NormImports.importKeras(FILES.resolve("row.keras"));
        assertThat(row.getLayerNames()).hasSize(4).filteredOn(name -> name.contains("/")).hasSize(2);
        ComputationGraph graph = (ComputationGraph) NormImports.importKeras(FILES.resolve("nested.h5"));
        assertThat(graph.getConfiguration().getVertices()).containsKeys("block/dense_5", "block/add_1", "deep/deepest/dense_8");
    }

    @Test
    void layersThatAdaptKeepTheirStatisticsAndWrappersStayWrappers() throws Exception {
        Model net = NormImports.importKeras(FILES.resolve("dense.keras"));
        var layers = ((MultiLayerNetwork) net).getLayerWiseConfigurations().getConfs();
        FeatureNormalization first = (FeatureNormalization) layers.get(0).getLayer();
        assertThat(first.isStatistics()).isTrue();
        assertThat(first.isInverse()).isFalse();
        assertThat(((FeatureNormalization) layers.get(layers.size() - 1).getLayer()).isInverse()).isTrue();
        assertThat(layers).anyMatch(conf -> conf.getLayer() instanceof SpectralNormalization);
    }
}
