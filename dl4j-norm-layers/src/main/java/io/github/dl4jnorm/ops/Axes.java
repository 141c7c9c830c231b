// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The axes that an operation reduces and those that gamma and beta have, as the caller gave them: some may count from the end.
 *
 * @param reduced  axes of each statistic
 * @param features axes of gamma and beta
 */
record Axes(int[] reduced, int[] features) {
    private static final int MAX_RANK = 5;

    /** The last ones for both. */
    static Axes last(int count) {
        int[] axes = IntStream.rangeClosed(-Math.max(0, count), -1).toArray();
        return new Axes(axes, axes);
    }

    /** As a graph saves them: how many are reduced, those, and those of gamma and beta. */
    static Axes of(long[] saved) {
        int count = (int) saved[0];
        int[] all = Arrays.stream(saved).skip(1).mapToInt(Math::toIntExact).toArray();
        return new Axes(Arrays.copyOf(all, count), Arrays.copyOfRange(all, count, all.length));
    }

    long[] saved() {
        IntStream all = IntStream.concat(IntStream.of(reduced.length), IntStream.concat(Arrays.stream(reduced),
                Arrays.stream(features)));
        return all.asLongStream().toArray();
    }

    /** The same axes in ascending order, counted from the start. */
    Axes of(int rank) {
        return new Axes(of(reduced, rank), of(features, rank));
    }

    /** The same axes in ascending order, or null if some of those that are reduced count from the end. */
    Axes inOrder() {
        return Arrays.stream(reduced).anyMatch(axis -> axis < 0) ? null : of(0);
    }

    private static int[] of(int[] axes, int rank) {
        return Arrays.stream(axes).map(axis -> axis < 0 ? axis + rank : axis).sorted().toArray();
    }

    /** {@return what is wrong with them for a rank, or null} */
    String problem(int rank) {
        if (rank < 1 || rank > MAX_RANK) {
            return "rank 1 to " + MAX_RANK + ", got rank " + rank;
        }
        if (reduced.length == 0) {
            return "at least one axis to reduce, got none";
        }
        String wrong = problem("axes", reduced, rank);
        return wrong == null ? problem("featureAxes", features, rank) : wrong;
    }

    private static String problem(String name, int[] axes, int rank) {
        int[] sorted = of(axes, rank);
        boolean fit = Arrays.stream(sorted).allMatch(axis -> axis >= 0 && axis < rank)
                && Arrays.stream(sorted).distinct().count() == axes.length;
        return fit ? null : name + " from " + -rank + " to " + (rank - 1) + ", each once, got " + Arrays.toString(axes);
    }

    /** The sizes of gamma and beta, for axes of a rank. */
    long[] featureShape(long[] shape) {
        return Arrays.stream(features).mapToLong(axis -> shape[axis]).toArray();
    }

    /** Whether axes follow each other. */
    static boolean adjacent(int[] axes) {
        return axes.length > 0 && axes[axes.length - 1] - axes[0] == axes.length - 1;
    }

    /** The axes of a rank that are not among some. */
    static int[] others(int[] axes, int rank) {
        return IntStream.range(0, rank).filter(axis -> Arrays.stream(axes).noneMatch(other -> other == axis)).toArray();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Axes axes && Arrays.equals(reduced, axes.reduced) && Arrays.equals(features, axes.features);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(reduced) + Arrays.hashCode(features);
    }

    @Override
    public String toString() {
        return "axes " + Arrays.toString(reduced) + ", featureAxes " + Arrays.toString(features);
    }
}
