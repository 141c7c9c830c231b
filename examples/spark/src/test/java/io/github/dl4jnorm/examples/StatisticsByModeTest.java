// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.parallel.SynchronizedTraining;
import io.github.dl4jnorm.spark.NormalizedSparkTraining;
import io.github.dl4jnorm.spark.SynchronizedSparkTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.deeplearning4j.parallelism.ParallelWrapper.TrainingMode;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;

/**
 * What each way of training leaves of the running statistics of channels with means of 0.1, 1, 10 and 100 and a variance
 * of 1, after 200 batches; the table of the documentation, in {@code target/statistics.md}.
 */
@Tag("slow")
class StatisticsByModeTest {
    private static final int BATCHES = 200;
    private static final int SHARED = 24;
    private static final double[] MEANS = {0.1, 1, 10, 100};

    private final List<DataSet> batches = SparkTrainingTest.batches(BATCHES);

    @FunctionalInterface
    private interface Way {
        /** Trains and gives back what came of it. */
        MultiLayerNetwork train(MultiLayerNetwork net);
    }

    private static BaseLayer stock() {
        return new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder().useLogStd(false).build();
    }

    private static BaseLayer ours() {
        return new BatchNormalization.Builder().useLogStd(false).build();
    }

    private static BaseLayer clipped(BaseLayer norm, GradientNormalization how, double threshold) {
        norm.setGradientNormalization(how);
        norm.setGradientNormalizationThreshold(threshold);
        return norm;
    }

    private MultiLayerNetwork alone(MultiLayerNetwork net) {
        batches.forEach(net::fit);
        return net;
    }

    private MultiLayerNetwork wrapped(MultiLayerNetwork net, TrainingMode mode, boolean synchronize) {
        ParallelWrapper wrapper = new ParallelWrapper.Builder<>(net).workers(2).prefetchBuffer(0).trainingMode(mode).build();
        if (synchronize) {
            SynchronizedTraining.install(wrapper);
        }
        wrapper.fit(new ExistingDataSetIterator(batches));
        return net;
    }

    @Test
    void theTable() throws IOException {
        StringBuilder table = new StringBuilder("| training | mean, stock | mean, ours | variance, stock | variance, ours |\n"
                + "|---|---|---|---|---|\n");
        row(table, "one worker", stock(), ours(), this::alone);
        clippedRow(table, GradientNormalization.ClipL2PerLayer, 1);
        clippedRow(table, GradientNormalization.RenormalizeL2PerParamType, 0);
        clippedRow(table, GradientNormalization.ClipElementWiseAbsoluteValue, 0.5);
        row(table, "ParallelWrapper, AVERAGING", stock(), ours(), net -> wrapped(net, TrainingMode.AVERAGING, false));
        row(table, "ParallelWrapper, SHARED_GRADIENTS", stock(), ours(),
                net -> wrapped(net, TrainingMode.SHARED_GRADIENTS, false));
        row(table, "ParallelWrapper, AVERAGING, synchronized", null, new SyncBatchNormalization.Builder().useLogStd(false)
                .build(), net -> wrapped(net, TrainingMode.AVERAGING, true));
        row(table, "ParallelWrapper, SHARED_GRADIENTS, synchronized", null, new SyncBatchNormalization.Builder()
                .useLogStd(false).build(), net -> wrapped(net, TrainingMode.SHARED_GRADIENTS, true));
        try (JavaSparkContext context = new JavaSparkContext(SparkTrainConvNet.conf("local[2]"))) {
            JavaRDD<DataSet> data = context.parallelize(batches, 2);
            row(table, "Spark, parameter averaging", stock(), ours(), net -> new SparkDl4jMultiLayer(context, net,
                    SparkTrainConvNet.averaging(2, 8, 5, 1)).fit(data));
            List<DataSet> some = batches.subList(0, SHARED);
            JavaRDD<DataSet> less = context.parallelize(some, 2);
            Way sharing = net -> new SparkDl4jMultiLayer(context, net, SparkTrainConvNet.gradients("127.0.0.1",
                    "127.0.0.0/8", 2, 8, 1)).fit(less);
            MultiLayerNetwork shared = sharing.train(SparkTrainingTest.net(ours()));
            line(table, "Spark, gradient sharing, " + SHARED + " batches", sharing.train(SparkTrainingTest.net(stock())), shared);
            assertThat(shared.getLayer(0).getParam("mean").toDoubleVector()).as("nobody brings any").containsOnly(0);
            row(table, "the same in `NormalizedSparkTraining`", null, ours(), net -> NormalizedSparkTraining.of(
                    new SparkDl4jMultiLayer(context, net, SparkTrainConvNet.gradients("127.0.0.1", "127.0.0.0/8", 2, 8, 1)))
                    .fit(less));
            row(table, "Spark, `SynchronizedSparkTraining`", null, new SyncBatchNormalization.Builder().useLogStd(false).build(),
                    net -> SynchronizedSparkTraining.fit(net, data, 1));
        }
        Files.writeString(Path.of("target", "statistics.md"), table);
    }

    private void clippedRow(StringBuilder table, GradientNormalization how, double threshold) {
        row(table, "one worker, " + how + (threshold > 0 ? "(" + threshold + ")" : ""), clipped(stock(), how, threshold),
                clipped(ours(), how, threshold), this::alone);
    }

    private static void line(StringBuilder table, String name, MultiLayerNetwork theirs, MultiLayerNetwork net) {
        table.append(String.format(Locale.ROOT, "| %s | %s | %s | %s | %s |%n", name, numbers(theirs, "mean"),
                numbers(net, "mean"), numbers(theirs, "var"), numbers(net, "var")));
    }

    private static void row(StringBuilder table, String name, BaseLayer stock, BaseLayer ours, Way way) {
        MultiLayerNetwork theirs = stock == null ? null : way.train(SparkTrainingTest.net(stock));
        MultiLayerNetwork net = way.train(SparkTrainingTest.net(ours));
        line(table, name, theirs, net);
        for (int c = 0; c < MEANS.length; c++) {
            assertThat(net.getLayer(0).getParam("mean").getDouble(c)).as(name).isBetween(MEANS[c] - 0.2, MEANS[c] + 0.2);
            assertThat(net.getLayer(0).getParam("var").getDouble(c)).as(name).isBetween(0.8, 1.2);
        }
    }

    private static String numbers(MultiLayerNetwork net, String name) {
        if (net == null) {
            return "";
        }
        INDArray values = net.getLayer(0).getParam(name);
        return Arrays.stream(values.reshape(values.length()).toDoubleVector())
                .mapToObj(value -> String.format(Locale.ROOT, "%.3g", value)).collect(Collectors.joining(", "));
    }
}
