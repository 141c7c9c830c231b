// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Defines the options shared by training commands: data, duration and network width. */
class TrainingOptions {
    private static final double LEARNING_RATE = 0.004;
    private static final double USUAL_BATCH = 32;

    enum Dataset {
        GENERATED, MNIST, CIFAR10;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(names = "--data", paramLabel = "DIR", description = "Directory with IDX files, plain or gzip. A single "
            + "pair of images and labels is split into training and test data.")
    private Path data;

    @Option(names = "--test-fraction", defaultValue = "0.2", description = "Fraction of a single pair held out for testing "
            + "(default: ${DEFAULT-VALUE}).")
    private double testFraction;

    @Option(names = "--dataset", description = "Data set if --data is not given: ${COMPLETION-CANDIDATES} (default: "
            + "generated). Deeplearning4j downloads the last two.")
    private Dataset dataset;

    @Option(names = "--batch", defaultValue = "32", description = "Batch size (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--epochs", defaultValue = "3", description = "Number of epochs (default: ${DEFAULT-VALUE}).")
    private int epochs;

    @Option(names = "--seed", defaultValue = "42", description = "Random seed of weights, data and order "
            + "(default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--channels", defaultValue = "16", description = "Channels of the first block; later blocks have "
            + "twice as many (default: ${DEFAULT-VALUE}).")
    private int channels;

    @Option(names = "--learning-rate", description = "Initial learning rate of Adam; decays to a tenth "
            + "(default: 0.004 at batch size 32, scaled with the square root of the batch size).")
    private Double learningRate;

    @Option(names = "--scale", defaultValue = "minmax", description = "Input scaling: ${COMPLETION-CANDIDATES} "
            + "(default: ${DEFAULT-VALUE}).")
    private ImageData.Scale scale;

    int batch() {
        return batch;
    }

    int epochs() {
        return epochs;
    }

    long seed() {
        return seed;
    }

    int channels() {
        return channels;
    }

    double learningRate() {
        return learningRate == null ? LEARNING_RATE * Math.sqrt(batch / USUAL_BATCH) : learningRate;
    }

    /** Checks the options, reads the data, scales it and says what it is. */
    ImageData load() throws IOException {
        require(data == null || dataset == null, "--data and --dataset are mutually exclusive");
        require(batch >= 1, "--batch must be at least 1, not " + batch);
        require(epochs >= 1, "--epochs must be at least 1, not " + epochs);
        require(channels >= 1, "--channels must be at least 1, not " + channels);
        require(learningRate() > 0 && Double.isFinite(learningRate()),
                "--learning-rate must be positive, not " + learningRate());
        require(testFraction > 0 && testFraction < 1, "--test-fraction must be between 0 and 1, not " + testFraction);
        ImageData images = read();
        require(batch <= images.train().numExamples(), "--batch " + batch + " exceeds the "
                + images.train().numExamples() + " training examples");
        System.out.printf("%d training and %d test examples of %s, %s, batches of %d%n", images.train().numExamples(),
                images.test().numExamples(), images.name(), images.inputType(), batch);
        return images.scaled(scale);
    }

    private ImageData read() throws IOException {
        if (data != null) {
            return ImageData.idx(data, testFraction, seed);
        }
        return dataset == null || dataset == Dataset.GENERATED ? ImageData.generated(seed)
                : dataset == Dataset.MNIST ? OnlineData.mnist(seed) : OnlineData.cifar10(seed);
    }

    void require(boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(command.commandLine(), message);
        }
    }

    /** Before hours of training, not after them. */
    void requireDirectory(String option, Path file) {
        Path directory = file == null ? null : file.toAbsolutePath().getParent();
        require(directory == null || Files.isDirectory(directory), option + ": directory " + directory + " does not exist");
    }

    /** Whether any of these options is among the arguments of the command. */
    boolean given() {
        return CommandSpec.forAnnotatedObject(this).options().stream()
                .anyMatch(option -> command.commandLine().getParseResult().hasMatchedOption(option.longestName()));
    }

    /** The options as arguments, for {@link #restore}. */
    List<String> arguments() {
        List<String> arguments = new ArrayList<>();
        for (OptionSpec option : CommandSpec.forAnnotatedObject(this).options()) {
            Object value = option.getValue();
            if (Boolean.TRUE.equals(value)) {
                arguments.add(option.longestName());
            } else if (value != null && !Boolean.FALSE.equals(value)) {
                arguments.add(option.longestName());
                arguments.add(value instanceof Path path ? path.toAbsolutePath().toString() : value.toString());
            }
        }
        return arguments;
    }

    void restore(List<String> arguments) {
        new CommandLine(this).setCaseInsensitiveEnumValuesAllowed(true).parseArgs(arguments.toArray(String[]::new));
    }
}
