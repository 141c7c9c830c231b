// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import org.nd4j.autodiff.listeners.At;
import org.nd4j.autodiff.listeners.BaseListener;
import org.nd4j.autodiff.listeners.Loss;
import org.nd4j.autodiff.listeners.Operation;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Trains blocks of convolution, group normalization and ReLU as a SameDiff graph, on the data of {@link TrainConvNet}. */
@Command(name = "TrainSameDiff", mixinStandardHelpOptions = true, version = "0.1.0", sortOptions = false,
        usageHelpAutoWidth = true, description = "Trains conv -> group norm -> relu blocks as a SameDiff graph.")
public final class TrainSameDiff implements Callable<Integer> {
    private static final double LEARNING_RATE = 0.004;
    private static final double TEST_FRACTION = 0.2;
    private static final int TEST_BATCH = 500;

    @Spec
    private CommandSpec spec;

    @Option(names = "--data", paramLabel = "DIR", description = "Directory with IDX files, gzip or not (default: digits "
            + "made on the spot). Of a single pair of images and labels a fifth is kept for the test.")
    private Path data;

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

    @Option(names = "--save", paramLabel = "FILE", description = "Save the trained graph.")
    private Path save;

    private double accuracy;

    /**
     * Runs the program and exits with 0, with 2 for wrong options or 1 for anything else that went wrong.
     *
     * @param args options, see {@code --help}
     */
    public static void main(String[] args) {
        System.exit(new CommandLine(new TrainSameDiff()).execute(args));
    }

    /** Share of test examples classified right, after the last epoch. */
    double accuracy() {
        return accuracy;
    }

    @Override
    public Integer call() throws IOException {
        require(batch >= 1, "--batch must be at least 1, not " + batch);
        require(epochs >= 1, "--epochs must be at least 1, not " + epochs);
        require(channels >= 1, "--channels must be at least 1, not " + channels);
        ImageData images = (data == null ? ImageData.generated(seed)
                : ImageData.idx(data, TEST_FRACTION, seed)).scaled(ImageData.Scale.MINMAX);
        int batches = images.train().numExamples() / batch;
        require(batches >= 1, "--batch " + batch + " is more than the " + images.train().numExamples()
                + " training examples");
        SameDiff sd = SameDiffNet.create(images.inputType(), images.classes(), channels,
                LEARNING_RATE * Math.sqrt(batch / 32.0), epochs * batches, seed);
        System.out.printf("%d training and %d test examples of %s, batches of %d%n", images.train().numExamples(),
                images.test().numExamples(), images.name(), batch);
        for (int epoch = 1; epoch <= epochs; epoch++) {
            images.train().shuffle(seed + epoch);
            // Whole batches only, as in the other example.
            DataSet whole = (DataSet) images.train().getRange(0, batches * batch);
            try (ProgressBar bar = Training.progressBar("epoch " + epoch + "/" + epochs, batches)) {
                sd.fit(new ViewIterator(whole, batch), 1, new Progress(bar));
            }
            accuracy = accuracy(sd, images.test());
            System.out.printf("epoch %d  test loss %.4f  test accuracy %.2f %%%n", epoch, loss(sd, images.test()),
                    100 * accuracy);
        }
        if (save != null) {
            sd.save(save.toFile(), true);
        }
        return CommandLine.ExitCode.OK;
    }

    private void require(boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }

    private static double accuracy(SameDiff sd, DataSet test) {
        Evaluation evaluation = new Evaluation();
        sd.evaluate(new ViewIterator(test, Math.min(TEST_BATCH, test.numExamples())), SameDiffNet.PREDICTIONS, evaluation);
        return evaluation.accuracy();
    }

    private static double loss(SameDiff sd, DataSet test) {
        double sum = 0;
        for (int start = 0; start < test.numExamples(); start += TEST_BATCH) {
            DataSet part = (DataSet) test.getRange(start, Math.min(test.numExamples(), start + TEST_BATCH));
            sum += part.numExamples() * sd.output(Map.of(SameDiffNet.IMAGES, part.getFeatures(), SameDiffNet.LABELS,
                    part.getLabels()), SameDiffNet.LOSS).get(SameDiffNet.LOSS).getDouble(0);
        }
        return sum / test.numExamples();
    }

    /** Moves the bar. (What SameDiff reports as the loss of a step is 0 where no gradient needs the loss itself.) */
    private static final class Progress extends BaseListener {
        private final ProgressBar bar;

        Progress(ProgressBar bar) {
            this.bar = bar;
        }

        @Override
        public boolean isActive(Operation operation) {
            return operation == Operation.TRAINING;
        }

        @Override
        public void iterationDone(SameDiff sd, At at, MultiDataSet dataSet, Loss loss) {
            bar.step();
        }
    }
}
