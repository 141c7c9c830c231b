// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import org.nd4j.linalg.api.buffer.DataType;

/**
 * The arithmetic of kernels for one element type. The operations have scratch memory: each thread has some of its own.
 *
 * <p>Every x first becomes {@code d = x·zoom − center}. The zoom is 1 or a power of two that keeps the squares of very
 * large and very small numbers within the range of float; multiplying by it is exact and, as part of a fused
 * multiply-add, free. A ReLU passes NaN, so that it stays visible.
 */
abstract class Arithmetic {
    private final DataType type;
    private RunOps runs;
    private ColumnOps columns;
    private CrossOps crossing;
    private final RowTables rows = new RowTables();
    private RunMoments runMoments;
    private ColumnMoments columnMoments;

    /**
     * Arithmetic of a type.
     *
     * @throws IllegalArgumentException if it is none of FLOAT, DOUBLE and HALF
     */
    Arithmetic(DataType type) {
        if (type != DataType.FLOAT && type != DataType.DOUBLE && type != DataType.HALF) {
            throw new IllegalArgumentException("expected data type FLOAT, DOUBLE or HALF, got " + type);
        }
        this.type = type;
    }

    abstract RunOps newRuns();

    abstract ColumnOps newColumns();

    abstract CrossOps newCrossing();

    /** {@return the operations on runs of one channel each} */
    final RunOps runs() {
        if (runs == null) {
            runs = newRuns();
        }
        return runs;
    }

    /** {@return the operations on runs of all channels} */
    final ColumnOps columns() {
        if (columns == null) {
            columns = newColumns();
        }
        return columns;
    }

    /** {@return the operations on positions with statistics of their own} */
    final CrossOps crossing() {
        if (crossing == null) {
            crossing = newCrossing();
        }
        return crossing;
    }

    /** {@return tables of coefficients and sums} */
    final RowTables rows() {
        return rows;
    }

    /** {@return what finds the moments of runs} */
    final RunMoments runMoments() {
        if (runMoments == null) {
            runMoments = new RunMoments(this);
        }
        return runMoments;
    }

    /** {@return what finds the moments of channels in blocks of runs of all channels} */
    final ColumnMoments columnMoments() {
        if (columnMoments == null) {
            columnMoments = new ColumnMoments(this);
        }
        return columnMoments;
    }

    /** {@return the element type} */
    final DataType type() {
        return type;
    }

    /** {@return whether arithmetic runs in double} */
    final boolean wide() {
        return type == DataType.DOUBLE;
    }

    /** {@return the number nearest to a value among those that arithmetic runs in} */
    final double round(double value) {
        return wide() ? value : (float) value;
    }

    /** {@return one element} */
    final double get(Memory x, int at) {
        if (type == DataType.DOUBLE) {
            return x.bytes.getDouble(at);
        }
        return type == DataType.FLOAT ? x.bytes.getFloat(at) : Half.toFloat(x.bytes.getShort(at));
    }

    /** Writes zeros. */
    final void zero(Memory y, int at, int length) {
        int end = at + length * type.width();
        for (int i = at; i < end; i += 2) {
            y.bytes.putShort(i, (short) 0);
        }
    }
}
