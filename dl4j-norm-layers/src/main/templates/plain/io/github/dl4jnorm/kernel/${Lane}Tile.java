// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

/**
 * A piece of a run as a Java array: loops over off-heap memory stay scalar, those over arrays the compiler turns into
 * vector instructions. That is also why nothing here branches on an element.
 */
final class ${Lane}Tile {
    static final int SIZE = 1024;
    static final int BYTES = ${Lane}.BYTES;
    /** Chains of additions side by side. */
    private static final int LANES = 32;
    /** Its square times the smallest positive number is above 1. */
    private static final ${lane} LARGE = ${Lane}.MAX_VALUE / 8;

    final ${lane}[] values = new ${lane}[SIZE];

    void load(Memory from, int at, int size) {
        from.${lane}s.get(at / BYTES, values, 0, size);
    }

    void store(Memory into, int at, int size) {
        into.${lane}s.put(at / BYTES, values, 0, size);
    }

    void rectify(int size) {
        for (int i = 0; i < size; i++) {
            values[i] = Math.max(values[i], 0);
        }
    }

    /** 1 where a ReLU lets z through, else 0; NaN stays. */
    static ${lane} step(${lane} z) {
        return Math.min(Math.max(z, 0) * LARGE * LARGE, 1);
    }

    /** {@code into = (Σ a, Σ a·b)}. */
    static void sums(${lane}[] a, ${lane}[] b, int size, double[] into) {
        ${lane}[] sum = new ${lane}[LANES];
        ${lane}[] product = new ${lane}[LANES];
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
