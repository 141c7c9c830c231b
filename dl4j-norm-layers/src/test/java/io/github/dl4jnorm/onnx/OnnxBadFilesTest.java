// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import static io.github.dl4jnorm.onnx.OnnxFile.attribute;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import onnx.Onnx;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/** Files that are cut short, wrong or ask for what there is not: the message says what and where. */
@Tag("once")
@Tag("full")
class OnnxBadFilesTest {
    @TempDir
    private Path directory;

    private static OnnxFile layer(int opset, Onnx.AttributeProto... attributes) {
        return new OnnxFile(opset).input("x", DataType.FLOAT, -1, 4).initializer("s", Nd4j.ones(DataType.FLOAT, 4), true)
                .node("LayerNormalization", List.of("x", "s"), List.of("y"), attributes).named("ln").output("y", DataType.FLOAT);
    }

    private void refused(OnnxFile file, String... parts) {
        assertThatThrownBy(() -> file.imported(directory)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("model.onnx").hasMessageContainingAll(parts);
    }

    @Test
    void missingFile() {
        assertThatThrownBy(() -> OnnxNorms.importModel(directory.resolve("none.onnx"))).isInstanceOf(IOException.class)
                .hasMessageContaining("none.onnx");
    }

    /** Wherever it is cut: no array, node or operator set may be missing unnoticed. */
    @Test
    void cutShort() throws IOException {
        byte[] whole = layer(17).bytes();
        for (int length = 0; length < whole.length; length++) {
            Path file = Files.write(directory.resolve("cut.onnx"), Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> OnnxNorms.importModel(file)).as("%d of %d bytes", length, whole.length)
                    .isInstanceOfAny(IOException.class, IllegalArgumentException.class).hasMessageContaining("cut.onnx");
        }
        assertThat(OnnxNorms.importModel(layer(17).write(directory).toString()).outputs()).containsExactly("y");
    }

    @Test
    void noModelAtAll() throws IOException {
        Path file = Files.writeString(directory.resolve("text.onnx"), "PK not protobuf at all, but a text of some length");
        assertThatThrownBy(() -> OnnxNorms.importModel(file)).isInstanceOf(IOException.class)
                .hasMessageContaining("is not a complete ONNX model");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 29, 1000})
    void unknownOperatorSet(int opset) {
        refused(layer(opset), "expected ONNX operator set 1 to 28, got " + opset);
    }

    @Test
    void operationBeforeItsTime() {
        refused(layer(16), "LayerNormalization \"ln\"", "expected operator set 17 or later", "got 16");
    }

    @Test
    void wrongAttributes() {
        refused(layer(17, attribute("axis", 2)), "\"ln\"", "an axis from -2 to 1 for input of rank 2, got 2");
        refused(layer(17, attribute("epsilon", -1.0)), "epsilon >= 0, got -1");
        refused(layer(17, attribute("epsilon", 1)), "attribute epsilon of type FLOAT, got INT");
        refused(layer(17, attribute("stash_type", 7)), "stash_type", "got 7");
        refused(layer(17, attribute("num_groups", 2)), "only the attributes", "got num_groups");
    }

    @Test
    void wrongShapes() {
        refused(new OnnxFile(17).input("x", DataType.FLOAT, -1, 4).initializer("s", Nd4j.ones(DataType.FLOAT, 3), true)
                .node("LayerNormalization", List.of("x", "s"), List.of("y")).output("y", DataType.FLOAT),
                "LayerNormalization \"y\"", "broadcast to x [-1, 4], got [3]");
        refused(new OnnxFile(22).input("x", DataType.FLOAT, 2, 4, 5).initializer("s", Nd4j.ones(DataType.FLOAT, 3), true)
                .node("InstanceNormalization", List.of("x", "s", "s"), List.of("y")).output("y", DataType.FLOAT),
                "InstanceNormalization \"y\"", "one element per channel, 4, got 3");
        refused(new OnnxFile(22).input("x", DataType.FLOAT, 2, 4).initializer("s", Nd4j.ones(DataType.FLOAT, 4), true)
                .node("InstanceNormalization", List.of("x", "s", "s"), List.of("y")).output("y", DataType.FLOAT),
                "input of rank 3 or more, got rank 2");
        refused(new OnnxFile(21).input("x", DataType.FLOAT, 2, 4, 5).initializer("s", Nd4j.ones(DataType.FLOAT, 4), true)
                .node("GroupNormalization", List.of("x", "s", "s"), List.of("y"), attribute("num_groups", 3))
                .output("y", DataType.FLOAT), "num_groups that divides the number of channels, 4, got 3");
        refused(new OnnxFile(13).input("x", DataType.FLOAT, 2, 4, 5).node("MeanVarianceNormalization", List.of("x"), List.of("y"))
                .output("y", DataType.FLOAT), "an axis from -3 to 2", "got 3");
    }

    @Test
    void wrongArrays() {
        Onnx.TensorProto ones = OnnxFile.tensor("s", Nd4j.ones(DataType.FLOAT, 4), true).build();
        for (Onnx.TensorProto wrong : List.of(ones.toBuilder().setDims(0, 5).build(),
                ones.toBuilder().setRawData(ones.getRawData().substring(0, 13)).build(), ones.toBuilder().setDims(0, -4).build(),
                ones.toBuilder().setDataLocation(Onnx.TensorProto.DataLocation.EXTERNAL).build())) {
            refused(new OnnxFile(17).input("x", DataType.FLOAT, -1, 4).add(wrong)
                    .node("LayerNormalization", List.of("x", "s"), List.of("y")).output("y", DataType.FLOAT), "array \"s\"");
        }
    }

    @Test
    void wrongTypesOfNumbers() {
        refused(new OnnxFile(13).input("x", DataType.INT32, 2, 4).node("LpNormalization", List.of("x"), List.of("y"))
                .output("y", DataType.INT32), "LpNormalization \"y\"", "got INT");
    }

    @Test
    void wrongNodes() {
        refused(new OnnxFile(17).input("x", DataType.FLOAT, 2, 4).node("LayerNormalization", List.of("x"), List.of("y"))
                .output("y", DataType.FLOAT), "expected 2 to 3 inputs, got [x]");
        refused(new OnnxFile(13).input("x", DataType.FLOAT, 2, 4).node("LpNormalization", List.of("x"), List.of("y", "z"))
                .output("y", DataType.FLOAT), "expected 1 output, got [y, z]");
        refused(new OnnxFile(13).input("x", DataType.FLOAT, 2, 4).node("LpNormalization", List.of("w"), List.of("y"))
                .output("y", DataType.FLOAT), "no earlier node produces its input \"w\"");
        refused(new OnnxFile(13).input("x", DataType.FLOAT, 2, 4).node("LpNormalization", List.of("x"), List.of("y"))
                .output("z", DataType.FLOAT), "no node produces the output \"z\"");
        refused(new OnnxFile(13).input("x", DataType.FLOAT, 2, 4).node("NoSuchThing", List.of("x"), List.of("y"))
                .output("y", DataType.FLOAT), "it needs an operator that this importer does not know: NoSuchThing (node \"y\")");
    }

    @Test
    void statisticsAtTestTime() {
        refused(new OnnxFile(15).input("x", DataType.FLOAT, 2, 4).initializer("s", Nd4j.ones(DataType.FLOAT, 4), true)
                .node("BatchNormalization", List.of("x", "s", "s", "s", "s"), List.of("y", "mean", "var"))
                .output("y", DataType.FLOAT), "only the output Y in test mode", "got [y, mean, var]");
        refused(new OnnxFile(9).input("x", DataType.FLOAT, 2, 4).initializer("s", Nd4j.ones(DataType.FLOAT, 4), true)
                .node("BatchNormalization", List.of("x", "s", "s", "s", "s"), List.of("y"), attribute("spatial", 0))
                .output("y", DataType.FLOAT), "no attribute spatial (removed in operator set 9), got spatial = 0");
    }
}
