// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What a name in a model stands for.
 *
 * @param variable the same in the graph
 * @param shape    sizes, −1 where one is unknown; null if even the rank is
 * @param constant its numbers if they do not depend on the inputs of the graph and are of use to other operators, or null
 */
record Value(SDVariable variable, long[] shape, INDArray constant) {

    Value(SDVariable variable, long... shape) {
        this(variable, shape, null);
    }

    DataType type() {
        return variable.dataType();
    }

    boolean hasRank() {
        return shape != null;
    }

    int rank() {
        return shape.length;
    }

    /** Whether all sizes are known. */
    boolean isSized() {
        return shape != null && Arrays.stream(shape).noneMatch(size -> size < 0);
    }
}
