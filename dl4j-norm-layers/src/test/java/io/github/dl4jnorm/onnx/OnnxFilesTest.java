// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import onnx.Onnx;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Files of others, names as exporters write them, and operators that are not known. */
@Tag("once")
class OnnxFilesTest {
    private static final Path FILES = Path.of("src/test/resources/onnx");

    @TempDir
    private Path directory;

    static List<String> files() throws IOException {
        try (Stream<Path> all = Files.list(FILES)) {
            return all.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static INDArray array(Path file) {
        try {
            return Tensors.array(Onnx.TensorProto.parseFrom(Files.readAllBytes(file)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Each has a model and numbers. Most are of one or two nodes that Deeplearning4j's importer fails at. Those whose names begin
     * with torch are exports of networks of a few layers by PyTorch 2.14, {@code torch.onnx.export} with dynamo false (script) or
     * true: traced with a batch of 3 that is dynamic (all: with other sizes dynamic, too), without the comments that the exporter
     * adds. Their numbers are PyTorch's for a batch of 2.
     */
    @ParameterizedTest
    @MethodSource("files")
    void giveTheirNumbers(String name) throws IOException {
        Path data = FILES.resolve(name).resolve("test_data_set_0");
        PrintStream out = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        SameDiff sd;
        System.setOut(new PrintStream(printed));
        try {
            sd = OnnxNorms.importModel(FILES.resolve(name).resolve("model.onnx"));
        } finally {
            System.setOut(out);
        }
        // Other tests print at the same time.
        assertThat(printed.toString(StandardCharsets.UTF_8)).doesNotContain("Summary", "Importing", "onnx");
        Map<String, INDArray> inputs = new LinkedHashMap<>();
        Onnx.ModelProto model = Onnx.ModelProto.parseFrom(Files.readAllBytes(FILES.resolve(name).resolve("model.onnx")));
        for (Onnx.ValueInfoProto input : model.getGraph().getInputList()) {
            inputs.put(input.getName(), array(data.resolve("input_" + inputs.size() + ".pb")));
        }
        assertThat(sd.inputs()).containsExactlyInAnyOrderElementsOf(inputs.keySet());
        Map<String, INDArray> outputs = sd.output(inputs, sd.outputs().toArray(String[]::new));
        int next = 0;
        for (String output : sd.outputs()) {
            INDArray expected = array(data.resolve("output_" + next++ + ".pb"));
            INDArray actual = outputs.get(output);
            assertThat(actual.shape()).as(output).isEqualTo(expected.shape());
            assertThat(actual.dataType()).isEqualTo(expected.dataType());
            assertThat(OnnxCase.numbers(actual)).containsExactly(OnnxCase.numbers(expected), within(1e-4));
        }
    }

    /** PyTorch names constants so, TensorFlow its outputs; names may look like those of what is between, too. */
    @Test
    void namesStay() throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 2, 4);
        SameDiff sd = new OnnxFile(17).input("input.1", DataType.FLOAT, -1, 4)
                .initializer("onnx::MatMul_10", Nd4j.eye(4).castTo(DataType.FLOAT), true)
                .initializer("/norm/Constant_output_0", Nd4j.ones(DataType.FLOAT, 4), true)
                .node("MatMul", List.of("input.1", "onnx::MatMul_10"), List.of("/lin/MatMul_output_0"))
                .node("LayerNormalization", List.of("/lin/MatMul_output_0", "/norm/Constant_output_0"), List.of("y/norm/mul"))
                .node("Identity", List.of("y/norm/mul"), List.of("y")).node("Identity", List.of("y"), List.of("y/norm"))
                .output("y", DataType.FLOAT).output("y/norm", DataType.FLOAT).imported(directory);
        assertThat(sd.inputs()).containsExactly("input.1");
        assertThat(sd.outputs()).containsExactly("y", "y/norm");
        Map<String, INDArray> outputs = sd.output(Map.of("input.1", x), "y", "y/norm", "/lin/MatMul_output_0");
        assertThat(outputs.get("y")).isEqualTo(outputs.get("y/norm"));
        assertThat(outputs.get("/lin/MatMul_output_0")).isEqualTo(x);
    }

    @Test
    void everyOperatorIsOnThePageAboutModels() throws IOException {
        String page = Files.readString(Path.of("../src/site/markdown/models.md"));
        assertThat(Operators.types()).hasSizeGreaterThan(90).allMatch(type -> page.contains("`"
                + type.substring(type.lastIndexOf('.') + 1) + "`"));
    }

    @Test
    void namesAllUnknownOperatorsAtOnce() {
        OnnxFile file = new OnnxFile(17).input("x", DataType.FLOAT, 2, 4)
                .node("NonZero", List.of("x"), List.of("a")).named("/up/NonZero").node("Det", List.of("x"), List.of("b"))
                .node("Det", List.of("x"), List.of("c")).output("c", DataType.FLOAT);
        assertThatThrownBy(() -> file.imported(directory)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("model.onnx", "2 operators that this importer does not know",
                        "NonZero (node \"/up/NonZero\"), Det (node \"b\" and 1 more)", "allowUntested()");
    }

    @Test
    @Tag("full")
    void leavesUnknownOperatorsToDeeplearning4jIfAsked() throws IOException {
        Path file = new OnnxFile(13).input("x", DataType.FLOAT, 2, 4).node("Acos", List.of("x"), List.of("y"))
                .output("y", DataType.FLOAT).write(directory);
        assertThatThrownBy(() -> OnnxNorms.importModel(file)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("an operator that this importer does not know: Acos");
        SameDiff sd = OnnxNorms.importModel(file, OnnxNorms.Options.allowUntested());
        INDArray x = Nd4j.createFromArray(0.5f, -0.5f, 0.1f, 0.9f, 0.2f, 0.3f, -1f, 1f).reshape(2, 4);
        assertThat(sd.outputSingle(Map.of("x", x), "y").getDouble(0)).isCloseTo(Math.acos(0.5), within(1e-5));
    }

    @Test
    void saysWhatOfAnOperatorIsNotSupported() {
        OnnxFile file = new OnnxFile(18).input("x", DataType.FLOAT, 2, 3, 8, 8)
                .initializer("scales", Nd4j.createFromArray(1f, 1, 0.5f, 0.5f), true)
                .node("Resize", List.of("x", "", "scales"), List.of("y"), OnnxFile.attribute("antialias", 1)).named("less")
                .output("y", DataType.FLOAT);
        assertThatThrownBy(() -> file.imported(directory)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("model.onnx cannot be imported: Resize \"less\" of operator set 18",
                        "expected antialias 0, got 1");
    }

    /** Normalizes as a chain of ONNX's own nodes does. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void groupNormOfOnnxRuntime(int option) throws IOException {
        OnnxFile file = new OnnxFile(21).input("x", DataType.FLOAT, -1, 3, 2, 4)
                .initializer("scale", OnnxCase.numbers(2, DataType.FLOAT, 1.5, 4), true)
                .initializer("bias", OnnxCase.numbers(3, DataType.FLOAT, 0, 4), true)
                .node("Transpose", List.of("x"), List.of("first"), OnnxFile.attribute("perm", new long[]{0, 3, 1, 2}))
                .node("GroupNormalization", List.of("first", "scale", "bias"), List.of("norm"),
                        OnnxFile.attribute("num_groups", 2))
                .node("Sigmoid", List.of("norm"), List.of("gate")).node("Mul", List.of("norm", "gate"), List.of("silu"))
                .node("Transpose", List.of("silu"), List.of("last"), OnnxFile.attribute("perm", new long[]{0, 2, 3, 1}))
                .node("GroupNorm", List.of(option == 0 ? "first" : "x", "scale", "bias"), List.of("y"),
                        OnnxFile.attribute("channels_last", option), OnnxFile.attribute("groups", 2),
                        OnnxFile.attribute("activation", option)).domain("com.microsoft").output("y", DataType.FLOAT);
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 2, 3, 2, 4);
        Map<String, INDArray> outputs = file.imported(directory).output(Map.of("x", x), "y", "norm", "last");
        INDArray expected = outputs.get(option == 0 ? "norm" : "last");
        assertThat(outputs.get("y").shape()).isEqualTo(expected.shape());
        assertThat(OnnxCase.numbers(outputs.get("y"))).containsExactly(OnnxCase.numbers(expected), within(1e-5));
    }

    /** Some files list outputs that nothing uses; what does use one must not take it for an input left out. */
    @Test
    void outputsThatAreNotComputedMayBeThereButNotBeUsed() throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 1, 1, 4, 4);
        OnnxFile file = new OnnxFile(10).input("x", DataType.FLOAT, 1, 1, 4, 4)
                .node("MaxPool", List.of("x"), List.of("y", "places"), OnnxFile.attribute("kernel_shape",
                        new long[]{1, 1})).output("y", DataType.FLOAT);
        assertThat(file.imported(directory).outputSingle(Map.of("x", x), "y")).isEqualTo(x);
        file.node("Clip", List.of("x", "places"), List.of("z")).output("z", DataType.FLOAT);
        assertThatThrownBy(() -> file.imported(directory)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("Clip \"z\"", "\"places\" is an output that this importer does not compute");
    }

    @Test
    void listsThatWouldFillTheMemoryAreRefused() {
        OnnxFile file = new OnnxFile(13).initializer("from", Nd4j.scalar(0L), true).initializer("to", Nd4j.scalar(1L << 40), true)
                .initializer("step", Nd4j.scalar(1L), true).node("Range", List.of("from", "to", "step"), List.of("y"))
                .output("y", DataType.LONG);
        assertThatThrownBy(() -> file.imported(directory)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Range \"y\" of operator set 13: expected 1 to 67108864 elements, got 1099511627776");
    }

    /** Truncated files and flipped bits: an error, or a graph, but never the end of the program. */
    @Test
    @Tag("full")
    void survivesDamagedFiles() throws IOException {
        Random random = new Random(5);
        List<String> files = files();
        int refused = 0;
        for (int i = 0; i < 2000; i++) {
            byte[] bytes = Files.readAllBytes(FILES.resolve(files.get(i % files.size())).resolve("model.onnx"));
            if (i % 3 == 0) {
                bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
            } else {
                for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                    bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
                }
            }
            Path file = Files.write(directory.resolve("damaged.onnx"), bytes);
            try {
                OnnxNorms.importModel(file);
            } catch (IOException | IllegalArgumentException e) {
                refused++;
                assertThat(e).hasMessageContaining("damaged.onnx");
            }
        }
        assertThat(refused).isGreaterThan(500);
    }
}
