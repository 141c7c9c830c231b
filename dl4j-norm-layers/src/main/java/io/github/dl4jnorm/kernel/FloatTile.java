// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

/**
 * A piece of a run as a Java array: loops over off-heap memory stay scalar, those over arrays the compiler turns into
 * vector instructions. It does so only if the loop has no branch and all arrays have the same index; that is what loops here, and
 * those of the classes that use tiles, look like.
 */
final class FloatTile {
    static final int SIZE = 1024;
    static final int BYTES = Float.BYTES;
    /** Its square times the smallest positive number is above 1. */
    private static final float LARGE = Float.MAX_VALUE / 8;

    final float[] values = new float[SIZE];

    void load(Memory from, int at, int size) {
        from.floats.get(at / BYTES, values, 0, size);
    }

    void store(Memory into, int at, int size) {
        into.floats.put(at / BYTES, values, 0, size);
    }

    /** {@return an array that starts with some elements of a table: the table itself or the values of this tile} */
    float[] of(float[] table, int from, int size) {
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
    static float step(float z) {
        return Math.min(Math.max(z, 0) * LARGE * LARGE, 1);
    }
}
