// SPDX-License-Identifier: Apache-2.0
// Derived from FloatTile.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

/**
 * A piece of a run as a Java array: loops over off-heap memory stay scalar, those over arrays the compiler turns into
 * vector instructions. It does so only if the loop has no branch and all arrays have the same index; that is what loops here, and
 * those of the classes that use tiles, look like.
 */
final class DoubleTile {
    static final int SIZE = 1024;
    static final int BYTES = Double.BYTES;
    /** Its square times the smallest positive number is above 1. */
    private static final double LARGE = Double.MAX_VALUE / 8;

    final double[] values = new double[SIZE];

    void load(Memory from, int at, int size) {
        from.doubles.get(at / BYTES, values, 0, size);
    }

    void store(Memory into, int at, int size) {
        into.doubles.put(at / BYTES, values, 0, size);
    }

    /** {@return an array that starts with some elements of a table: the table itself or the values of this tile} */
    double[] of(double[] table, int from, int size) {
        if (from == 0) {
            return table;
        }
        System.arraycopy(table, from, values, 0, size);
        return values;
    }

    void rectify(int size) {
        for (int i = 0; i < size; i++) {
            values[i] = Math.max(values[i], 0);
        }
    }

    /** 1 where a ReLU lets z through, else 0; NaN stays. */
    static double step(double z) {
        return Math.min(Math.max(z, 0) * LARGE * LARGE, 1);
    }
}
