// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.util.function.Function;
import org.nd4j.linalg.api.buffer.DataType;

/** {@link Arithmetic} with the vectors of {@code jdk.incubator.vector}. */
final class VectorArithmetic extends Arithmetic {
    private VectorArithmetic(DataType type) {
        super(type);
    }

    /**
     * Makes sure that the vectors can be used, without loading a class that needs them.
     *
     * @return what makes the operations of a type
     * @throws UnsupportedOperationException if they cannot; the message says what to do about it
     */
    static Function<DataType, Arithmetic> factory() {
        String missing = VectorSupport.missing();
        if (missing != null) {
            throw new UnsupportedOperationException("the vector kernels need " + missing);
        }
        return VectorArithmetic::of;
    }

    private static Arithmetic of(DataType type) {
        return type == DataType.HALF ? HalfArithmetic.over(new VectorArithmetic(DataType.FLOAT)) : new VectorArithmetic(type);
    }

    @Override
    RunOps newRuns() {
        return wide() ? new DoubleVectorRunOps() : new FloatVectorRunOps();
    }

    @Override
    ColumnOps newColumns() {
        return wide() ? new DoubleVectorColumnOps() : new FloatVectorColumnOps();
    }

    @Override
    CrossOps newCrossing() {
        return wide() ? new DoubleVectorCrossOps() : new FloatVectorCrossOps();
    }
}
