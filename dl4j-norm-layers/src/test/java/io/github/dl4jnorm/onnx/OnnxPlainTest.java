// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import static io.github.dl4jnorm.onnx.OnnxFile.attribute;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Normalizations taken apart into plain operations, in the forms that the importer alone would not read. */
@Tag("once")
@Tag("full")
class OnnxPlainTest {
    @TempDir
    private Path directory;

    private static void close(INDArray actual, double[] expected) {
        assertThat(OnnxCase.numbers(actual)).containsExactly(expected, within(1e-5));
    }

    /** Axes are an input since operator set 18, here made of the rank. */
    @ParameterizedTest
    @ValueSource(longs = {1, 5})
    void rootMeanSquareOverAxesThatAreComputed(long n) throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, n, 3, 4);
        INDArray scale = OnnxCase.numbers(2, DataType.FLOAT, 1, 3, 4);
        SameDiff sd = new OnnxFile(23).input("x", DataType.FLOAT, -1, 3, 4).initializer("s", scale, true)
                .node("Shape", List.of("x"), List.of("shape"))
                .node("Size", List.of("shape"), List.of("rank"))
                .node("Constant", List.of(), List.of("first"), attribute("value_int", 1))
                .node("Constant", List.of(), List.of("step"), attribute("value_int", 1))
                .node("Range", List.of("first", "rank", "step"), List.of("axes"))
                .node("Mul", List.of("x", "x"), List.of("squares"))
                .node("ReduceMean", List.of("squares", "axes"), List.of("mean"))
                .node("Constant", List.of(), List.of("eps"), attribute("value_float", 1e-5))
                .node("Add", List.of("mean", "eps"), List.of("sum")).node("Sqrt", List.of("sum"), List.of("root"))
                .node("Reciprocal", List.of("root"), List.of("unit")).node("Mul", List.of("x", "unit"), List.of("z"))
                .node("Mul", List.of("z", "s"), List.of("y")).output("y", DataType.FLOAT).imported(directory);
        close(sd.outputSingle(Map.of("x", x), "y"),
                new OnnxReference(OnnxCase.numbers(x), x.shape()).rms(1, OnnxCase.numbers(scale), 1e-5));
    }

    /** Groups as a size of 0, meaning that of the input, a quotient of sizes and what is left. */
    @ParameterizedTest
    @ValueSource(longs = {1, 3})
    void groupsByReshaping(long n) throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, n, 4, 3, 2);
        INDArray ones = Nd4j.ones(DataType.FLOAT, 4);
        INDArray zeros = Nd4j.zeros(DataType.FLOAT, 4);
        SameDiff sd = new OnnxFile(21).input("x", DataType.FLOAT, -1, 4, 3, 2)
                .node("Constant", List.of(), List.of("grouped"), attribute("value_ints", new long[]{0, 2, -1}))
                .node("Reshape", List.of("x", "grouped"), List.of("groups"))
                .node("Constant", List.of(), List.of("last"), attribute("value_ints", new long[]{2}))
                .node("ReduceMean", List.of("groups", "last"), List.of("mean"))
                .node("Sub", List.of("groups", "mean"), List.of("centered"))
                .node("Constant", List.of(), List.of("two"), attribute("value_float", 2.0))
                .node("Pow", List.of("centered", "two"), List.of("squares"))
                .node("ReduceMean", List.of("squares", "last"), List.of("var"))
                .node("Constant", List.of(), List.of("eps"), attribute("value_float", 1e-5))
                .node("Add", List.of("var", "eps"), List.of("sum")).node("Sqrt", List.of("sum"), List.of("root"))
                .node("Div", List.of("centered", "root"), List.of("z"))
                .node("Shape", List.of("x"), List.of("shape"))
                .node("Reshape", List.of("z", "shape"), List.of("y")).output("y", DataType.FLOAT).imported(directory);
        close(sd.outputSingle(Map.of("x", x), "y"), new OnnxReference(OnnxCase.numbers(x), x.shape())
                .group(2, OnnxCase.numbers(ones), OnnxCase.numbers(zeros), 1e-5, false));
    }

    @ParameterizedTest
    @CsvSource({"0, 2, '[2, 3]'", "1, -1, '[3]'", "-2, 9, '[3, 4]'"})
    void partsOfAShape(long start, long end, String expected) throws IOException {
        SameDiff sd = new OnnxFile(15).input("x", DataType.FLOAT, -1, 3, 4)
                .node("Shape", List.of("x"), List.of("y"), attribute("start", start), attribute("end", end))
                .output("y", DataType.LONG).imported(directory);
        INDArray y = sd.outputSingle(Map.of("x", Nd4j.ones(DataType.FLOAT, 2, 3, 4)), "y");
        assertThat(Arrays.toString(y.toLongVector())).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({"0, 1, 24", "1, 2, 12", "-1, 6, 4", "3, 24, 1"})
    void flattening(long axis, long rows, long columns) throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 2, 3, 4);
        SameDiff sd = new OnnxFile(13).input("x", DataType.FLOAT, -1, 3, 4)
                .node("Flatten", List.of("x"), List.of("y"), attribute("axis", axis)).output("y", DataType.FLOAT)
                .imported(directory);
        INDArray y = sd.outputSingle(Map.of("x", x), "y");
        assertThat(y.shape()).containsExactly(rows, columns);
        close(y, OnnxCase.numbers(x));
    }

    @Test
    void quotientsOfIntegersAreIntegers() throws IOException {
        INDArray a = Nd4j.createFromArray(7L, 8, 9);
        SameDiff sd = new OnnxFile(14).input("a", DataType.LONG, -1).initializer("b", Nd4j.createFromArray(2L, 4, 5), true)
                .node("Div", List.of("a", "b"), List.of("y")).output("y", DataType.LONG).imported(directory);
        INDArray y = sd.outputSingle(Map.of("a", a), "y");
        assertThat(y.dataType()).isEqualTo(DataType.LONG);
        assertThat(y.toLongVector()).containsExactly(3, 2, 1);
    }

    @Test
    void meansWithoutAxes() throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 2, 3);
        SameDiff sd = new OnnxFile(18).input("x", DataType.FLOAT, -1, 3)
                .node("ReduceMean", List.of("x"), List.of("all"), attribute("keepdims", 0))
                .node("ReduceMean", List.of("x"), List.of("none"), attribute("noop_with_empty_axes", 1))
                .output("all", DataType.FLOAT).output("none", DataType.FLOAT).imported(directory);
        Map<String, INDArray> actual = sd.output(Map.of("x", x), "all", "none");
        close(actual.get("all"), new double[]{x.castTo(DataType.DOUBLE).meanNumber().doubleValue()});
        close(actual.get("none"), OnnxCase.numbers(x));
        assertThatThrownBy(() -> new OnnxFile(13).input("x", DataType.FLOAT, -1, 3)
                .node("ReduceMean", List.of("x"), List.of("y"), attribute("axes", new long[]{2})).output("y", DataType.FLOAT)
                .imported(directory)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("ReduceMean \"y\"", "axes from -2 to 1 for input of rank 2, got [2]");
    }
}
