// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.nd4j.common.util.ArrayUtil;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.BaseScalarOp;
import org.nd4j.linalg.api.ops.BroadcastOp;
import org.nd4j.linalg.api.ops.impl.broadcast.BroadcastAddOp;
import org.nd4j.linalg.api.ops.impl.broadcast.BroadcastMulOp;
import org.nd4j.linalg.api.ops.impl.broadcast.BroadcastSubOp;
import org.nd4j.linalg.api.ops.impl.reduce.same.Sum;
import org.nd4j.linalg.api.ops.impl.reduce3.Dot;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarAdd;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarMultiplication;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarSubtraction;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Which elements of an array in the order of its memory share numbers: sums over the elements of each cell, and maps of all
 * elements with a number for each cell. Tables hold these numbers.
 *
 * <p>All are operations of ND4J's old kind: on CUDA each custom one waits for the device before and after. Sums are those of
 * products, with 1 where there is one factor: of all of ND4J's reductions of FLOAT only this one adds in DOUBLE.
 */
final class Nd4jCells {
    /** Of columns so many elements at a time: the lines of memory that they share with their neighbours remain in a cache. */
    private static final int BLOCK = 32;
    private static final int LEAST_BLOCK = 8;
    /** As many ones as the longest sum so far has addends, by device and type: not an array for each length. */
    private static final Map<List<Object>, INDArray> ONES = new ConcurrentHashMap<>();

    /** How many there are. */
    final int count;
    /** Elements of each. */
    final int size;

    /** Matrices of rows, or of columns. */
    private final long[] shape;
    /** How many rows each cell has; 0 where it is a column. */
    private final int runs;
    /** Elements of a column that are summed up at a time. */
    private final int block;

    private Nd4jCells(long[] shape, int runs) {
        this.shape = shape;
        this.runs = runs;
        count = (int) (runs > 0 ? shape[0] * shape[1] / runs : shape[0] * shape[2]);
        size = (int) (ArrayUtil.prodLong(shape) / count);
        block = runs > 0 ? size : block(size);
    }

    /** Each cell is a row: its elements lie next to each other. */
    static Nd4jCells rows(long count, long length) {
        return new Nd4jCells(new long[]{1, count, length}, 1);
    }

    /** Each cell is a column of one of several matrices. */
    static Nd4jCells columns(long matrices, long length, long columns) {
        return columns == 1 ? rows(matrices, length) : new Nd4jCells(new long[]{matrices, length, columns}, 0);
    }

    /** Each cell has the rows of the same index of several matrices. */
    static Nd4jCells planes(long matrices, long rows, long length) {
        return length == 1 ? columns(1, matrices, rows) : new Nd4jCells(new long[]{matrices, rows, length}, (int) matrices);
    }

    /** The largest part of a column that fits, or all of it. */
    private static int block(int size) {
        for (int length = Math.min(BLOCK, size); length >= LEAST_BLOCK; length--) {
            if (size % length == 0) {
                return length;
            }
        }
        return size;
    }

    /** A view of ones. */
    private static INDArray ones(DataType type, long... shape) {
        long length = ArrayUtil.prodLong(shape);
        List<Object> key = List.of(Nd4j.getAffinityManager().getDeviceForCurrentThread(), type);
        INDArray ones = ONES.compute(key, (k, made) -> {
            if (made != null && made.length() >= length) {
                return made;
            }
            try (MemoryWorkspace ws = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
                return array(type, (int) length, i -> 1);
            }
        });
        return view(slice(ones, 0, length), shape);
    }

    /** Sums of some kinds over the elements of each cell, which travel together. */
    final class Sums {
        private final int kinds;
        /** Those of all kinds, then means. */
        private final INDArray found;
        /** Sums over parts of columns, or null. */
        private final INDArray parts;

        Sums(int kinds, boolean means) {
            this.kinds = kinds;
            found = Nd4j.createUninitialized(DataType.DOUBLE, (long) kinds * perKind() + (means ? count : 0));
            parts = block == size ? null : Nd4j.createUninitialized(DataType.DOUBLE, kinds * ofParts());
        }

        private long perKind() {
            return Math.max(1, runs) * (long) count;
        }

        private long ofParts() {
            return shape[0] * (size / block) * shape[2];
        }

        /** Adds up the elements. */
        void sum(int kind, INDArray array) {
            add(array, null, of(kind));
        }

        /** Adds up products with the elements of another array. */
        void products(int kind, INDArray array, INDArray other) {
            add(array, other, of(kind));
        }

        private INDArray of(int kind) {
            return parts == null ? slice(found, kind * perKind(), perKind()) : slice(parts, kind * ofParts(), ofParts());
        }

        private void add(INDArray array, INDArray other, INDArray into) {
            long[] seen = runs > 0 ? new long[]{shape[0] * shape[1], shape[2]}
                    : new long[]{shape[0] * (size / block), block, shape[2]};
            INDArray factor = other != null ? view(other, seen)
                    : runs > 0 ? ones(array.dataType(), 1, shape[2]) : ones(array.dataType(), 1, block, 1);
            Nd4j.exec(new Dot(view(array, seen), factor, runs > 0 ? into : view(into, seen[0], seen[2]), 1));
        }

        /** The mean of each cell, where the arrays are. */
        INDArray means(INDArray array) {
            INDArray means = slice(found, kinds * perKind(), count);
            if (runs == 1 || runs == 0 && parts == null) {
                add(array, null, means);
                return means.divi(size);
            }
            int addends = runs > 1 ? runs : size / block;
            INDArray shares = array(DataType.DOUBLE, addends, i -> 1.0 / size);
            if (runs > 1) {
                INDArray ofRows = Nd4j.createUninitialized(DataType.DOUBLE, runs, count);
                add(array, null, ofRows.reshape(ofRows.length()));
                Nd4j.exec(new Dot(ofRows, view(shares, runs, 1), means, 0));
            } else {
                INDArray ofBlocks = Nd4j.createUninitialized(DataType.DOUBLE, ofParts());
                add(array, null, ofBlocks);
                Nd4j.exec(new Dot(view(ofBlocks, shape[0], addends, shape[2]), view(shares, 1, addends, 1),
                        view(means, shape[0], shape[2]), 1));
            }
            return means;
        }

        /** The sums of each kind and cell, and the means. */
        double[] read() {
            if (parts != null) {
                Nd4j.exec(new Sum(view(parts, kinds * shape[0], size / block, shape[2]),
                        view(slice(found, 0, kinds * perKind()), kinds * shape[0], shape[2]), false, 1));
            }
            double[] all = found.data().asDouble();
            if (runs <= 1) {
                return all;
            }
            double[] each = new double[kinds * count + all.length - (int) (kinds * perKind())];
            for (int i = 0; i < all.length; i++) {
                int kind = (int) (i / perKind());
                each[kind < kinds ? kind * count + i % count : kinds * count + i - (int) (kinds * perKind())] += all[i];
            }
            return each;
        }
    }

    /** The least element of each cell. */
    double[] least(INDArray array) {
        return seen(array).min(reduced()).dup('c').data().asDouble();
    }

    /** The greatest element of each cell. */
    double[] greatest(INDArray array) {
        return seen(array).max(reduced()).dup('c').data().asDouble();
    }

    private int[] reduced() {
        return runs == 0 ? new int[]{1} : runs == 1 ? new int[]{2} : new int[]{0, 2};
    }

    private INDArray seen(INDArray array) {
        return Arrays.equals(array.shape(), shape) ? array : view(array, shape);
    }

    /** Takes tables to where the arrays are, all at once, ready for maps: those of cells with several rows one for each. */
    INDArray[] upload(DataType type, double[]... tables) {
        int numbers = count * Math.max(1, runs);
        INDArray all = array(type, tables.length * numbers, i -> tables[i / numbers][i % numbers % count]);
        INDArray[] each = new INDArray[tables.length];
        Arrays.setAll(each, i -> slice(all, (long) i * numbers, numbers));
        return each;
    }

    /** {@code into = array − table}, with the number of its cell for each element. Tables are what {@link #upload} gives. */
    void subtract(INDArray array, INDArray table, INDArray into) {
        map(ScalarSubtraction::new, BroadcastSubOp::new, array, table, into);
    }

    /** {@code into = array·table}. */
    void multiply(INDArray array, INDArray table, INDArray into) {
        map(ScalarMultiplication::new, BroadcastMulOp::new, array, table, into);
    }

    /** {@code into = array + table}. */
    void add(INDArray array, INDArray table, INDArray into) {
        map(ScalarAdd::new, BroadcastAddOp::new, array, table, into);
    }

    private interface OfRows {
        BaseScalarOp of(INDArray rows, INDArray table, INDArray into, Number unused);
    }

    private interface OfColumns {
        BroadcastOp of(INDArray matrices, INDArray table, INDArray into, int... axes);
    }

    private void map(OfRows ofRows, OfColumns ofColumns, INDArray array, INDArray table, INDArray into) {
        if (runs == 0) {
            boolean one = shape[0] == 1;
            Nd4j.exec(ofColumns.of(seen(array), one ? table : view(table, shape[0], shape[2]), seen(into),
                    one ? new int[]{2} : new int[]{0, 2}));
            return;
        }
        if (table.length() == shape[1] && runs > 1) {
            // What was found here is not written out for each row.
            Nd4j.exec(ofColumns.of(seen(array), table, seen(into), 1));
            return;
        }
        BaseScalarOp op = ofRows.of(view(array, shape[0] * shape[1], shape[2]), table,
                view(into, shape[0] * shape[1], shape[2]), 0);
        op.setDimension(1);
        Nd4j.exec(op);
    }

    /** Some elements of an array in the order of its memory, as a view. */
    private static INDArray slice(INDArray array, long from, long length) {
        return Nd4j.create(array.data(), new long[]{length}, new long[]{1}, array.offset() + from, 'c');
    }

    /**
     * The memory of an array that is in its order in another shape. Never a copy, as a reshape may be.
     *
     * @throws IllegalArgumentException if the shape has another number of elements: ND4J would go past the end of the memory
     */
    static INDArray view(INDArray array, long... shape) {
        if (ArrayUtil.prodLong(shape) != array.length()) {
            throw new IllegalArgumentException("expected an array of " + ArrayUtil.prodLong(shape) + " elements, got "
                    + array.length() + " of shape " + Arrays.toString(array.shape()));
        }
        return Nd4j.create(array.data(), shape, Nd4j.getStrides(shape, 'c'), array.offset(), 'c');
    }

    interface Element {
        double at(int i);
    }

    /** An array of numbers, in FLOAT or DOUBLE. */
    static INDArray array(DataType type, int length, Element element) {
        if (type == DataType.DOUBLE) {
            double[] values = new double[length];
            Arrays.setAll(values, element::at);
            return Nd4j.createFromArray(values);
        }
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = (float) element.at(i);
        }
        return Nd4j.createFromArray(values);
    }
}
