// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.pass.ParameterArrays;
import io.github.dl4jnorm.pass.Slices;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Counts finite values in bins of equal width. The first and last bin also count values beyond them.
 *
 * @param low    lower end of the first bin
 * @param high   upper end of the last bin
 * @param counts number of values in each bin
 */
public record Histogram(double low, double high, int[] counts) {
    private static final int BINS = 40;
    /** About how many values are looked at; always less than twice as many. */
    private static final int VALUES = 2000;
    private static final double DEVIATIONS = 4;

    /** Bins from four deviations below the mean to four above it, for some elements spread over the array. */
    static Histogram of(INDArray array) {
        double[] values = Arrays.stream(some(array)).filter(Double::isFinite).toArray();
        double mean = Arrays.stream(values).average().orElse(0);
        double squares = 0;
        for (double value : values) {
            squares += (value - mean) * (value - mean) / values.length;
        }
        double reach = DEVIATIONS * Math.sqrt(squares);
        if (!(reach > 0 && Double.isFinite(reach))) {
            reach = 1;
        }
        int[] counts = new int[BINS];
        for (double value : values) {
            counts[(int) Math.max(0, Math.min(BINS - 1.0, (value - mean + reach) / (2 * reach) * BINS))]++;
        }
        return new Histogram(mean - reach, mean + reach, counts);
    }

    /** Every so many elements, at a distance without a factor in common with any axis: so no axis is seen at one place only. */
    private static double[] some(INDArray array) {
        long length = array.length();
        long distance = Math.max(1, length / VALUES);
        while (commonFactor(distance, length) > 1) {
            distance++;
        }
        long count = length / distance;
        INDArray some = Slices.elements(array.reshape('c', new long[]{length}), 0, count * distance);
        return ParameterArrays.read(Slices.at(some.reshape('c', new long[]{count, distance}), 1, 0));
    }

    private static long commonFactor(long a, long b) {
        return b == 0 ? a : commonFactor(b, a % b);
    }
}
