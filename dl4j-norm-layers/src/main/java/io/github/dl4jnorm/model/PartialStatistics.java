// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.model.PopulationStatistics.Method;
import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Moments;
import java.io.Serializable;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.MultiDataSet;

/**
 * Population statistics of a part of a data set, for cluster engines that compute each part where it is stored. Parts merge in
 * any order: count n, mean and M2 = Σ(x − mean)² of each channel by
 *
 * <pre>
 *   δ = mean₂ − mean₁,  mean = mean₁ + δ·n₂/n,  M2 = M2₁ + M2₂ + δ²·n₁·n₂/n,  n = n₁ + n₂
 * </pre>
 *
 * A recomputation takes one or more {@link #passes}; each collects, merges and applies its part of the layers before the next
 * one begins.
 */
public final class PartialStatistics implements Serializable {
    private static final long serialVersionUID = 1L;

    /** {@link Sum#table} of each layer. */
    private final LinkedHashMap<String, double[][]> tables = new LinkedHashMap<>();
    /** How batches are combined. */
    private final Method method;
    /** How many batches there were. */
    private int batches;

    private PartialStatistics(Method method) {
        this.method = method;
    }

    /**
     * Returns the layers whose statistics {@link PopulationStatistics#recompute} changes, by the pass that computes them.
     *
     * @param net    MultiLayerNetwork or ComputationGraph
     * @param method how batches are combined
     * @return names of the layers of each pass: all of them in one with PAPER, those of one depth with EXACT
     */
    public static List<List<String>> passes(Model net, Method method) {
        return passes(net, NormLayers.of(net), method).stream().map(pass -> List.copyOf(pass.keySet())).toList();
    }

    static List<Map<String, NormalizationLayer>> passes(Model net, Map<String, NormalizationLayer> layers, Method method) {
        return layers.isEmpty() || method == Method.EXACT ? NormLayers.byDepth(net, layers) : List.of(layers);
    }

    /**
     * Computes the statistics of the layers of one pass over a part of the data.
     *
     * @param net    network that the previous passes were applied to
     * @param names  names of the layers
     * @param method how batches are combined
     * @param data   part of the data set, possibly empty
     * @return the statistics of this part
     */
    public static PartialStatistics collect(Model net, Collection<String> names, Method method, Iterator<MultiDataSet> data) {
        Map<String, NormalizationLayer> layers = NormLayers.of(net);
        return collect(net, layers, named(layers, names), method, data, done -> { });
    }

    private static Map<String, NormalizationLayer> named(Map<String, NormalizationLayer> layers, Collection<String> names) {
        Map<String, NormalizationLayer> found = new LinkedHashMap<>();
        names.forEach(name -> found.put(name, layers.get(name)));
        return found;
    }

    /** The layers of later passes still have what they had, which is no mistake. */
    static PartialStatistics collect(Model net, Map<String, NormalizationLayer> all, Map<String, NormalizationLayer> some,
                                     Method method, Iterator<MultiDataSet> data, IntConsumer progress) {
        all.values().forEach(NormalizationLayer::trustStatistics);
        PartialStatistics part = new PartialStatistics(method);
        Map<String, Sum> sums = new LinkedHashMap<>();
        some.forEach((name, layer) -> {
            Sum sum = new Sum(layer.runningMean().length, method);
            sums.put(name, sum);
            layer.observe(sum::add);
        });
        try {
            while (data.hasNext()) {
                forward(net, data.next(), method == Method.PAPER);
                progress.accept(++part.batches);
            }
        } finally {
            some.values().forEach(layer -> layer.observe(null));
        }
        sums.forEach((name, sum) -> part.tables.put(name, sum.table()));
        return part;
    }

    private static void forward(Model net, MultiDataSet batch, boolean training) {
        if (net instanceof MultiLayerNetwork sequence) {
            sequence.output(batch.getFeatures(0), training, batch.getFeaturesMaskArray(0), null);
        } else {
            ((ComputationGraph) net).output(training, batch.getFeatures(), batch.getFeaturesMaskArrays(), null);
        }
    }

    /**
     * Merges the statistics of two parts.
     *
     * @param other statistics of other batches in the same pass
     * @return the statistics of both; this part and the other one are unchanged
     */
    public PartialStatistics merge(PartialStatistics other) {
        if (batches == 0 || other.batches == 0) {
            return batches == 0 ? other : this;
        }
        PartialStatistics both = new PartialStatistics(method);
        both.batches = batches + other.batches;
        tables.forEach((name, table) -> {
            Sum sum = new Sum(table[0].length, method);
            sum.add(table);
            sum.add(other.tables.get(name));
            both.tables.put(name, sum.table());
        });
        return both;
    }

    /** {@return the number of batches in this part} */
    public int batches() {
        return batches;
    }

    /**
     * Sets the statistics of the layers of this pass. Channels without a value keep theirs.
     *
     * @param net the network
     * @return the new statistics by name of the layer
     * @throws IllegalArgumentException if there was no batch
     * @throws IllegalStateException    if a statistic is not finite
     */
    public Map<String, ChannelStatistics> applyTo(Model net) {
        return applyTo(NormLayers.of(net));
    }

    Map<String, ChannelStatistics> applyTo(Map<String, NormalizationLayer> layers) {
        if (batches == 0) {
            throw new IllegalArgumentException("expected at least one batch of data, got none");
        }
        Map<String, ChannelStatistics> results = new LinkedHashMap<>();
        tables.forEach((name, table) -> {
            Sum sum = new Sum(table[0].length, method);
            sum.add(table);
            ChannelStatistics result = sum.result();
            set(name, layers.get(name), result, method == Method.PAPER ? result.unbiasedVariance() : result.variance());
            results.put(name, result);
        });
        return results;
    }

    /** Channels without a value (all masked, or no variance of a single element) keep what they had. */
    private static void set(String name, NormalizationLayer layer, ChannelStatistics found, double[] foundVariance) {
        if (!found.isFinite()) {
            throw new IllegalStateException("layer \"" + name + "\": expected finite statistics, got "
                    + "NaN or infinite values; check the data and the outputs of earlier layers");
        }
        double[] mean = layer.runningMean();
        double[] variance = layer.runningVariance();
        for (int c = 0; c < mean.length; c++) {
            if (found.count()[c] > 0) {
                mean[c] = found.mean()[c];
                variance[c] = Double.isNaN(foundVariance[c]) ? variance[c] : foundVariance[c];
            }
        }
        layer.setRunningStatistics(mean, variance);
    }

    /** Statistics of batches together: merged as moments, or averaged if the method says so or they are averages. */
    private static final class Sum {
        private final Method method;
        private final Moments moments;
        private final ChannelStatistics.Average average;
        private boolean averaged;

        Sum(int channels, Method method) {
            this.method = method;
            moments = new Moments(1, channels);
            average = new ChannelStatistics.Average(channels);
            averaged = method == Method.PAPER;
        }

        void add(ChannelStatistics batch) {
            if (method == Method.PAPER) {
                average.add(batch);
            } else if (batch.averaged()) {
                averaged = true;
                average.addWeighted(batch);
            } else {
                for (int c = 0; c < batch.channels(); c++) {
                    moments.merge(c, batch.count()[c], batch.mean()[c], batch.variance()[c] * batch.count()[c]);
                }
            }
        }

        /** Adds what {@link #table} gave. */
        void add(double[][] table) {
            averaged = table.length > 3;
            if (averaged) {
                average.addSums(table);
            } else {
                for (int c = 0; c < moments.channels(); c++) {
                    moments.merge(c, table[0][c], table[1][c], table[2][c]);
                }
            }
        }

        /** Numbers to be sent: count, mean and M2 of each channel, or the sums of an average. */
        double[][] table() {
            if (averaged) {
                return average.sums();
            }
            double[][] table = new double[3][moments.channels()];
            for (int c = 0; c < moments.channels(); c++) {
                table[0][c] = moments.count(c);
                table[1][c] = moments.mean(c);
                table[2][c] = moments.squares(c);
            }
            return table;
        }

        ChannelStatistics result() {
            return averaged ? average.result() : ChannelStatistics.of(moments);
        }
    }
}
