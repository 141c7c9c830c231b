// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import static io.github.dl4jnorm.onnx.OnnxFile.attribute;
import static io.github.dl4jnorm.onnx.OnnxFile.reference;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import onnx.Onnx;
import onnx.Onnx.AttributeProto.AttributeType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.protobuf.ByteString;
import org.nd4j.shade.protobuf.UnknownFieldSet;

/** What files may say in other ways: arrays elsewhere, functions, short numbers, statistics of single elements. */
@Tag("once")
@Tag("full")
class OnnxFormsTest {
    @TempDir
    private Path directory;

    private static void close(INDArray actual, double[] expected, double tolerance) {
        assertThat(OnnxCase.numbers(actual)).containsExactly(expected, within(tolerance));
    }

    private static Onnx.TensorProto elsewhere(String location, Object... entries) {
        Onnx.TensorProto.Builder tensor = Onnx.TensorProto.newBuilder().setName("s").setDataType(1).addDims(4)
                .setDataLocation(Onnx.TensorProto.DataLocation.EXTERNAL);
        entry(tensor, "location", location);
        for (int i = 0; i < entries.length; i += 2) {
            entry(tensor, String.valueOf(entries[i]), String.valueOf(entries[i + 1]));
        }
        return tensor.build();
    }

    private static void entry(Onnx.TensorProto.Builder tensor, String key, String value) {
        tensor.addExternalData(Onnx.StringStringEntryProto.newBuilder().setKey(key).setValue(value));
    }

    private static OnnxFile layer(Onnx.TensorProto scale) {
        return new OnnxFile(17).input("x", DataType.FLOAT, -1, 4).add(scale)
                .node("LayerNormalization", List.of("x", "s"), List.of("y")).output("y", DataType.FLOAT);
    }

    private void write(Path file, float... numbers) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float number : numbers) {
            bytes.putFloat(number);
        }
        Files.createDirectories(file.getParent());
        Files.write(file, bytes.array());
    }

    @Test
    void arraysInFilesOfTheirOwn() throws IOException {
        write(directory.resolve("data/weights.bin"), 9, 0.5f, 1, 1.5f, -2, 9);
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 3, 4);
        double[] expected = new OnnxReference(OnnxCase.numbers(x), x.shape()).layer(1, new double[]{0.5, 1, 1.5, -2}, null,
                1e-5f);
        SameDiff sd = layer(elsewhere("data/weights.bin", "offset", 4, "length", 16)).imported(directory);
        close(sd.outputSingle(Map.of("x", x), "y"), expected, 1e-5);
        write(directory.resolve("all.bin"), 0.5f, 1, 1.5f, -2);
        close(layer(elsewhere("all.bin")).imported(directory).outputSingle(Map.of("x", x), "y"), expected, 1e-5);
    }

    @Test
    void arraysThatAreNotInTheirFiles() throws IOException {
        Path model = Files.createDirectory(directory.resolve("model"));
        write(directory.resolve("outside.bin"), 1, 1, 1, 1);
        write(model.resolve("short.bin"), 1, 1, 1);
        for (Onnx.TensorProto wrong : List.of(elsewhere("none.bin"), elsewhere("../outside.bin"), elsewhere("short.bin"),
                elsewhere(directory.resolve("outside.bin").toString()), elsewhere(""),
                elsewhere("short.bin", "offset", 0, "length", 16), elsewhere("short.bin", "offset", 13),
                elsewhere("short.bin", "offset", -4), elsewhere("short.bin", "length", "many"))) {
            assertThatThrownBy(() -> layer(wrong).imported(model)).as("%s", wrong)
                    .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("array \"s\": expected")
                    .hasMessageContaining("model.onnx");
        }
    }

    /** A function with an attribute, an output that is left out and a function that it calls. */
    @Test
    void functions() throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 2, 3, 4);
        OnnxFile inner = new OnnxFile(17).node("LayerNormalization", List.of("a", "b", "c"), List.of("n", "m"),
                reference("axis", "first", AttributeType.INT), reference("epsilon", "tiny", AttributeType.FLOAT));
        OnnxFile outer = new OnnxFile(17).node("Relu", List.of("x"), List.of("n"))
                .node("Inner", List.of("n", "w"), List.of("k"), reference("first", "axis", AttributeType.INT)).own()
                .node("Add", List.of("k", "n"), List.of("out"));
        INDArray scale = OnnxCase.numbers(2, DataType.FLOAT, 1, 3, 4);
        SameDiff sd = new OnnxFile(17).input("x", DataType.FLOAT, -1, 3, 4).initializer("w", scale, true)
                .function("Inner", List.of("a", "b", "c"), List.of("n", "m"), List.of("first", "tiny"), inner)
                .function("Outer", List.of("x", "w"), List.of("out"), List.of("axis"), outer)
                .node("Outer", List.of("x", "w"), List.of("n"), attribute("axis", 1)).own()
                .node("Outer", List.of("n", "w"), List.of("y"), attribute("axis", 1)).own()
                .output("y", DataType.FLOAT).imported(directory);
        double[] values = OnnxCase.numbers(x);
        for (int call = 0; call < 2; call++) {
            double[] relu = Arrays.stream(values).map(value -> Math.max(0, value)).toArray();
            values = new OnnxReference(relu, x.shape()).layer(1, OnnxCase.numbers(scale), null, 1e-5f);
            for (int i = 0; i < values.length; i++) {
                values[i] += relu[i];
            }
        }
        close(sd.outputSingle(Map.of("x", x), "y"), values, 1e-5);
        assertThat(sd.outputs()).containsExactly("y");
    }

    /** Defaults of attributes came when there were functions already, and operator sets may be older than the model's. */
    @Test
    void functionsHaveDefaultsAndOperatorSetsOfTheirOwn() throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 2, 4, 3);
        INDArray perGroup = OnnxCase.numbers(2, DataType.FLOAT, 1, 2);
        OnnxFile body = new OnnxFile(18).node("GroupNormalization", List.of("a", "s", "s"), List.of("b"),
                reference("num_groups", "groups", AttributeType.INT));
        OnnxFile file = new OnnxFile(21).input("x", DataType.FLOAT, -1, 4, 3).initializer("s", perGroup, true)
                .function("Norm", List.of("a", "s"), List.of("b"), List.of(), body)
                .node("Norm", List.of("x", "s"), List.of("y")).own().output("y", DataType.FLOAT);
        Onnx.ModelProto model = Onnx.ModelProto.parseFrom(file.bytes());
        ByteString two = attribute("groups", 2).toByteString();
        Onnx.FunctionProto function = model.getFunctions(0).toBuilder().setUnknownFields(UnknownFieldSet.newBuilder()
                .addField(11, UnknownFieldSet.Field.newBuilder().addLengthDelimited(two).build()).build()).build();
        Path path = Files.write(directory.resolve("default.onnx"),
                model.toBuilder().setFunctions(0, function).build().toByteArray());
        double[] p = OnnxCase.numbers(perGroup);
        close(OnnxNorms.importModel(path).outputSingle(Map.of("x", x), "y"),
                new OnnxReference(OnnxCase.numbers(x), x.shape()).group(2, p, p, 1e-5f, true), 1e-5);
    }

    @Test
    void functionsThatCannotBe() {
        OnnxFile self = new OnnxFile(17).node("Loop", List.of("a"), List.of("b")).own();
        assertThatThrownBy(() -> new OnnxFile(17).input("x", DataType.FLOAT, 2, 3)
                .function("Loop", List.of("a"), List.of("b"), List.of(), self)
                .node("Loop", List.of("x"), List.of("y")).own().output("y", DataType.FLOAT).imported(directory))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("function \"Loop\" calls itself");
        OnnxFile relu = new OnnxFile(17).node("Relu", List.of("a"), List.of("b"));
        assertThatThrownBy(() -> new OnnxFile(17).input("x", DataType.FLOAT, 2, 3)
                .function("One", List.of("a"), List.of("b"), List.of(), relu)
                .node("One", List.of("x", "x"), List.of("y")).own().output("y", DataType.FLOAT).imported(directory))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("at most 1 inputs");
        assertThatThrownBy(() -> new OnnxFile(17).input("x", DataType.FLOAT, 2, 3)
                .function("One", List.of("a"), List.of("b"), List.of(), relu)
                .function("One", List.of("a"), List.of("b"), List.of(), relu)
                .node("One", List.of("x"), List.of("y")).own().output("y", DataType.FLOAT).imported(directory))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("defined twice");
    }

    /** Becomes float, with the numbers that it has. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void bfloat16(boolean raw) throws IOException {
        DataType type = DataType.BFLOAT16;
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0, 2, 3, 4);
        INDArray scale = Nd4j.createFromArray(0.5f, 1, 1.5f, -2);
        INDArray bias = Nd4j.createFromArray(0, 0.25f, -1, 3);
        SameDiff sd = new OnnxFile(17).input("x", type, -1, 3, 4).initializer("s", scale.castTo(type), raw)
                .initializer("b", bias.castTo(type), raw)
                .node("Cast", List.of("x"), List.of("float"), attribute("to", 1))
                .node("Cast", List.of("float"), List.of("short"), attribute("to", 16))
                .node("LayerNormalization", List.of("short", "s", "b"), List.of("y", "Mean"), attribute("stash_type", 16))
                .output("y", type).output("Mean", type).imported(directory);
        Map<String, INDArray> actual = sd.output(Map.of("x", x), "y", "Mean");
        OnnxReference reference = new OnnxReference(OnnxCase.numbers(x), x.shape());
        close(actual.get("y"), reference.layer(2, OnnxCase.numbers(scale), OnnxCase.numbers(bias), 1e-5f), 1e-5);
        var set = reference.over(2);
        close(actual.get("Mean"), reference.first(reference.mean(reference.x(), set), set), 1e-5);
        assertThat(actual.get("y").dataType()).isEqualTo(DataType.FLOAT);
    }

    /** Before operator set 9, spatial = 0 has statistics, scale and bias of each element of an example. */
    @ParameterizedTest
    @ValueSource(ints = {1, 6, 7})
    void batchNormalizationOfEachElement(int opset) throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 5, 2, 3);
        INDArray p = OnnxCase.numbers(2, DataType.FLOAT, 2.5, 2, 3);
        double[] numbers = OnnxCase.numbers(p);
        OnnxReference rows = new OnnxReference(OnnxCase.numbers(x), new long[]{5, 6});
        for (boolean trains : new boolean[]{false, true}) {
            SameDiff sd = new OnnxFile(opset).input("x", DataType.FLOAT, -1, 2, 3).initializer("p", p, true)
                    .node("BatchNormalization", List.of("x", "p", "p", "p", "p"),
                            trains ? List.of("y", "mean", "var", "saved", "saved_var") : List.of("y"),
                            attribute("spatial", 0), attribute("momentum", 0.5))
                    .output("y", DataType.FLOAT).imported(directory);
            double[] mean = trains ? rows.byChannel(rows.mean(rows.x(), rows.channels())) : numbers;
            double[] variance = trains ? rows.byChannel(rows.variance(rows.channels())) : numbers;
            close(sd.outputSingle(Map.of("x", x), "y"), rows.batch(numbers, numbers, mean, variance, 1e-5f), 1e-5);
            if (trains) {
                INDArray running = sd.outputSingle(Map.of("x", x), "var");
                assertThat(running.shape()).containsExactly(2, 3);
                double[] expected = new double[6];
                Arrays.setAll(expected, i -> 0.5 * numbers[i] + 0.5 * variance[i]);
                close(running, expected, 1e-5);
            }
        }
    }
}
