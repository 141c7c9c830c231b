// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import static org.assertj.core.api.Assertions.assertThat;

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
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Sizes that only show when the graph runs, in shapes and places that a model computes from them. */
@Tag("once")
class OnnxSizesTest {
    @TempDir
    private Path directory;

    private static INDArray index(long... values) {
        return Nd4j.createFromArray(values);
    }

    /** x of unknown sizes, one of these, and what the size plus a number is. */
    private static OnnxFile sized(int axis, long added) {
        return new OnnxFile(13).input("x", DataType.FLOAT, -1, -1).node("Shape", List.of("x"), List.of("shape"))
                .initializer("axis", index(axis), true).node("Gather", List.of("shape", "axis"), List.of("size"))
                .initializer("added", index(added), true).node("Add", List.of("size", "added"), List.of("place"))
                .initializer("zero", index(0), true).output("y", DataType.FLOAT);
    }

    private INDArray output(OnnxFile file, INDArray x) throws IOException {
        return file.imported(directory).output(Map.of("x", x), "y").get("y");
    }

    /** The first rows of x [4, 3], as many as a size plus a number says; a negative number counts from the end. */
    @ParameterizedTest
    @CsvSource({"0,0,4", "1,0,3", "0,-1,3", "0,-6,2", "1,-2,1", "1,7,4"})
    void partsEndWhereAComputedSizeIs(int axis, long added, int rows) throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 4, 3);
        for (String mark : new String[]{null, "?", "None"}) {
            OnnxFile file = sized(axis, added).node("Slice", List.of("x", "zero", "place"), List.of("y"));
            INDArray y = output(mark == null ? file : file.marked(mark), x);
            assertThat(y.shape()).as("%s", mark).isEqualTo(new long[]{rows, 3});
            assertThat(OnnxCase.numbers(y)).containsExactly(Arrays.copyOf(OnnxCase.numbers(x), rows * 3));
        }
    }

    /** A weight needs to know how many numbers there are for each example, whatever their shape was. */
    @Test
    void whatIsLeftOfAReshapeIsKnown() throws IOException {
        OnnxFile file = new OnnxFile(13).input("x", DataType.FLOAT, -1, 2, 3).node("Shape", List.of("x"), List.of("shape"))
                .initializer("zero", index(0), true).node("Gather", List.of("shape", "zero"), List.of("batch"))
                .initializer("rest", index(-1), true).node("Concat", List.of("batch", "rest"), List.of("target"),
                        OnnxFile.attribute("axis", 0)).node("Reshape", List.of("x", "target"), List.of("flat"))
                .node("Split", List.of("flat"), List.of("y", "z"), OnnxFile.attribute("axis", 1)).output("y", DataType.FLOAT);
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 5, 2, 3);
        assertThat(output(file, x)).isEqualTo(x.reshape(5, 6).getColumns(0, 1, 2));
    }

    /** Zeros and minus ones of a computed shape mean what they do in one that is known: here 4 − 4, 4 − 5 and 4 − 2. */
    @ParameterizedTest
    @CsvSource({"-4,4,3", "-5,4,3", "-2,2,6"})
    void computedShapesMayCopyAndInfer(long added, int rows, int columns) throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 4, 3);
        OnnxFile file = sized(0, added).initializer("last", index(columns), true).node("Concat", List.of("place", "last"),
                List.of("target"), OnnxFile.attribute("axis", 0)).node("Reshape", List.of("x", "target"), List.of("y"));
        assertThat(output(file, x)).isEqualTo(x.reshape(rows, columns));
    }
}
