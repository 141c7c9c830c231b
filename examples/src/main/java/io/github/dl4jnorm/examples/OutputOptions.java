// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** What a training of one or several norms writes beside its table. */
final class OutputOptions {
    @Option(names = "--json", paramLabel = "FILE", description = "Write the results as JSON: an array with one object "
            + "for each normalization.")
    private Path json;

    Path json() {
        return json;
    }

    void check(TrainingOptions options) {
        options.requireDirectory("--json", json);
    }
}
