// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Defines the output files of a training run of one or several norms. */
final class OutputOptions {
    @Option(names = "--json", paramLabel = "FILE", description = "Write the results as JSON: an array with one object "
            + "per norm.")
    private Path json;

    @Option(names = "--report", paramLabel = "FILE", description = "Write a self-contained HTML report: losses, accuracies, "
            + "running statistics, weights of switchable normalization, gradients, activations.")
    private Path report;

    @Option(names = "--stats", paramLabel = "FILE", description = "Write statistics of the norms during training as CSV. "
            + "With several norms, each gets a file with its name added.")
    private Path stats;

    Path report() {
        return report;
    }

    /** The file for the statistics of a norm, or null. */
    Path stats(String norm, boolean several) {
        if (stats == null || !several) {
            return stats;
        }
        String name = stats.getFileName().toString();
        int end = name.lastIndexOf('.') < 0 ? name.length() : name.lastIndexOf('.');
        return stats.resolveSibling(name.substring(0, end) + "-" + norm + name.substring(end));
    }

    /** Whether the norms have to be watched. */
    boolean watches() {
        return report != null || stats != null;
    }

    Path json() {
        return json;
    }

    void check(TrainingOptions options) {
        options.requireDirectory("--json", json);
        options.requireDirectory("--report", report);
        options.requireDirectory("--stats", stats);
    }
}
