// SPDX-License-Identifier: Apache-2.0
// Derived from FloatTile.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

/**
 * A piece of a run as a Java array: loops over off-heap memory stay scalar, those over arrays the compiler turns into
 * vector instructions. That is also why nothing here branches on an element.
 */
final class DoubleTile {
    static final int SIZE = 1024;
    static final int BYTES = Double.BYTES;
    /** Chains of additions side by side. */
    private static final int LANES = 32;
    /** Its square times the smallest positive number is above 1. */
    private static final double LARGE = Double.MAX_VALUE / 8;

    final double[] values = new double[SIZE];

    void load(Memory from, int at, int size) {
        from.doubles.get(at / BYTES, values, 0, size);
    }

    void store(Memory into, int at, int size) {
        into.doubles.put(at / BYTES, values, 0, size);
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

    /** {@code into = (Σ a, Σ a·b)}. */
    static void sums(double[] a, double[] b, int size, double[] into) {
        double[] sum = new double[LANES];
        double[] product = new double[LANES];
        int i = 0;
        for (; i <= size - LANES; i += LANES) {
            for (int j = 0; j < LANES; j++) {
                sum[j] += a[i + j];
                product[j] += a[i + j] * b[i + j];
            }
        }
        double total = 0;
        double totalProduct = 0;
        for (int j = 0; j < LANES; j++) {
            total += sum[j];
            totalProduct += product[j];
        }
        for (; i < size; i++) {
            total += a[i];
            totalProduct += (double) a[i] * b[i];
        }
        into[0] += total;
        into[1] += totalProduct;
    }
}
