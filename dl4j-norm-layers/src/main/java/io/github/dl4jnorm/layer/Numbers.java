// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Parameter arrays as numbers in double. */
final class Numbers {
    private Numbers() {
    }

    static double[] read(INDArray array) {
        return array == null ? null : array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
    }

    static void write(double[] values, INDArray into) {
        into.assign(Nd4j.createFromArray(values).castTo(into.dataType()).reshape(into.shape()));
    }
}
