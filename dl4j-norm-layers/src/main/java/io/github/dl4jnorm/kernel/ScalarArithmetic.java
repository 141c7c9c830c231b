// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import org.nd4j.linalg.api.buffer.DataType;

/** {@link Arithmetic} in plain Java, for every JDK and every CPU. */
final class ScalarArithmetic extends Arithmetic {
    private ScalarArithmetic(DataType type) {
        super(type);
    }

    static Arithmetic of(DataType type) {
        return type == DataType.HALF ? HalfArithmetic.over(new ScalarArithmetic(DataType.FLOAT)) : new ScalarArithmetic(type);
    }

    @Override
    RunOps newRuns() {
        return wide() ? new DoubleScalarRunOps() : new FloatScalarRunOps();
    }

    @Override
    ColumnOps newColumns() {
        return wide() ? new DoubleScalarColumnOps() : new FloatScalarColumnOps();
    }

    @Override
    CrossOps newCrossing() {
        return wide() ? new DoubleScalarCrossOps() : new FloatScalarCrossOps();
    }
}
