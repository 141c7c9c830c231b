// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import io.github.dl4jnorm.onnx.OnnxNorms;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Every operator that is imported against ONNX Runtime, with shapes and attributes that are drawn. */
class OnnxRuntimeTest {
    private static final Logger LOG = LoggerFactory.getLogger(OnnxRuntimeTest.class);
    private static final double TOLERANCE = 1e-4;
    private static final int TRIES = Integer.getInteger("onnx.tries", 20);

    @TempDir
    private Path directory;
    private final Map<String, int[]> counts = new TreeMap<>();
    private final List<String> wrong = new ArrayList<>();
    private final Map<String, String> refused = new TreeMap<>();

    /** Shape and numbers of an output. */
    private record Result(long[] shape, double[] numbers) {
        @Override
        public String toString() {
            return Arrays.toString(shape) + " " + Arrays.toString(Arrays.copyOf(numbers, Math.min(6, numbers.length)));
        }
    }

    @Test
    void computesWhatOnnxRuntimeComputes() throws Exception {
        OnnxDraws draws = new OnnxDraws(Long.getLong("onnx.seed", 7));
        assertThat(draws.all()).as("operators that the page about models lists").containsOnlyKeys(listed());
        for (var draw : draws.all().entrySet()) {
            for (int i = 0; i < TRIES; i++) {
                compare(draw.getValue().get());
            }
        }
        counts.forEach((type, count) -> LOG.info("{}: {} equal, {} refused, {} not run by ONNX Runtime", type, count[0], count[1],
                count[2]));
        refused.forEach((type, message) -> LOG.info("{} refuses: {}", type, message));
        assertThat(wrong).isEmpty();
        int equal = counts.values().stream().mapToInt(count -> count[0]).sum();
        LOG.info("{} operators, {} comparisons equal, {} refused", counts.size(), equal,
                counts.values().stream().mapToInt(count -> count[1]).sum());
        counts.forEach((type, count) -> assertThat(count[0]).as(type).isGreaterThanOrEqualTo(TRIES / 4));
    }

    /** Of constants there is nothing to compute. */
    private static Set<String> listed() throws IOException {
        String page = Files.readString(Path.of("../site/markdown/models.md"));
        String list = page.substring(page.indexOf("`Abs`, "), page.indexOf("`Xor`.") + 6);
        Set<String> types = new TreeSet<>(Arrays.asList(list.replaceAll("[`.\\s]", "").split(",")));
        types.remove("Constant");
        String more = page.substring(page.indexOf("`BiasGelu`, "), page.indexOf("`SkipSimplifiedLayerNormalization`.") + 35);
        Arrays.stream(more.replaceAll("[`.\\s]", "").split(",")).map(type -> "com.microsoft." + type).forEach(types::add);
        // ONNX Runtime has no kernel for it on a CPU.
        types.remove("com.microsoft.GroupNorm");
        return types;
    }

    private void compare(OnnxTry model) throws Exception {
        int[] count = counts.computeIfAbsent(model.type(), type -> new int[3]);
        List<Result> expected;
        try {
            expected = runtime(model);
        } catch (OrtException e) {
            count[2]++;
            if (count[2] == 1) {
                LOG.info("ONNX Runtime does not run {}: {}", model, e.getMessage());
            }
            return;
        }
        List<Result> actual;
        try {
            actual = ours(model);
        } catch (IllegalArgumentException e) {
            count[1]++;
            refused.put(model.type(), model + ": " + e.getMessage());
            return;
        } catch (RuntimeException e) {
            wrong.add(model + " fails: " + e);
            return;
        }
        if (expected.size() == actual.size() && IntStream.range(0, expected.size())
                .allMatch(i -> equal(expected.get(i), actual.get(i)))) {
            count[0]++;
        } else {
            wrong.add(model + ": expected " + expected + ", got " + actual);
        }
    }

    private static boolean equal(Result expected, Result actual) {
        if (!Arrays.equals(expected.shape(), actual.shape())) {
            return false;
        }
        for (int i = 0; i < expected.numbers().length; i++) {
            double a = expected.numbers()[i];
            double b = actual.numbers()[i];
            if (a != b && !(Double.isNaN(a) && Double.isNaN(b)) && !(Math.abs(a - b) <= TOLERANCE * Math.max(1, Math.abs(a)))) {
                return false;
            }
        }
        return true;
    }

    private List<Result> ours(OnnxTry model) throws IOException {
        Path file = Files.write(directory.resolve("model.onnx"), model.bytes());
        SameDiff sd = OnnxNorms.importModel(file);
        Map<String, INDArray> outputs = sd.output(new LinkedHashMap<>(model.inputs()), model.outputs().toArray(String[]::new));
        return model.outputs().stream().map(outputs::get).map(y -> new Result(y.shape(), OnnxTry.numbers(y))).toList();
    }

    private static List<Result> runtime(OnnxTry model) throws OrtException {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(1);
            options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
            try (OrtSession session = environment.createSession(model.bytes(), options)) {
                Map<String, OnnxTensor> inputs = new LinkedHashMap<>();
                for (var input : model.inputs().entrySet()) {
                    inputs.put(input.getKey(), tensor(environment, input.getValue()));
                }
                try (OrtSession.Result result = session.run(inputs)) {
                    List<Result> all = new ArrayList<>();
                    for (String name : model.outputs()) {
                        all.add(result(result.get(name).orElseThrow()));
                    }
                    return all;
                }
            }
        }
    }

    private static OnnxTensor tensor(OrtEnvironment environment, INDArray array) throws OrtException {
        double[] numbers = OnnxTry.numbers(array);
        long[] shape = array.shape();
        return switch (array.dataType()) {
            case FLOAT -> {
                FloatBuffer buffer = FloatBuffer.allocate(numbers.length);
                Arrays.stream(numbers).forEach(number -> buffer.put((float) number));
                yield OnnxTensor.createTensor(environment, buffer.rewind(), shape);
            }
            case LONG -> OnnxTensor.createTensor(environment,
                    LongBuffer.wrap(Arrays.stream(numbers).mapToLong(number -> (long) number)
                    .toArray()), shape);
            case BOOL -> {
                ByteBuffer buffer = ByteBuffer.allocateDirect(numbers.length);
                Arrays.stream(numbers).forEach(number -> buffer.put((byte) number));
                yield OnnxTensor.createTensor(environment, buffer.rewind(), shape, OnnxJavaType.BOOL);
            }
            default -> throw new IllegalArgumentException(array.dataType().toString());
        };
    }

    private static Result result(OnnxValue value) throws OrtException {
        OnnxTensor tensor = (OnnxTensor) value;
        TensorInfo info = tensor.getInfo();
        double[] numbers = switch (info.type) {
            case FLOAT -> floats(tensor.getFloatBuffer());
            case DOUBLE -> doubles(tensor.getDoubleBuffer());
            case INT64 -> longs(tensor.getLongBuffer());
            case INT32 -> ints(tensor.getIntBuffer());
            case BOOL -> bytes(tensor.getByteBuffer());
            default -> throw new IllegalArgumentException(info.type.toString());
        };
        return new Result(info.getShape(), numbers);
    }

    private static double[] floats(FloatBuffer buffer) {
        double[] numbers = new double[buffer.remaining()];
        Arrays.setAll(numbers, buffer::get);
        return numbers;
    }

    private static double[] doubles(DoubleBuffer buffer) {
        double[] numbers = new double[buffer.remaining()];
        Arrays.setAll(numbers, buffer::get);
        return numbers;
    }

    private static double[] longs(LongBuffer buffer) {
        double[] numbers = new double[buffer.remaining()];
        Arrays.setAll(numbers, buffer::get);
        return numbers;
    }

    private static double[] ints(IntBuffer buffer) {
        double[] numbers = new double[buffer.remaining()];
        Arrays.setAll(numbers, buffer::get);
        return numbers;
    }

    private static double[] bytes(ByteBuffer buffer) {
        double[] numbers = new double[buffer.remaining()];
        Arrays.setAll(numbers, buffer::get);
        return numbers;
    }
}
