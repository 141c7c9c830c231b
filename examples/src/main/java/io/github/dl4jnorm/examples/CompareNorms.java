// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains the same network with several norms. */
@Command(name = "compare", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Trains the same network with several norms, on the same data in the same order, and prints a table.",
        optionListHeading = "%n",
        footer = {"", "Ctrl-C stops training and prints the table of the finished norms."})
final class CompareNorms implements Callable<Integer> {
    @Option(names = "--norms", split = ",", paramLabel = "NORM", completionCandidates = NormChoice.Names.class,
            converter = NormChoice.Converter.class, description = "Comma-separated norms: "
            + "${COMPLETION-CANDIDATES} (default: all).")
    private List<NormChoice> norms;

    @Mixin
    private NetworkOptions options;

    @Mixin
    private OutputOptions output;

    @Override
    public Integer call() throws IOException {
        return new Comparison(options, output).run(norms == null ? NormChoice.values() : norms);
    }
}
