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

/** Runs the examples: commands that train, compare and convert networks with norms. */
@Command(name = "dl4j-norm", mixinStandardHelpOptions = true, version = "dl4j-norm 0.2.0", synopsisSubcommandLabel = "COMMAND",
        description = "Trains networks with normalization layers, compares norms, and converts saved networks.%n"
                + "The default command is @|bold train|@.",
        optionListHeading = "%n",
        footerHeading = "%nExamples:%n",
        footer = {
            "  train                            batch norm on synthetic digits (10 to 20 s)",
            "  train --norm group --save m.zip  group norm; saves the network",
            "  train --resume m.zip             resumes an interrupted run",
            "  compare --report r.html          all norms, with an HTML report",
            "  study batch-size                 which norms tolerate small batches",
            "  recompute m.zip exact.zip        recomputes running statistics",
            "  fold exact.zip fast.zip          folds batch norms into convolutions",
            "",
            "For the options of a command: train --help.",
            "With Maven, pass command and options in -Dargs=\"...\"."},
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:success", "1:failure, such as an unreadable file or an unsupported network", "2:invalid options",
            "130:interrupted by Ctrl-C"},
        subcommands = {TrainConvNet.class, CompareNorms.class, TrainSameDiff.class, Studies.class, FoldModel.class,
            ConvertModel.class, RecomputeStatistics.class, BenchNorms.class})
public final class Main implements Runnable {
    private static final Set<String> OWN_OPTIONS = Set.of("-h", "--help", "-V", "--version");

    @Spec
    private CommandSpec spec;

    @Option(names = "--verbose", scope = CommandLine.ScopeType.INHERIT, description = "Print the stack trace of errors.")
    private boolean verbose;

    /**
     * Runs the program. The exit code is 0 on success, 2 for invalid options and 1 for any other failure.
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
        throw new ParameterException(spec.commandLine(), "--verbose needs a command");
    }
}
