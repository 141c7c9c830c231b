// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import org.nd4j.linalg.api.buffer.DataType;

/** {@link Arithmetic} with the vectors of {@code jdk.incubator.vector}. */
final class VectorArithmetic {
    private VectorArithmetic() {
    }

    /**
     * Makes sure that the vectors can be used, without loading a class that needs them.
     *
     * @return what makes the operations
     * @throws UnsupportedOperationException if they cannot; the message says what to do about it
     */
    static Arithmetic.Factory factory() {
        String missing = VectorSupport.missing();
        if (missing != null) {
            throw new UnsupportedOperationException("the vector kernels need " + missing);
        }
        return VectorArithmetic::of;
    }

    private static Arithmetic of(DataType type) {
        return switch (type) {
            case FLOAT -> new Arithmetic(type, new FloatVectorRuns(), new FloatVectorColumns(), new FloatVectorCrossings());
            case DOUBLE ->
                    new Arithmetic(type, new DoubleVectorRuns(), new DoubleVectorColumns(), new DoubleVectorCrossings());
            case HALF -> HalfArithmetic.over(of(DataType.FLOAT));
            default -> throw Arithmetic.unsupported(type);
        };
    }
}
