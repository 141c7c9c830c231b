// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The one program of the examples: its commands train, compare and change networks with norms. */
@Command(name = "dl4j-norm", mixinStandardHelpOptions = true, version = "dl4j-norm 0.1.0", synopsisSubcommandLabel = "COMMAND",
        description = "Trains networks with normalization layers, compares the norms, and changes saved networks.%n"
                + "Without a command: @|bold train|@.",
        optionListHeading = "%n",
        footerHeading = "%nTo begin with:%n",
        footer = {
            "  train                            batch norm on drawn digits; a minute or two",
            "  train --norm group --save m.zip  another norm, and keep the network",
            "  train --resume m.zip             go on where Ctrl-C stopped it",
            "  compare --report r.html          all norms, and a page of curves",
            "  study batch-size                 which norms bear small batches",
            "  recompute m.zip exact.zip        running statistics anew",
            "  fold exact.zip fast.zip          batch norms into the convolutions",
            "",
            "Each command tells more: train --help.",
            "Through Maven all of it goes into -Dargs=\"...\"."},
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:done", "1:it went wrong: an unreadable file, a network that does not fit", "2:wrong options",
            "130:stopped by Ctrl-C"},
        subcommands = {TrainConvNet.class, CompareNorms.class, TrainSameDiff.class, Studies.class, FoldModel.class,
            ConvertModel.class, RecomputeStatistics.class, BenchNorms.class})
public final class Main implements Runnable {
    private static final Set<String> OWN_OPTIONS = Set.of("-h", "--help", "-V", "--version");

    @Spec
    private CommandSpec spec;

    @Option(names = "--verbose", scope = CommandLine.ScopeType.INHERIT, description = "Show where an error comes from.")
    private boolean verbose;

    /**
     * Runs the program and exits with 0, with 2 for wrong options or 1 for anything else that went wrong.
     *
     * @param args a command and its options, see {@code --help}
     */
    public static void main(String[] args) {
        System.setProperty("java.awt.headless", "true");
        System.exit(execute(new PrintWriter(System.err, true), args));
    }

    /** Does what the arguments say. */
    static int execute(PrintWriter errors, String... args) {
        // Numbers look alike everywhere, as in what the documentation shows.
        Locale.setDefault(Locale.ROOT);
        Main main = new Main();
        return Errors.inOneLine(new CommandLine(main).setErr(errors), () -> main.verbose).execute(withCommand(args));
    }

    /** Options alone are those of training. */
    private static String[] withCommand(String[] args) {
        boolean complete = args.length > 0 && (!args[0].startsWith("-") || OWN_OPTIONS.contains(args[0]));
        return complete ? args : Stream.concat(Stream.of("train"), Stream.of(args)).toArray(String[]::new);
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "--verbose needs a command behind it");
    }
}
