// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import org.nd4j.linalg.api.buffer.DataType;

/**
 * The arithmetic of kernels for one element type. The operations have scratch memory: each thread has some of its own.
 *
 * <p>Every x first becomes {@code d = x·zoom − center}. The zoom is 1 or a power of two that keeps the squares of very
 * large and very small numbers within the range of float; multiplying by it is exact and, as part of a fused
 * multiply-add, free. A ReLU passes NaN, so that it stays visible.
 *
 * @param type     the element type
 * @param runs     on runs of one channel each
 * @param columns  on runs of all channels
 * @param crossing on positions with statistics of their own
 */
record Arithmetic(DataType type, RunOps runs, ColumnOps columns, CrossOps crossing) {

    /** Makes the arithmetic of a type. */
    @FunctionalInterface
    interface Factory {
        /**
         * @param type FLOAT, DOUBLE or HALF
         * @return new operations
         * @throws IllegalArgumentException for any other type
         */
        Arithmetic of(DataType type);
    }

    /** {@return whether arithmetic runs in double} */
    boolean wide() {
        return type == DataType.DOUBLE;
    }

    /** {@return the number nearest to a value among those that arithmetic runs in} */
    double round(double value) {
        return wide() ? value : (float) value;
    }

    /** {@return one element} */
    double get(Memory x, int at) {
        return switch (type) {
            case FLOAT -> x.bytes.getFloat(at);
            case DOUBLE -> x.bytes.getDouble(at);
            default -> Half.toFloat(x.bytes.getShort(at));
        };
    }

    /** Writes zeros. */
    void zero(Memory y, int at, int length) {
        int end = at + length * type.width();
        for (int i = at; i < end; i += 2) {
            y.bytes.putShort(i, (short) 0);
        }
    }

    static IllegalArgumentException unsupported(DataType type) {
        return new IllegalArgumentException("expected data type FLOAT, DOUBLE or HALF, got " + type);
    }
}
