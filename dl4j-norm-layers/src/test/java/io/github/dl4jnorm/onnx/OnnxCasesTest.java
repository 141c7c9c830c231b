// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import onnx.Onnx;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Cases in the form of those of the onnx repository, from the folder that {@code onnx.cases} names. They are written from what
 * {@code onnx.backend.test.case.node.collect_testcases(None)} of the onnx package returns, a model and data sets each, as
 * {@code FOLDER/node/NAME/model.onnx} and {@code test_data_set_0/*.pb}. Many give shapes and axes as inputs of the graph; such
 * a case is tried as it is, then with these as initializers. What is refused, and the figures, are in
 * {@code target/onnx-cases.txt}.
 */
@Tag("once")
class OnnxCasesTest {
    private static final String CASES = System.getProperty("onnx.cases", "");
    private static final double RELATIVE = 1e-3;
    private static final double ABSOLUTE = 1e-5;
    private static final int BFLOAT16 = 16;
    /** It becomes FLOAT, which has more digits than the expected numbers. */
    private static final double OF_BFLOAT16 = 0x1p-8;

    @TempDir
    private Path directory;
    private final Map<String, Integer> counts = new TreeMap<>();
    private final List<String> refused = new ArrayList<>();
    private final List<String> wrong = new ArrayList<>();

    /** What became of a case: the kind it is counted as, and why. */
    private record Outcome(String kind, String message) {
    }

    @Test
    void ofTheOnnxRepositoryGiveTheirNumbers() throws IOException {
        assumeThat(CASES).isNotEmpty();
        List<Path> all;
        try (Stream<Path> folders = Files.list(Path.of(CASES))) {
            all = folders.filter(Files::isDirectory).sorted().toList();
        }
        assertThat(all).isNotEmpty();
        for (Path folder : all) {
            Outcome outcome = outcome(folder);
            counts.merge(outcome.kind(), 1, Integer::sum);
            if (!outcome.message().isEmpty()) {
                (outcome.kind().equals("wrong") ? wrong : refused).add(folder.getFileName() + " " + outcome.message());
            }
        }
        refused.add(all.size() + " cases: " + counts);
        Files.write(Path.of("target/onnx-cases.txt"), refused);
        assertThat(wrong).isEmpty();
    }

    private Outcome outcome(Path folder) throws IOException {
        Onnx.ModelProto model = Onnx.ModelProto.parseFrom(Files.readAllBytes(folder.resolve("model.onnx")));
        Path data = folder.resolve("test_data_set_0");
        String refusal;
        try {
            return compared("passed", model, data);
        } catch (IllegalArgumentException e) {
            // Of other domains are the operators of classic machine learning, and of training.
            if (e.getMessage().contains("this importer does not know") || e.getMessage().contains("got only the domains")) {
                return new Outcome("of operators not on the list", "");
            }
            refusal = e.getMessage();
        }
        try {
            return compared("passed with initializers", constant(model, data), data);
        } catch (IllegalArgumentException e) {
            return new Outcome("refused", refusal.equals(e.getMessage()) ? refusal : refusal + " | " + e.getMessage());
        }
    }

    /** The model with all inputs but the first as initializers. */
    private static Onnx.ModelProto constant(Onnx.ModelProto model, Path data) throws IOException {
        Onnx.ModelProto.Builder builder = model.toBuilder();
        for (int i = 1; i < model.getGraph().getInputCount(); i++) {
            if (model.getGraph().getInput(i).getType().hasTensorType()) {
                builder.getGraphBuilder().addInitializer(tensor(data.resolve("input_" + i + ".pb")).toBuilder()
                        .setName(model.getGraph().getInput(i).getName()));
            }
        }
        return builder.build();
    }

    private static Onnx.TensorProto tensor(Path file) throws IOException {
        return new Tensors(file.getParent()).readable(Onnx.TensorProto.parseFrom(Files.readAllBytes(file)));
    }

    private Outcome compared(String kind, Onnx.ModelProto model, Path data) throws IOException {
        SameDiff sd = OnnxNorms.importModel(Files.write(directory.resolve("model.onnx"), model.toByteArray()));
        Map<String, INDArray> inputs = new LinkedHashMap<>();
        for (int i = 0; i < model.getGraph().getInputCount(); i++) {
            if (sd.inputs().contains(OnnxNode.plain(model.getGraph().getInput(i).getName()))) {
                inputs.put(OnnxNode.plain(model.getGraph().getInput(i).getName()),
                        Tensors.array(tensor(data.resolve("input_" + i + ".pb"))));
            }
        }
        try {
            Map<String, INDArray> outputs = sd.output(inputs, sd.outputs().toArray(String[]::new));
            for (int i = 0; i < sd.outputs().size(); i++) {
                String difference = difference(data.resolve("output_" + i + ".pb"), outputs.get(sd.outputs().get(i)));
                if (difference != null) {
                    return new Outcome("wrong", difference);
                }
            }
            return new Outcome(kind, "");
        } catch (RuntimeException e) {
            // That is ND4J's own refusal of arrays without elements, which it has no operations for.
            return new Outcome(inputs.values().stream().anyMatch(INDArray::isEmpty) ? "refused" : "wrong", e.toString());
        }
    }

    /** What an output is that is not as expected; null if it is. */
    private static String difference(Path file, INDArray actual) throws IOException {
        Onnx.TensorProto tensor = tensor(file);
        boolean isShort = Onnx.TensorProto.parseFrom(Files.readAllBytes(file)).getDataType() == BFLOAT16;
        double relative = isShort ? OF_BFLOAT16 : RELATIVE;
        INDArray expected = Tensors.array(tensor);
        long[] shape = tensor.getDimsList().stream().mapToLong(Long::longValue).toArray();
        boolean empty = expected.isEmpty() && actual.isEmpty();
        if (expected.dataType() != actual.dataType() || !empty && !Arrays.equals(shape, actual.shape())) {
            return "expected " + expected.dataType() + Arrays.toString(shape) + ", got " + actual.dataType()
                    + Arrays.toString(actual.shape());
        }
        double[] a = empty ? new double[0] : OnnxCase.numbers(expected);
        double[] b = empty ? new double[0] : OnnxCase.numbers(actual);
        for (int i = 0; i < a.length; i++) {
            if (a[i] != b[i] && !(Double.isNaN(a[i]) && Double.isNaN(b[i]))
                    && !(Math.abs(a[i] - b[i]) <= ABSOLUTE + relative * Math.abs(a[i]))) {
                return "expected " + a[i] + " at " + i + ", got " + b[i];
            }
        }
        return null;
    }
}
