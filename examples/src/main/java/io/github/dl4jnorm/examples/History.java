// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.NormStatsListener;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** How a training went: the loss of every step, the accuracy now and then, and what its norms did. */
final class History {
    private static final int POINTS = 60;

    private final NormStatsListener stats;
    private final List<double[]> losses = new ArrayList<>();
    private final List<double[]> accuracies = new ArrayList<>();

    /**
     * Nothing yet.
     *
     * @param stats what listens to the norms, or null
     */
    History(NormStatsListener stats) {
        this.stats = stats;
    }

    NormStatsListener stats() {
        return stats;
    }

    void step(int step, double loss) {
        losses.add(new double[]{step, loss});
    }

    void test(int step, double accuracy) {
        accuracies.add(new double[]{step, accuracy});
    }

    /** Steps and losses, each the mean of some steps where there are more than a chart can show. */
    double[][] losses() {
        int size = Math.max(1, (losses.size() + POINTS - 1) / POINTS);
        int count = (losses.size() + size - 1) / size;
        double[][] means = new double[2][count];
        for (int i = 0; i < count; i++) {
            List<double[]> some = losses.subList(i * size, Math.min(losses.size(), (i + 1) * size));
            means[0][i] = some.stream().mapToDouble(point -> point[0]).average().orElseThrow();
            means[1][i] = some.stream().mapToDouble(point -> point[1]).average().orElseThrow();
        }
        return means;
    }

    /** Steps and accuracies. */
    double[][] accuracies() {
        return new double[][]{accuracies.stream().mapToDouble(point -> point[0]).toArray(),
            accuracies.stream().mapToDouble(point -> point[1]).toArray()};
    }

    /** Whether every loss was a number a chart can show. */
    boolean isFinite() {
        return losses.stream().flatMapToDouble(Arrays::stream).allMatch(Double::isFinite);
    }
}
