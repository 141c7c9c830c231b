// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Parameters are views of one long array: what is written into one must not reach its neighbours. */
@Tag("once")
class ParameterArraysTest {

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 5, 8})
    void aWrongNumberOfValuesLeavesTheNeighboursAlone(int length) {
        INDArray all = Nd4j.arange(12).castTo(DataType.FLOAT);
        INDArray before = all.dup();
        INDArray matrix = all.reshape(3, 4);
        for (INDArray view : new INDArray[]{all.get(NDArrayIndex.interval(2, 6)), all.get(NDArrayIndex.interval(8, 12)),
            matrix.getRow(1), matrix.get(NDArrayIndex.interval(1, 3), NDArrayIndex.interval(1, 3))}) {
            assertThatThrownBy(() -> ParameterArrays.write(new double[length], view)).isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("expected 4 numbers for an array of shape").hasMessageContaining("got " + length);
            assertThat(all).isEqualTo(before);
        }
    }

    @Test
    void whatIsWrittenIsReadAndNothingElseChanges() {
        INDArray matrix = Nd4j.arange(12).castTo(DataType.DOUBLE).reshape(3, 4);
        for (INDArray view : new INDArray[]{matrix.getRow(1), matrix.getColumn(2),
            matrix.get(NDArrayIndex.interval(1, 3), NDArrayIndex.interval(1, 3)), Nd4j.scalar(1.0)}) {
            double[] values = ParameterArrays.read(view.add(5));
            ParameterArrays.write(values, view);
            assertThat(ParameterArrays.read(view)).containsExactly(values);
        }
        assertThat(matrix.getDouble(0, 0)).isZero();
        assertThat(matrix.getDouble(0, 1)).isEqualTo(1);
    }

    @Test
    void whatIsClearedIsZeroAndNothingElseChanges() {
        for (DataType type : new DataType[]{DataType.FLOAT, DataType.DOUBLE, DataType.HALF}) {
            for (int which = 0; which < 4; which++) {
                INDArray matrix = Nd4j.linspace(1, 12, 12, DataType.DOUBLE).castTo(type).reshape(3, 4);
                INDArray view = new INDArray[]{matrix.getRow(1), matrix.getColumn(2), matrix,
                    matrix.get(NDArrayIndex.interval(1, 3), NDArrayIndex.interval(1, 3))}[which];
                double others = matrix.castTo(DataType.DOUBLE).sumNumber().doubleValue() - view.castTo(DataType.DOUBLE)
                        .sumNumber().doubleValue();
                ParameterArrays.clear(view);
                assertThat(ParameterArrays.read(view)).as("%s, view %d", type, which).containsOnly(0);
                assertThat(matrix.castTo(DataType.DOUBLE).sumNumber().doubleValue()).as("%s, view %d", type, which)
                        .isEqualTo(others);
            }
        }
    }
}
