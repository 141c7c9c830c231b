// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.spark;

import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.pass.ParameterArrays;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What a task contributes to one meeting, or what all contribute together.
 *
 * @param place   words for where in its network the task is, null if it has no batch
 * @param merged  whether these are counts, means and Σ(x − mean)² of each channel; otherwise they are added
 * @param numbers the numbers
 */
record Part(String place, boolean merged, double[] numbers) {
    static final Part NONE = new Part(null, false, new double[0]);

    static Part sum(String place, double[] numbers) {
        return new Part(place, false, numbers);
    }

    static Part of(String place, Moments moments) {
        int channels = moments.channels();
        double[] numbers = new double[3 * channels];
        for (int c = 0; c < channels; c++) {
            numbers[c] = moments.count(c);
            numbers[channels + c] = moments.mean(c);
            numbers[2 * channels + c] = moments.squares(c);
        }
        return new Part(place, true, numbers);
    }

    static Moments moments(double[]... parts) {
        int channels = parts[0].length / 3;
        Moments all = new Moments(1, channels);
        for (double[] part : parts) {
            for (int c = 0; c < channels; c++) {
                all.merge(c, part[c], part[channels + c], part[2 * channels + c]);
            }
        }
        return all;
    }

    boolean isNone() {
        return place == null;
    }

    /** Combines parts in their order, so that every run rounds alike. */
    static Part together(List<Part> parts) {
        List<Part> some = parts.stream().filter(part -> !part.isNone()).toList();
        if (some.isEmpty()) {
            return NONE;
        }
        Part first = some.get(0);
        for (Part part : some) {
            if (!Objects.equals(part.place, first.place) || part.numbers.length != first.numbers.length) {
                throw new IllegalStateException("one task is at " + first.place + " with " + first.numbers.length
                        + " numbers, another at " + part.place + " with " + part.numbers.length);
            }
        }
        if (first.merged) {
            return of(first.place, moments(some.stream().map(Part::numbers).toArray(double[][]::new)));
        }
        double[] sum = new double[first.numbers.length];
        for (Part part : some) {
            for (int i = 0; i < sum.length; i++) {
                sum[i] += part.numbers[i];
            }
        }
        return sum(first.place, sum);
    }

    static double[] read(INDArray array) {
        return ParameterArrays.read(array.reshape(array.length()));
    }

    /** Writes as many numbers as the array has. */
    static void write(double[] numbers, INDArray into) {
        ParameterArrays.write(Arrays.copyOf(numbers, Math.toIntExact(into.length())), into.reshape(into.length()));
    }
}
