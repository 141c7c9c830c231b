// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Trains blocks of convolution, normalization and ReLU on images and tests them. */
@Command(name = "train", mixinStandardHelpOptions = true, sortOptions = false,
        description = {"Trains conv -> norm -> relu blocks on images and tests after every epoch.",
            "Then compares batch norm's running statistics with exact statistics of the training set."},
        optionListHeading = "%n",
        footer = {"", "With --save a checkpoint is written after every epoch and on Ctrl-C; without it, Ctrl-C writes "
            + TrainConvNet.CHECKPOINT + ". 'train --resume FILE' resumes the run; the final network is identical."})
public final class TrainConvNet implements Callable<Integer> {
    static final String CHECKPOINT = "checkpoint.zip";

    @Spec
    private CommandSpec spec;

    @Option(names = "--norm", defaultValue = "batch", completionCandidates = NormChoice.Names.class,
            converter = NormChoice.Converter.class, description = "Normalization: ${COMPLETION-CANDIDATES} "
            + "(default: ${DEFAULT-VALUE}).")
    private NormChoice norm;

    @Option(names = "--compare", description = "Train with every norm in turn, like the command 'compare'.")
    private boolean compare;

    @Mixin
    private NetworkOptions options;

    @Mixin
    private OutputOptions output;

    @Option(names = "--save", paramLabel = "FILE", description = "Save the network after every epoch.")
    private Path save;

    @Option(names = "--resume", paramLabel = "FILE", description = "Resume a saved run with its norm and options. "
            + "Checkpoints go to the same file unless --save is given.")
    private Path resume;

    /**
     * Runs the command {@code train} of {@link Main}.
     *
     * @param args options, see {@code --help}
     */
    public static void main(String[] args) {
        Main.main(Stream.concat(Stream.of("train"), Stream.of(args)).toArray(String[]::new));
    }

    @Override
    public Integer call() throws IOException {
        options.require(save == null || !compare, "--save and --compare are mutually exclusive");
        options.requireDirectory("--save", save);
        Checkpoint checkpoint = resume == null ? null : resumed();
        Comparison comparison = new Comparison(options, output);
        if (compare) {
            return comparison.run(NormChoice.values());
        }
        Path file = save != null ? save : resume;
        MultiLayerNetwork net = checkpoint == null ? null : checkpoint.net();
        return comparison.run(norm, net, checkpoint == null ? 0 : checkpoint.lossSum(), (trained, lossSum, stopped) -> {
            if (file != null || stopped) {
                Path written = file == null ? Path.of(CHECKPOINT) : file;
                new Checkpoint(trained, norm, options.arguments(), lossSum).write(written);
                if (stopped) {
                    System.out.printf("stopped after %d steps; resume with: train --resume %s%n", trained.getIterationCount(),
                            written);
                }
            }
        });
    }

    private Checkpoint resumed() throws IOException {
        boolean otherwise = compare || spec.commandLine().getParseResult().hasMatchedOption("--norm") || options.given();
        options.require(!otherwise, "--resume takes the norm and options from its file; combine it only with --save, --json, "
                + "--report and --stats");
        Checkpoint checkpoint = Checkpoint.read(resume);
        norm = checkpoint.norm();
        List<String> arguments = checkpoint.options();
        options.restore(arguments);
        System.out.printf("resuming %s after %d steps: --norm %s %s%n", resume, checkpoint.net().getIterationCount(), norm,
                String.join(" ", arguments));
        return checkpoint;
    }
}
