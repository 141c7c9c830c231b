// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import java.util.Set;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What a name in a model stands for.
 *
 * @param variable the same in the graph
 * @param shape    sizes, negative where one is unknown; null if even the rank is. An unknown size has a number of its own, which
 *                 all sizes have that are equal to it for sure; see {@link Sizes#unknown}
 * @param constant its numbers if they do not depend on the inputs of the graph and are of use to other operators, or null
 * @param known    its integers if some of them do, or null; those have numbers as unknown sizes have
 */
record Value(SDVariable variable, long[] shape, INDArray constant, long[] known) {

    private static final Set<DataType> TYPES = Set.of(DataType.LONG, DataType.INT, DataType.BOOL);

    /** Gives every size of −1 a number of its own. */
    Value {
        if (shape != null && Arrays.stream(shape).anyMatch(size -> size == -1)) {
            shape = Arrays.stream(shape).map(size -> size == -1 ? Sizes.unknown() : size).toArray();
        }
    }

    Value(SDVariable variable, long... shape) {
        this(variable, shape, null, null);
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

    /** Its integers, if it is one or a list of them and something is known of them; or null. */
    long[] integers() {
        if (constant == null || !TYPES.contains(constant.dataType()) || shape.length > 1) {
            return known;
        }
        return constant.isEmpty() ? new long[0] : constant.castTo(DataType.LONG).reshape(-1).toLongVector();
    }
}
