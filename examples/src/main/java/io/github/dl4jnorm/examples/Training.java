// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.DataDependentInit;
import io.github.dl4jnorm.model.NormStatsListener;
import java.io.IOException;
import java.util.function.BooleanSupplier;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;

/** Trains a network and says how it goes. */
final class Training {
    private static final int TEST_BATCH = 500;
    /** How often a training for a chart is tested within an epoch, and by how many examples. */
    private static final int TESTS = 8;
    static final int SAMPLE = 200;

    private final ImageData data;
    private final int batch;
    private final int epochs;
    private final long seed;

    private String name;
    private History history = new History(null);
    private Convolutions convolutions = new Convolutions();
    private boolean charted;
    private double lossSum;
    private Saver saver = (net, sum, stopped) -> { };
    private BooleanSupplier stop = () -> false;

    /** Keeps a network on its way. */
    interface Saver {
        /**
         * Called after every epoch and when training is stopped.
         *
         * @param net     the network
         * @param lossSum sum of the losses of the steps of the epoch it is in
         * @param stopped whether training ends here, before its time
         * @throws IOException if it cannot be kept
         */
        void save(MultiLayerNetwork net, double lossSum, boolean stopped) throws IOException;
    }

    Training(ImageData data, int batch, int epochs, long seed) {
        this.data = data;
        this.batch = batch;
        this.epochs = epochs;
        this.seed = seed;
    }

    /** Calls it something else than its norm. */
    Training named(String label) {
        name = label;
        return this;
    }

    /** Takes its convolutions from there. */
    Training with(Convolutions choice) {
        convolutions = choice;
        return this;
    }

    /** Has the norms watched. */
    Training watchedBy(NormStatsListener stats) {
        history = new History(stats);
        return this;
    }

    /** Has the accuracy followed within the epochs, too. */
    Training charted() {
        charted = true;
        return this;
    }

    /** Goes on within an epoch whose losses have that sum so far. */
    Training from(double sum) {
        lossSum = sum;
        return this;
    }

    Training savedBy(Saver keeper) {
        saver = keeper;
        return this;
    }

    /** Ends, before the next step, once that is true. */
    Training stoppedBy(BooleanSupplier condition) {
        stop = condition;
        return this;
    }

    /** How many batches all epochs have together. */
    int iterations() {
        return epochs * batches();
    }

    /** Whole batches only: what is left over is another part of the data in every epoch. */
    private int batches() {
        return Math.max(1, data.train().numExamples() / batch);
    }

    /**
     * What came of a training.
     *
     * @param norm         name of the normalization
     * @param accuracy     share of test examples classified right
     * @param loss         mean training loss of the last epoch
     * @param seconds      time of training, tests included
     * @param batch        examples in a batch
     * @param epochs       passes over the training examples
     * @param convolutions what ran the convolutions
     * @param history      how it went
     */
    record Result(String norm, double accuracy, double loss, double seconds, int batch, int epochs, String convolutions,
                  History history) {
    }

    /**
     * Trains a network; one that has steps behind it goes on as if it had not been stopped.
     *
     * @return what came of it, or null if it was stopped
     */
    Result run(NormChoice norm, MultiLayerNetwork net) throws IOException {
        String task = name == null ? norm.toString() : name;
        long start = System.nanoTime();
        String path = convolutions.enable(net);
        double accuracy = Double.NaN;
        double loss = Double.NaN;
        // A copy, so that the order is the same whatever was trained before.
        DataSet examples = data.train().copy();
        if (history.stats() != null) {
            net.addListeners(history.stats());
        }
        if (net.getIterationCount() >= iterations()) {
            System.out.printf("%s: training is already complete (%d steps); running the test only%n", task,
                    iterations());
        }
        for (int epoch = 1; epoch <= epochs; epoch++) {
            examples.shuffle(seed + epoch);
            int first = net.getIterationCount() - (epoch - 1) * batches();
            if (first > batches() || first == batches() && epoch < epochs) {
                continue;
            }
            if (epoch == 1 && first == 0) {
                // Sets gains and biases of weight-normalized layers; of others there is nothing to set.
                DataDependentInit.apply(net, batch(examples, 0));
            }
            if (!epoch(task + " " + epoch + "/" + epochs, net, examples, first)) {
                saver.save(net, lossSum, true);
                return null;
            }
            loss = lossSum / batches();
            accuracy = accuracy(net, data.test());
            history.test(net.getIterationCount(), accuracy);
            System.out.printf("%-22s  epoch %d  loss %.4f  test accuracy %.2f %%%n", task, epoch, loss, 100 * accuracy);
            saver.save(net, lossSum, false);
        }
        return new Result(norm.name(), accuracy, loss, (System.nanoTime() - start) / 1e9, batch, epochs, path,
                history);
    }

    private boolean epoch(String task, MultiLayerNetwork net, DataSet examples, int first) {
        if (first == 0) {
            lossSum = 0;
        }
        try (StepBar bar = new StepBar(task, batches())) {
            bar.stepTo(first);
            if (net.getIterationCount() == 0) {
                sample(net);
            }
            for (int i = first; i < batches(); i++) {
                if (stop.getAsBoolean()) {
                    return false;
                }
                net.fit(batch(examples, i));
                lossSum += net.score();
                history.step(net.getIterationCount(), net.score());
                if ((i + 1) % Math.max(1, batches() / TESTS) == 0 && i + 1 < batches()) {
                    sample(net);
                }
                bar.step();
            }
        }
        return true;
    }

    private DataSet batch(DataSet examples, int index) {
        return (DataSet) examples.getRange(index * batch, Math.min(examples.numExamples(), (index + 1) * batch));
    }

    /** A point of the chart. */
    private void sample(MultiLayerNetwork net) {
        if (charted) {
            int size = Math.min(SAMPLE, data.test().numExamples());
            history.test(net.getIterationCount(), accuracy(net, (DataSet) data.test().getRange(0, size)));
        }
    }

    private static double accuracy(MultiLayerNetwork net, DataSet examples) {
        Evaluation evaluation = net.evaluate(new ViewIterator(examples, Math.min(TEST_BATCH, examples.numExamples())));
        return evaluation.accuracy();
    }
}
