// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import org.nd4j.linalg.api.buffer.DataType;

/** {@link RowOps} in plain Java, for every JDK and every CPU. */
final class ScalarRowOps {
    private ScalarRowOps() {
    }

    static RowOps of(DataType type) {
        return switch (type) {
            case FLOAT -> new RowOps(type, new FloatScalarRuns(), new FloatScalarColumns(), new FloatScalarCrossings());
            case DOUBLE ->
                    new RowOps(type, new DoubleScalarRuns(), new DoubleScalarColumns(), new DoubleScalarCrossings());
            case HALF -> HalfRowOps.over(of(DataType.FLOAT));
            default -> throw RowOps.unsupported(type);
        };
    }
}
