// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * How often values fall into bins of the same width; the first and the last one take what lies beyond them.
 *
 * @param low    lower end of the first bin
 * @param high   upper end of the last bin
 * @param counts number of values in each bin
 */
public record Histogram(double low, double high, int[] counts) {
    private static final int BINS = 40;
    private static final int VALUES = 2000;
    private static final double DEVIATIONS = 4;

    /** Bins from four deviations below the mean to four above it, for some elements spread over the array. */
    static Histogram of(INDArray array) {
        int count = (int) Math.min(VALUES, array.length());
        double[] values = new double[count];
        double mean = 0;
        for (int i = 0; i < count; i++) {
            values[i] = array.getDouble(i * array.length() / count);
            mean += values[i] / count;
        }
        double squares = 0;
        for (double value : values) {
            squares += (value - mean) * (value - mean) / count;
        }
        double reach = DEVIATIONS * Math.sqrt(squares);
        if (!(reach > 0 && Double.isFinite(reach))) {
            reach = 1;
        }
        int[] counts = new int[BINS];
        for (double value : values) {
            if (!Double.isNaN(value)) {
                counts[(int) Math.max(0, Math.min(BINS - 1.0, (value - mean + reach) / (2 * reach) * BINS))]++;
            }
        }
        return new Histogram(mean - reach, mean + reach, counts);
    }
}
