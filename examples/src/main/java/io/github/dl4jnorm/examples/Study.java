// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.IntConsumer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.nativeblas.NativeOpsHolder;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Base class of experiments. An experiment prints a table and ends with one line that states the result. */
abstract class Study implements Callable<Integer> {
    private static final int TEST_BATCH = 500;

    @Spec
    private CommandSpec spec;

    @Option(names = "--examples", description = "Number of training examples (default: ${DEFAULT-VALUE}).")
    private int examples;

    @Option(names = "--epochs", description = "Number of epochs (default: ${DEFAULT-VALUE}).")
    private int epochs;

    @Option(names = "--seed", description = "Random seed of weights, data and order (default: ${DEFAULT-VALUE}).")
    private long seed = 42;

    /** Creates a study with default options. */
    Study(int examples, int epochs) {
        this.examples = examples;
        this.epochs = epochs;
    }

    @Override
    public final Integer call() throws IOException {
        require(examples >= 50, "--examples must be at least 50, not " + examples);
        require(epochs >= 1, "--epochs must be at least 1, not " + epochs);
        String conclusion = run();
        System.out.print(settings());
        System.out.println(conclusion);
        return CommandLine.ExitCode.OK;
    }

    /** Runs the study and returns its conclusion. */
    abstract String run() throws IOException;

    /** Lines to print before the conclusion. */
    String settings() {
        return "";
    }

    final int examples() {
        return examples;
    }

    final int epochs() {
        return epochs;
    }

    /** How many steps of a batch all epochs have. */
    final int iterations(int batch) {
        return epochs * (examples / batch);
    }

    final long seed() {
        return seed;
    }

    final void require(boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }

    final void requireDirectory(String option, Path file) {
        require(file == null || Files.isDirectory(file.toAbsolutePath().getParent()),
                option + ": the directory of " + file + " does not exist");
    }

    /** For arrays so small that threads which share them take longer than one alone. */
    static void oneThread() {
        Nd4j.factory().blas().setMaxThreads(1);
        NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(1);
    }

    /** Generated digits with pixels from 0 to 1, half as many to test with as to train on. */
    final ImageData digits() {
        return digits(Math.max(50, examples / 2));
    }

    /** Generated digits with pixels from 0 to 1, so many to test with. */
    final ImageData digits(int tests) {
        return digits(tests, seed);
    }

    /** Generated digits of that seed with pixels from 0 to 1, so many to test with. */
    final ImageData digits(int tests, long seed) {
        return new ImageData(GeneratedDigits.create(examples, seed), GeneratedDigits.create(tests, seed + 1), true,
                "generated digits").scaled(ImageData.Scale.MINMAX);
    }

    /** Trains, in an order that the seed tells, and returns the mean loss of the last epoch. */
    final double fit(Model net, DataSet train, int batch, String task) {
        return fit(net, train, batch, task, epoch -> { });
    }

    /** Trains, in an order that the seed tells, tests after every epoch, and returns the mean loss of the last one. */
    final double fit(Model net, DataSet train, int batch, String task, IntConsumer test) {
        DataSet all = train.copy();
        int batches = all.numExamples() / batch;
        double loss = 0;
        try (StepBar bar = new StepBar(task, (long) epochs * batches)) {
            for (int epoch = 1; epoch <= epochs; epoch++) {
                all.shuffle(seed + epoch);
                loss = 0;
                for (int i = 0; i < batches; i++) {
                    DataSet some = (DataSet) all.getRange(i * batch, (i + 1) * batch);
                    if (net instanceof ComputationGraph graph) {
                        graph.fit(some);
                    } else {
                        ((MultiLayerNetwork) net).fit(some);
                    }
                    loss += net.score() / batches;
                    bar.step();
                }
                test.accept(epoch);
            }
        }
        return loss;
    }

    /** Percent of examples classified right. */
    static double accuracy(Model net, DataSet test) {
        ViewIterator batches = new ViewIterator(test, Math.min(TEST_BATCH, test.numExamples()));
        Evaluation evaluation = net instanceof ComputationGraph graph ? graph.evaluate(batches)
                : ((MultiLayerNetwork) net).evaluate(batches);
        return 100 * evaluation.accuracy();
    }
}
