// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import java.util.Arrays;

/** {@link GradSums} in tables that grow block by block. Threads may add to different cells. */
public final class SumTable implements GradSums {
    private final int channels;
    private int first;
    private final double[] sums;
    private final double[] products;

    /**
     * Sums of nothing.
     *
     * @param examples N
     * @param channels C
     */
    public SumTable(int examples, int channels) {
        this(examples, channels, 0);
    }

    /**
     * Sums of nothing, of some of the examples.
     *
     * @param examples how many of them
     * @param channels C
     * @param first    the first of them
     */
    public SumTable(int examples, int channels, int first) {
        this.channels = channels;
        this.first = first * channels;
        this.sums = new double[examples * channels];
        this.products = new double[sums.length];
    }

    /**
     * Forgets all sums and goes on with other examples, as many as before.
     *
     * @param example the first of them
     */
    public void restart(int example) {
        first = example * channels;
        Arrays.fill(sums, 0);
        Arrays.fill(products, 0);
    }

    /**
     * Adds to a cell.
     *
     * @param cell n·C + c
     * @param dy   Σdy of some of its elements
     * @param dyx  their Σdy·(x − center)
     */
    public void add(int cell, double dy, double dyx) {
        sums[cell - first] += dy;
        products[cell - first] += dyx;
    }

    /**
     * Adds the sums over other elements of the same examples and channels.
     *
     * @param other sums of the same size
     */
    public void add(SumTable other) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += other.sums[i];
            products[i] += other.products[i];
        }
    }

    @Override
    public void row(int n, int from, int to, double[] dy, double[] dyx) {
        int start = n * channels - first;
        System.arraycopy(sums, start + from, dy, 0, to - from);
        System.arraycopy(products, start + from, dyx, 0, to - from);
    }
}
