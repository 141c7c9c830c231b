// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/** What users see of the comparison with ONNX Runtime. */
@Tag("once")
class OnnxVerificationTest {
    @TempDir
    private Path directory;

    private static OnnxFile file(int opset, long... shape) {
        return new OnnxFile(opset).input("x", DataType.FLOAT, shape)
                .initializer("w", OnnxCase.numbers(2, DataType.FLOAT, 0.5, 4, 3), true)
                .node("Relu", List.of("x"), List.of("positive")).node("MatMul", List.of("positive", "w"), List.of("onnx::h"))
                .named("/layer/MatMul").node("LayerNormalization", List.of("onnx::h", "scale"), List.of("y"))
                .initializer("scale", OnnxCase.numbers(3, DataType.FLOAT, 1, 3), true).output("y", DataType.FLOAT);
    }

    /** An export of PyTorch whose batch is drawn. */
    @Test
    void allNodesAreEqual() throws IOException {
        Path file = Path.of("src/test/resources/onnx/torch_group_se_script/model.onnx");
        OnnxVerification report = OnnxNorms.verify(file, OnnxNorms.importModel(file));
        assertThat(report.isEqual()).as(report.toString()).isTrue();
        assertThat(report.first()).isEmpty();
        assertThat(report.compared()).isGreaterThan(30);
        assertThat(report.largest()).isLessThan(1e-5);
        assertThat(report).hasToString(file + ": all " + report.compared() + " outputs of nodes equal those of ONNX Runtime "
                + String.format("(largest relative difference %.1e, tolerance 1e-04)", report.largest()));
    }

    @Test
    void namesTheFirstNodeThatDiffers() throws IOException {
        SameDiff graph = file(17, -1, 4).imported(directory);
        Path file = directory.resolve("model.onnx");
        assertThat(OnnxNorms.verify(file, graph).isEqual()).isTrue();
        graph.setArrayForVariable("w", Nd4j.ones(DataType.FLOAT, 4, 3));
        OnnxVerification report = OnnxNorms.verify(file, graph, Map.of("x", Nd4j.ones(DataType.FLOAT, 2, 4)));
        assertThat(report.compared()).isEqualTo(3);
        assertThat(report.differences()).hasSize(2);
        assertThat(report.first().orElseThrow()).hasToString("output \"onnx::h\" of MatMul \"/layer/MatMul\": "
                + report.differences().get(0).message());
        assertThat(report.differences().get(0).message()).startsWith("expected [").contains("got [4.0, 4.0, 4.0, 4.0, …]");
        assertThat(report.toString()).contains("model.onnx: 2 of 3 outputs of nodes differ from those of ONNX Runtime by more "
                + "than 1e-04; the first is output \"onnx::h\" of MatMul");
    }

    @Test
    void sizesThatAreNotKnownAreGiven() throws IOException {
        SameDiff graph = file(17, -1, -1).imported(directory);
        Path file = directory.resolve("model.onnx");
        assertThatThrownBy(() -> OnnxNorms.verify(file, graph)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("input \"x\" has an unknown size at axis 1: call verify(file, graph, inputs)");
        assertThat(OnnxNorms.verify(file, graph, Map.of("x", Nd4j.rand(DataType.FLOAT, 2, 4))).isEqual()).isTrue();
    }

    @Test
    void saysWhatOnnxRuntimeSays() throws IOException {
        SameDiff graph = file(28, 2, 4).imported(directory);
        assertThatThrownBy(() -> OnnxNorms.verify(directory.resolve("model.onnx"), graph))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContainingAll("model.onnx is not run by ONNX Runtime: ", "Opset 28");
    }
}
