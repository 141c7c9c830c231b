// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Arrays of passes with functions between others: HALF is FLOAT meanwhile, as its rounding would add up. */
final class Wide {
    private Wide() {
    }

    private static boolean isHalf(INDArray array) {
        return array.dataType() == DataType.HALF;
    }

    /** The array, or a copy in FLOAT. */
    static INDArray of(INDArray array) {
        return isHalf(array) ? array.castTo(DataType.FLOAT) : array;
    }

    /** Room of the same shape. */
    static INDArray like(INDArray array) {
        return Nd4j.createUninitialized(isHalf(array) ? DataType.FLOAT : array.dataType(), array.shape(), 'c');
    }

    /** What to write to in place of an array; {@link #deliver} follows. */
    static INDArray output(INDArray array) {
        return isHalf(array) ? like(array) : array;
    }

    static void deliver(INDArray wide, INDArray array) {
        if (wide != array) {
            array.assign(wide);
        }
    }
}
