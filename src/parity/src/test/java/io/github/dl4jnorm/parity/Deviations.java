// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.nd4j.linalg.api.buffer.DataType;

/** The largest deviations seen, for each norm, type and quantity. */
final class Deviations {
    /** Columns: output, gradients, running statistics. */
    private static final List<String> COLUMNS =
            List.of("y", "dx", "gamma", "beta", "meanWeight", "varWeight", "tau", "learnedEps", "mean", "var");

    private final Map<String, Map<String, Double>> largest = new TreeMap<>();
    private double nearest;

    /**
     * The largest difference, relative to the largest element expected.
     *
     * @param expected what it should be
     * @param actual   what it is, of the same length
     * @param least    what to take it relative to if every element happens to be smaller
     * @return deviation; NaN counts as infinite, and so does a difference from 0 if nothing else is known
     */
    static double of(double[] expected, double[] actual, double least) {
        if (expected.length != actual.length) {
            throw new IllegalArgumentException("expected " + expected.length + " elements, got " + actual.length);
        }
        double scale = Math.max(least, largest(expected));
        double difference = 0;
        for (int i = 0; i < expected.length; i++) {
            double here = Math.abs(expected[i] - actual[i]);
            difference = Math.max(difference, Double.isNaN(here) ? Double.POSITIVE_INFINITY : here);
        }
        return difference == 0 || Double.isInfinite(difference) ? difference : difference / scale;
    }

    /** The largest absolute value, 0 of none. */
    static double largest(double[] values) {
        return Arrays.stream(values).map(Math::abs).max().orElse(0);
    }

    /**
     * What is allowed: 1e-10 in DOUBLE; in FLOAT 2e-5, more where more than 256 elements are summed up.
     *
     * @param type      type of both sides
     * @param reduction how many elements are summed up
     * @return allowed deviation
     */
    static double tolerance(DataType type, long reduction) {
        return type == DataType.DOUBLE ? 1e-10 : 2e-5 * Math.max(1, Math.sqrt(reduction / 256.0));
    }

    synchronized void add(String row, String quantity, double deviation, double tolerance) {
        largest.computeIfAbsent(row, r -> new TreeMap<>()).merge(quantity, deviation, Math::max);
        nearest = Math.max(nearest, deviation / tolerance);
    }

    @Override
    public synchronized String toString() {
        StringBuilder table = new StringBuilder(String.format("%-48s", ""));
        COLUMNS.forEach(column -> table.append(String.format("%11s", column)));
        largest.forEach((row, values) -> {
            table.append(String.format("%n%-48s", row));
            COLUMNS.forEach(column -> table.append(values.containsKey(column)
                    ? String.format(Locale.ROOT, "%11.1e", values.get(column)) : String.format("%11s", "")));
        });
        return table.append(String.format(Locale.ROOT, "%nThe nearest to its tolerance took %.0f %% of it.",
                100 * nearest)).toString();
    }
}
