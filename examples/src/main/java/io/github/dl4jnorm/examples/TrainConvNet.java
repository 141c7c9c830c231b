// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Trains blocks of convolution, normalization and ReLU on images and tests them; its commands change saved networks. */
@Command(name = "TrainConvNet", mixinStandardHelpOptions = true, version = "0.1.0", sortOptions = false,
        usageHelpAutoWidth = true, description = "Trains conv -> norm -> relu blocks on images and tests them.",
        subcommands = {ConvertModel.class, FoldModel.class, RecomputeStatistics.class})
public final class TrainConvNet implements Callable<Integer> {
    private static final double LEARNING_RATE = 0.004;

    enum Dataset {
        GENERATED, MNIST, CIFAR10;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Spec
    private CommandSpec spec;

    @Option(names = "--norm", defaultValue = "batch", completionCandidates = NormChoice.Names.class,
            converter = NormChoice.Converter.class, description = "Normalization: ${COMPLETION-CANDIDATES} "
            + "(default: ${DEFAULT-VALUE}).")
    private NormChoice norm;

    @Option(names = "--compare", description = "Train with every normalization in turn; one table at the end.")
    private boolean compare;

    @Option(names = "--data", paramLabel = "DIR", description = "Directory with IDX files, gzip or not. One with a "
            + "single pair of images and labels is split.")
    private Path data;

    @Option(names = "--test-fraction", defaultValue = "0.2", description = "Share of a single pair kept for the test "
            + "(default: ${DEFAULT-VALUE}).")
    private double testFraction;

    @Option(names = "--dataset", description = "Without --data: ${COMPLETION-CANDIDATES} (default: generated). The "
            + "last two are downloaded by Deeplearning4j.")
    private Dataset dataset;

    @Option(names = "--batch", defaultValue = "32", description = "Examples in a batch (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--epochs", defaultValue = "3", description = "Passes over the data (default: ${DEFAULT-VALUE}).")
    private int epochs;

    @Option(names = "--seed", defaultValue = "42", description = "Seed of weights, data and order "
            + "(default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--channels", defaultValue = "16", description = "Channels of the first block; the blocks behind "
            + "it have twice as many (default: ${DEFAULT-VALUE}).")
    private int channels;

    @Option(names = "--learning-rate", description = "Learning rate of Adam at the start; it falls to a tenth "
            + "(default: 0.004 for a batch of 32, in proportion to the root of the batch).")
    private Double learningRate;

    @Option(names = "--scale", defaultValue = "minmax", description = "Scaling of input: ${COMPLETION-CANDIDATES} "
            + "(default: ${DEFAULT-VALUE}).")
    private ImageData.Scale scale;

    @Option(names = "--json", paramLabel = "FILE", description = "Write the results as JSON: an array with one object "
            + "for each normalization.")
    private Path json;

    @Option(names = "--save", paramLabel = "FILE", description = "Save the trained network.")
    private Path save;

    /**
     * Runs the program and exits with 0, with 2 for wrong options or 1 for anything else that went wrong.
     *
     * @param args options, see {@code --help}
     */
    public static void main(String[] args) {
        System.setProperty("java.awt.headless", "true");
        System.exit(commandLine().execute(args));
    }

    static CommandLine commandLine() {
        return new CommandLine(new TrainConvNet())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((exception, command, parsed) -> {
                    String message = exception.getMessage();
                    command.getErr().println("error: " + (message == null ? exception.toString() : message));
                    return CommandLine.ExitCode.SOFTWARE;
                });
    }

    @Override
    public Integer call() throws IOException {
        validate();
        ImageData images = load().scaled(scale);
        System.out.printf("%d training and %d test examples of %s, %s, batches of %d%n",
                images.train().numExamples(), images.test().numExamples(), images.name(), images.inputType(), batch);
        List<Training.Result> results = new ArrayList<>();
        for (NormChoice choice : compare ? NormChoice.values() : List.of(norm)) {
            Training training = new Training(images, batch, epochs, seed);
            MultiLayerNetwork net = ConvNet.create(choice, images.inputType(), images.classes(), channels, learningRate,
                    training.iterations(), seed);
            results.add(training.run(choice, net));
            if (save != null) {
                ModelFiles.write(new ModelFiles.Loaded(net, null), save);
            }
            if (choice.equals(NormChoice.BATCH)) {
                StatisticsTable.print(net, images.train());
            }
        }
        print(results);
        if (json != null) {
            write(results);
        }
        return CommandLine.ExitCode.OK;
    }

    private void validate() {
        require(data == null || dataset == null, "--data and --dataset exclude each other");
        require(batch >= 1, "--batch must be at least 1, not " + batch);
        require(epochs >= 1, "--epochs must be at least 1, not " + epochs);
        require(channels >= 1, "--channels must be at least 1, not " + channels);
        if (learningRate == null) {
            learningRate = LEARNING_RATE * Math.sqrt(batch / 32.0);
        }
        require(learningRate > 0 && Double.isFinite(learningRate),
                "--learning-rate must be positive, not " + learningRate);
        require(testFraction > 0 && testFraction < 1, "--test-fraction must lie between 0 and 1, not " + testFraction);
        require(save == null || !compare, "--save and --compare exclude each other");
        requireDirectory("--json", json);
        requireDirectory("--save", save);
    }

    private void requireDirectory(String option, Path file) {
        Path directory = file == null ? null : file.toAbsolutePath().getParent();
        require(directory == null || Files.isDirectory(directory), option + ": there is no directory " + directory);
    }

    private void require(boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }

    private ImageData load() throws IOException {
        ImageData images;
        if (data != null) {
            images = ImageData.idx(data, testFraction, seed);
        } else if (dataset == null || dataset == Dataset.GENERATED) {
            images = ImageData.generated(seed);
        } else {
            images = dataset == Dataset.MNIST ? OnlineData.mnist(seed) : OnlineData.cifar10(seed);
        }
        require(batch <= images.train().numExamples(), "--batch " + batch + " is more than the "
                + images.train().numExamples() + " training examples");
        return images;
    }

    private static void print(List<Training.Result> results) {
        System.out.printf("%n%-12s %10s %10s %10s%n", "norm", "accuracy", "loss", "seconds");
        for (Training.Result result : results) {
            System.out.printf("%-12s %8.2f %% %10.4f %10.1f%n", result.norm(), 100 * result.accuracy(), result.loss(),
                    result.seconds());
        }
    }

    private void write(List<Training.Result> results) throws IOException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (Training.Result result : results) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("norm", result.norm());
            row.put("accuracy", result.accuracy());
            row.put("loss", result.loss());
            row.put("seconds", result.seconds());
            row.put("batch", result.batch());
            row.put("epochs", result.epochs());
            rows.add(row);
        }
        new ObjectMapper().writerWithDefaultPrettyPrinter().writeValue(json.toFile(), rows);
    }
}
