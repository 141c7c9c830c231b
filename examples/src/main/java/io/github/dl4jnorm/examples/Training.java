// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;

/** Trains a network and says how it goes. */
final class Training {
    private static final int TEST_BATCH = 500;

    private final ImageData data;
    private final int batch;
    private final int epochs;
    private final long seed;

    Training(ImageData data, int batch, int epochs, long seed) {
        this.data = data;
        this.batch = batch;
        this.epochs = epochs;
        this.seed = seed;
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
     * @param norm     name of the normalization
     * @param accuracy share of test examples classified right
     * @param loss     mean training loss of the last epoch
     * @param seconds  time of training, tests included
     * @param batch    examples in a batch
     * @param epochs   passes over the training examples
     */
    record Result(String norm, double accuracy, double loss, double seconds, int batch, int epochs) {
    }

    Result run(NormChoice norm, MultiLayerNetwork net) {
        String name = norm.toString();
        long start = System.nanoTime();
        double loss = Double.NaN;
        double accuracy = 0;
        for (int epoch = 1; epoch <= epochs; epoch++) {
            // The same order for every norm, so that a comparison compares norms.
            data.train().shuffle(seed + epoch);
            loss = epoch(name + " " + epoch + "/" + epochs, net);
            accuracy = accuracy(net);
            System.out.printf("%-10s  epoch %d  loss %.4f  test accuracy %.2f %%%n", name, epoch, loss, 100 * accuracy);
        }
        return new Result(name, accuracy, loss, (System.nanoTime() - start) / 1e9, batch, epochs);
    }

    private double epoch(String task, MultiLayerNetwork net) {
        double sum = 0;
        try (ProgressBar bar = progressBar(task, batches())) {
            for (int i = 0; i < batches(); i++) {
                int end = Math.min(data.train().numExamples(), (i + 1) * batch);
                net.fit((DataSet) data.train().getRange(i * batch, end));
                sum += net.score();
                bar.step();
            }
        }
        return sum / batches();
    }

    private double accuracy(MultiLayerNetwork net) {
        Evaluation evaluation = net.evaluate(new ViewIterator(data.test(), Math.min(TEST_BATCH,
                data.test().numExamples())));
        return evaluation.accuracy();
    }

    static ProgressBar progressBar(String task, long steps) {
        // A file or a pipe gets a line now and then instead of a moving bar.
        int interval = System.console() == null ? 5000 : 200;
        return new ProgressBarBuilder().setTaskName(task).setInitialMax(steps).setStyle(ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(interval).clearDisplayOnFinish().build();
    }
}
