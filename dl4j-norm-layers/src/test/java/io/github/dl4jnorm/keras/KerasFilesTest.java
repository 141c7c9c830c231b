// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Files of others, with numbers that Keras computed. */
@Tag("once")
class KerasFilesTest {
    private static final Path FILES = Path.of("src/test/resources/keras");

    @ParameterizedTest
    @ValueSource(strings = {"sequential_list_keras21", "depthwise_first"})
    void giveTheirNumbers(String name) throws Exception {
        INDArray x = Nd4j.createFromNpyFile(FILES.resolve(name + ".h5.in.npy").toFile());
        INDArray expected = Nd4j.createFromNpyFile(FILES.resolve(name + ".h5.out.npy").toFile());
        INDArray y = NormImports.importKeras(FILES.resolve(name + ".h5")) instanceof MultiLayerNetwork net ? net.output(x)
                : ((ComputationGraph) NormImports.importKeras(FILES.resolve(name + ".h5"))).outputSingle(x);
        assertThat(y.shape()).isEqualTo(expected.shape());
        assertThat(y.castTo(DataType.DOUBLE).dup('c').data().asDouble())
                .containsExactly(expected.castTo(DataType.DOUBLE).dup('c').data().asDouble(), within(1e-5));
    }
}
