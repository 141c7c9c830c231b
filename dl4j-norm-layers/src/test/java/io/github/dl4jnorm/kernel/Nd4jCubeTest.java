// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.norm.View;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Whether a cube shares the memory of its array, whatever order that reports, or is a copy that is written back. */
@Tag("once")
class Nd4jCubeTest {
    static Stream<Arguments> arrays() {
        INDArray six = Nd4j.arange(6).castTo(DataType.FLOAT);
        return Stream.of(
                Arguments.of("in c order", six.dup().reshape('c', 2, 3), true),
                Arguments.of("one column of a transposed row", six.dup().reshape('c', 1, 6).permute(1, 0), true),
                Arguments.of("said to be in f order", Nd4j.create(six.dup().data(), new long[]{2, 3}, new long[]{3, 1}, 0, 'f'),
                        true),
                Arguments.of("behind others", Nd4j.create(six.dup().data(), new long[]{2, 2}, new long[]{2, 1}, 2, 'c'), true),
                Arguments.of("transposed", six.dup().reshape('c', 3, 2).permute(1, 0), false),
                Arguments.of("every second", Nd4j.create(six.dup().data(), new long[]{3, 1}, new long[]{2, 1}, 0, 'c'), false),
                Arguments.of("of another type", six.castTo(DataType.DOUBLE).reshape('c', 2, 3), false));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("arrays")
    void aResultGetsIntoItsArray(String name, INDArray array, boolean shared) {
        Nd4jCube cubes = new Nd4jCube(View.of(array.shape(), false));
        INDArray before = array.dup('c');
        INDArray cube = cubes.of(array, DataType.FLOAT);
        assertThat(cube.data().pointer().address() == array.data().pointer().address()).isEqualTo(shared);
        assertThat(cube.reshape('c', array.shape()).castTo(array.dataType())).isEqualTo(before);
        INDArray result = Nd4jCube.output(array, array, cube);
        result.assign(cube.mul(10));
        Nd4jCube.deliver(result, array);
        assertThat(array.dup('c')).isEqualTo(before.mul(10));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 7})
    void anArrayOfAnotherLengthIsNoPlaceForAResult(long rows) {
        INDArray x = Nd4j.ones(DataType.FLOAT, 4, 3);
        INDArray y = Nd4j.ones(DataType.FLOAT, rows, 3);
        INDArray cube = new Nd4jCube(View.of(x.shape(), false)).of(x, DataType.FLOAT);
        assertThatThrownBy(() -> Nd4jCube.output(y, x, cube)).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("expected an array of 12 elements, got " + 3 * rows + " of shape [" + rows + ", 3]");
    }
}
