// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import org.nd4j.linalg.api.buffer.DataType;

/** {@link RowOps} with the vectors of {@code jdk.incubator.vector}. */
final class VectorRowOps {
    private VectorRowOps() {
    }

    /**
     * Makes sure that the vectors can be used, without loading a class that needs them.
     *
     * @return what makes the operations
     * @throws UnsupportedOperationException if they cannot; the message says what to do about it
     */
    static RowOps.Factory factory() {
        String missing = VectorSupport.missing();
        if (missing != null) {
            throw new UnsupportedOperationException("the vector kernels need " + missing);
        }
        return VectorRowOps::of;
    }

    private static RowOps of(DataType type) {
        return switch (type) {
            case FLOAT -> new RowOps(type, new FloatVectorRuns(), new FloatVectorColumns(), new FloatVectorCrossings());
            case DOUBLE ->
                    new RowOps(type, new DoubleVectorRuns(), new DoubleVectorColumns(), new DoubleVectorCrossings());
            case HALF -> HalfRowOps.over(of(DataType.FLOAT));
            default -> throw RowOps.unsupported(type);
        };
    }
}
