// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.FloatTile.SIZE;

import java.util.Arrays;

/**
 * Sums of the elements of tiles and of products. Each place of a tile has sums of its own until the end: that keeps the
 * additions independent of each other, and the compiler makes vector instructions of them.
 */
final class FloatTileSums {
    private final float[] sums = new float[SIZE];
    private final float[] products = new float[SIZE];
    private int places;

    /** Forgets all. */
    void start() {
        places = 0;
    }

    /** Adds Σa and Σa·b. No tile may be longer than the first. */
    void add(float[] a, float[] b, int size) {
        if (places > 0) {
            accumulate(a, b, size, sums, products);
            return;
        }
        places = size;
        System.arraycopy(a, 0, sums, 0, size);
        for (int i = 0; i < size; i++) {
            products[i] = a[i] * b[i];
        }
    }

    /** Adds {@code Σd} and {@code Σd²} with {@code d = x·factor + shift}. No tile may be longer than the first. */
    void addSquares(float[] x, float factor, float shift, int size) {
        if (places > 0) {
            accumulateSquares(x, factor, shift, size, sums, products);
            return;
        }
        places = size;
        for (int i = 0; i < size; i++) {
            float d = x[i] * factor + shift;
            sums[i] = d;
            products[i] = d * d;
        }
    }

    /** {@code sums[i] += a[i]}, {@code products[i] += a[i]·b[i]}. */
    static void accumulate(float[] a, float[] b, int size, float[] sums, float[] products) {
        for (int i = 0; i < size; i++) {
            sums[i] += a[i];
            products[i] += a[i] * b[i];
        }
    }

    private static void accumulateSquares(float[] x, float factor, float shift, int size, float[] sums, float[] products) {
        for (int i = 0; i < size; i++) {
            float d = x[i] * factor + shift;
            sums[i] += d;
            products[i] += d * d;
        }
    }

    /** Adds both sums to two numbers. */
    void addTo(double[] two) {
        two[0] += total(sums, places);
        two[1] += total(products, places);
    }

    /** Adds up the first elements of an array, which is spoiled. */
    private static double total(float[] a, int size) {
        int left = fold(a, size);
        double t0 = 0;
        double t1 = 0;
        double t2 = 0;
        double t3 = 0;
        int i = 0;
        for (; i <= left - 4; i += 4) {
            t0 += a[i];
            t1 += a[i + 1];
            t2 += a[i + 2];
            t3 += a[i + 3];
        }
        for (; i < left; i++) {
            t0 += a[i];
        }
        return t0 + t1 + (t2 + t3);
    }

    /** Adds one half to the other, several times. The numbers are constants: otherwise the compiler leaves the loops scalar. */
    private static int fold(float[] a, int size) {
        int left = size;
        if (left > 512) {
            Arrays.fill(a, left, 1024, 0);
            for (int i = 0; i < 512; i++) {
                a[i] += a[i + 512];
            }
            left = 512;
        }
        if (left > 256) {
            Arrays.fill(a, left, 512, 0);
            for (int i = 0; i < 256; i++) {
                a[i] += a[i + 256];
            }
            left = 256;
        }
        if (left > 128) {
            Arrays.fill(a, left, 256, 0);
            for (int i = 0; i < 128; i++) {
                a[i] += a[i + 128];
            }
            left = 128;
        }
        return left;
    }
}
