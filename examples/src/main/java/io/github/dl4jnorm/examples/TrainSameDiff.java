// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.WholeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
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
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains blocks of convolution, group normalization and ReLU as a SameDiff graph, on the data of {@link TrainConvNet}. */
@Command(name = "samediff", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Trains conv -> group norm -> relu blocks as a SameDiff graph, on the data of 'train'.",
        optionListHeading = "%n")
public final class TrainSameDiff implements Callable<Integer> {
    private static final int TEST_BATCH = 500;

    @Mixin
    private TrainingOptions options;

    @Option(names = "--save", paramLabel = "FILE", description = "Save the trained graph.")
    private Path save;

    private double accuracy;

    /**
     * Runs the command {@code samediff} of {@link Main}.
     *
     * @param args options, see {@code --help}
     */
    public static void main(String[] args) {
        Main.main(Stream.concat(Stream.of("samediff"), Stream.of(args)).toArray(String[]::new));
    }

    /** Share of test examples classified right, after the last epoch. */
    double accuracy() {
        return accuracy;
    }

    @Override
    public Integer call() throws IOException {
        options.requireDirectory("--save", save);
        ImageData images = options.load();
        int batch = options.batch();
        int epochs = options.epochs();
        int batches = images.train().numExamples() / batch;
        SameDiff sd = SameDiffNet.create(images.inputType(), images.classes(), options.channels(), options.learningRate(),
                epochs * batches, options.seed());
        for (int epoch = 1; epoch <= epochs; epoch++) {
            images.train().shuffle(options.seed() + epoch);
            // Whole batches only, as in the other example.
            DataSet whole = (DataSet) images.train().getRange(0, batches * batch);
            try (StepBar bar = new StepBar("epoch " + epoch + "/" + epochs, batches)) {
                sd.fit(new ViewIterator(whole, batch), 1, new Progress(bar));
            }
            accuracy = accuracy(sd, images.test());
            System.out.printf("epoch %d  test loss %.4f  test accuracy %.2f %%%n", epoch, loss(sd, images.test()),
                    100 * accuracy);
        }
        if (save != null) {
            WholeFile.write(save, part -> sd.save(part.toFile(), true));
        }
        return CommandLine.ExitCode.OK;
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
        private final StepBar bar;

        Progress(StepBar bar) {
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
