// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import onnx.Onnx;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Every normalization of every operator set and rank against the formulas of the ONNX documentation. */
@Tag("once")
@Tag("long")
class OnnxNormsTest {
    @TempDir
    private Path directory;

    static List<OnnxCase> cases() {
        return OnnxCase.all().toList();
    }

    /** Parameters are initializers, as models have them. */
    @ParameterizedTest
    @MethodSource("cases")
    void float32(OnnxCase each) throws IOException {
        check(each, DataType.FLOAT, false, 1e-5);
    }

    static List<OnnxCase> newest() {
        return OnnxCase.all().filter(each -> List.of(13, 15, 17, 20, 22, 23).contains(each.opset())).toList();
    }

    /** All parameters are inputs, the size of the batch is unknown, numbers of twice the width. */
    @ParameterizedTest
    @MethodSource("newest")
    void float64WithInputsOnly(OnnxCase each) throws IOException {
        check(each, DataType.DOUBLE, true, 1e-5);
    }

    private void check(OnnxCase each, DataType type, boolean inputsOnly, double tolerance) throws IOException {
        INDArray x = OnnxCase.numbers(7, type, 0.5, each.shape());
        OnnxCase.Expected expected = each.expected(x);
        long[] declared = each.shape().clone();
        if (inputsOnly) {
            declared[0] = -1;
        }
        OnnxFile file = new OnnxFile(each.opset()).input("x", type, declared);
        Map<String, INDArray> given = new HashMap<>(Map.of("x", x));
        List<String> inputs = new ArrayList<>(List.of("x"));
        expected.inputs().forEach((name, array) -> {
            inputs.add(name);
            if (inputsOnly) {
                file.input(name, type, array.shape());
                given.put(name, array);
            } else {
                file.initializer(name, array, name.equals("scale"));
            }
        });
        List<String> outputs = List.copyOf(expected.outputs().keySet());
        file.node(each.type(), inputs, outputs, each.attributes().toArray(Onnx.AttributeProto[]::new));
        outputs.forEach(output -> file.output(output, type));

        SameDiff sd = file.imported(directory);
        assertThat(sd.outputs()).isEqualTo(outputs);
        Map<String, INDArray> actual = sd.output(given, outputs);
        for (String output : outputs) {
            double[] numbers = OnnxCase.numbers(actual.get(output));
            double[] wanted = expected.outputs().get(output);
            assertThat(numbers.length).as(output).isEqualTo(wanted.length);
            for (int i = 0; i < wanted.length; i++) {
                assertThat(numbers[i]).as("%s of %s [%d]", output, each, i).isCloseTo(wanted[i], within(tolerance));
            }
        }
        assertThat(actual.get("y").shape()).isEqualTo(each.shape());
        assertThat(actual.get("y").dataType()).isEqualTo(type);
        if (actual.containsKey("Mean")) {
            long[] shape = each.shape().clone();
            Arrays.fill(shape, each.axis()[0], shape.length, 1);
            assertThat(actual.get("Mean").shape()).isEqualTo(shape);
            assertThat(actual.get("InvStdDev").shape()).isEqualTo(shape);
            assertThat(actual.get("InvStdDev").dataType()).isEqualTo(DataType.FLOAT);
        }
    }
}
