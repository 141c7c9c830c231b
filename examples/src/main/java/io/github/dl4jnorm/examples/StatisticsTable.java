// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.model.PopulationStatistics;
import io.github.dl4jnorm.norm.ChannelStatistics;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;

/** Compares the running statistics of a trained network with those of its training examples. */
final class StatisticsTable {
    private static final int BATCH = 200;
    private static final int CHANNELS_SHOWN = 4;

    private StatisticsTable() {
    }

    /** Recomputes the statistics of a copy of the network, and prints old beside new. */
    static void print(MultiLayerNetwork net, DataSet train) {
        int batches = train.numExamples() / Math.min(BATCH, train.numExamples());
        print(net, copy -> {
            try (StepBar bar = new StepBar("population statistics", (long) batches * running(copy).size())) {
                return PopulationStatistics.recompute(copy, new ViewIterator(train, Math.min(BATCH, train.numExamples())),
                        PopulationStatistics.Method.EXACT, (layer, pass, passes, done) ->
                                bar.stepTo((long) (pass - 1) * batches + done));
            }
        });
    }

    /** Has the statistics of a copy of the network recomputed, and prints old beside new. */
    static void print(MultiLayerNetwork net, Function<MultiLayerNetwork, Map<String, ChannelStatistics>> recomputation) {
        MultiLayerNetwork copy = Convolutions.like(net, net.clone());
        Map<String, double[][]> running = running(copy);
        Map<String, ChannelStatistics> population = recomputation.apply(copy);
        System.out.printf("%nRunning statistics compared with exact statistics of the training examples:%n");
        System.out.printf("%-10s %8s %14s %14s %14s %14s%n", "layer", "channel", "running mean", "population",
                "running var", "population");
        running.forEach((name, statistics) -> rows(name, statistics, population.get(name)));
    }

    private static Map<String, double[][]> running(MultiLayerNetwork net) {
        Map<String, double[][]> running = new LinkedHashMap<>();
        for (Layer layer : net.getLayers()) {
            if (layer instanceof NormalizationLayer norm) {
                running.put(norm.layerConf().getLayerName(), new double[][]{norm.runningMean(), norm.runningVariance()});
            }
        }
        return running;
    }

    private static void rows(String name, double[][] running, ChannelStatistics population) {
        int channels = population.channels();
        double worstMean = 0;
        double worstVariance = 0;
        for (int c = 0; c < channels; c++) {
            double deviation = Math.sqrt(population.variance()[c]);
            worstMean = Math.max(worstMean, Math.abs(running[0][c] - population.mean()[c]) / deviation);
            worstVariance = Math.max(worstVariance, Math.abs(running[1][c] / population.variance()[c] - 1));
            if (c < CHANNELS_SHOWN) {
                System.out.printf("%-10s %8d %14.5f %14.5f %14.5f %14.5f%n", name, c, running[0][c],
                        population.mean()[c], running[1][c], population.variance()[c]);
            }
        }
        System.out.printf("%-10s all %d channels: means within %.3f standard deviations, variances within %.1f %%%n",
                name, channels, worstMean, 100 * worstVariance);
    }
}
