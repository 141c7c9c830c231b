// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import org.nd4j.linalg.api.buffer.DataType;

/** {@link Arithmetic} in plain Java, for every JDK and every CPU. */
final class ScalarArithmetic {
    private ScalarArithmetic() {
    }

    static Arithmetic of(DataType type) {
        return switch (type) {
            case FLOAT -> new Arithmetic(type, new FloatScalarRuns(), new FloatScalarColumns(), new FloatScalarCrossings());
            case DOUBLE ->
                    new Arithmetic(type, new DoubleScalarRuns(), new DoubleScalarColumns(), new DoubleScalarCrossings());
            case HALF -> HalfArithmetic.over(of(DataType.FLOAT));
            default -> throw Arithmetic.unsupported(type);
        };
    }
}
