// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.FeatureNormalization;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.norm.ChannelStatistics;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Spliterators;
import java.util.stream.StreamSupport;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.adapter.MultiDataSetIteratorAdapter;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Recomputes the running mean and variance of a network's norms over a whole data set. Use it after training with a moving
 * average that lags, after changing weights, or when the data distribution has shifted.
 *
 * <p>Statistics of frozen layers and everything else in the network are unchanged. If the data iterator throws or a
 * statistic is not finite, all statistics are restored.
 */
public final class PopulationStatistics {
    private static final int ALL = Integer.MAX_VALUE;
    private static final Logger LOG = LoggerFactory.getLogger(PopulationStatistics.class);

    private PopulationStatistics() {
    }

    /** Selects how the statistics of batches are combined. */
    public enum Method {
        /**
         * Runs forward passes in training mode. The mean is the average of the batch means; the variance is m/(m − 1) times
         * the average of the batch variances (<a href="https://arxiv.org/abs/1502.03167">arXiv 1502.03167</a>, algorithm
         * 2). Takes one pass over the data. Dropout is active.
         */
        PAPER,
        /**
         * Computes mean and variance of all elements of the data set, layer by layer: each layer sees the data in test
         * mode, after all layers before it are done. Takes one pass over the data for each layer; layers on parallel branches of
         * a graph share a pass.
         */
        EXACT
    }

    /** Receives the progress of a recomputation. */
    @FunctionalInterface
    public interface Progress {
        /** Logs one line for each pass. */
        Progress LOGGED = (layer, pass, passes, batches) -> {
            if (batches == 0) {
                LOG.info("Computing population statistics of {}: pass {} of {}", layer, pass, passes);
            }
        };

        /**
         * Called before the first batch of a pass and after each batch.
         *
         * @param layer   layer or layers of this pass
         * @param pass    number of the pass, from 1
         * @param passes  total number of passes
         * @param batches number of batches done in this pass
         */
        void update(String layer, int pass, int passes, int batches);
    }

    /**
     * Recomputes the statistics of a MultiLayerNetwork.
     *
     * @param net    initialized network; without running statistics it is unchanged
     * @param data   data set, read from the first batch to the last
     * @param method how batches are combined
     * @return the new statistics by name (or index) of the layer, from input to output
     * @throws IllegalArgumentException if the data is empty, or cannot be reset although several passes are needed
     * @throws IllegalStateException    if a statistic is not finite
     */
    public static Map<String, ChannelStatistics> recompute(MultiLayerNetwork net, DataSetIterator data, Method method) {
        return recompute(net, data, method, Progress.LOGGED);
    }

    /**
     * Recomputes the statistics of a MultiLayerNetwork and reports progress.
     *
     * @param net      initialized network
     * @param data     data set
     * @param method   how batches are combined
     * @param progress receives the progress
     * @return the new statistics by name (or index) of the layer, from input to output
     * @see #recompute(MultiLayerNetwork, DataSetIterator, Method)
     */
    public static Map<String, ChannelStatistics> recompute(MultiLayerNetwork net, DataSetIterator data, Method method,
                                                           Progress progress) {
        return new Run(net, NormLayers.of(net), new MultiDataSetIteratorAdapter(data), ALL, progress).by(method);
    }

    /**
     * Recomputes the statistics of a MultiLayerNetwork over the first batches of a data set, which are often enough.
     *
     * @param net     initialized network
     * @param data    data set
     * @param method  how batches are combined
     * @param batches most batches to use, at least 1; with {@link Method#EXACT}, each pass uses the first ones after a reset
     * @return the new statistics by name (or index) of the layer, from input to output
     * @see #recompute(MultiLayerNetwork, DataSetIterator, Method)
     */
    public static Map<String, ChannelStatistics> recompute(MultiLayerNetwork net, DataSetIterator data, Method method,
                                                           int batches) {
        return new Run(net, NormLayers.of(net), new MultiDataSetIteratorAdapter(data), atLeastOne(batches), Progress.LOGGED)
                .by(method);
    }

    private static int atLeastOne(int batches) {
        if (batches < 1) {
            throw new IllegalArgumentException("expected at least one batch, got " + batches);
        }
        return batches;
    }

    /** By {@link Method#EXACT}, of any network, without a report of progress. */
    static void exact(Model net, MultiDataSetIterator data) {
        new Run(net, NormLayers.of(net), data, ALL, (layer, pass, passes, batches) -> { }).by(Method.EXACT);
    }

    /**
     * Recomputes the statistics of a ComputationGraph.
     *
     * @param net    initialized graph
     * @param data   data set
     * @param method how batches are combined
     * @return the new statistics by name of the layer, in topological order
     * @see #recompute(MultiLayerNetwork, DataSetIterator, Method)
     */
    public static Map<String, ChannelStatistics> recompute(ComputationGraph net, DataSetIterator data, Method method) {
        return recompute(net, new MultiDataSetIteratorAdapter(data), method);
    }

    /**
     * Recomputes the statistics of a ComputationGraph with several inputs.
     *
     * @param net    initialized graph
     * @param data   data set
     * @param method how batches are combined
     * @return the new statistics by name of the layer, in topological order
     * @see #recompute(MultiLayerNetwork, DataSetIterator, Method)
     */
    public static Map<String, ChannelStatistics> recompute(ComputationGraph net, MultiDataSetIterator data,
                                                           Method method) {
        return recompute(net, data, method, Progress.LOGGED);
    }

    /**
     * Recomputes the statistics of a ComputationGraph and reports progress.
     *
     * @param net      initialized graph
     * @param data     data set
     * @param method   how batches are combined
     * @param progress receives the progress
     * @return the new statistics by name of the layer, in topological order
     * @see #recompute(MultiLayerNetwork, DataSetIterator, Method)
     */
    public static Map<String, ChannelStatistics> recompute(ComputationGraph net, MultiDataSetIterator data,
                                                           Method method, Progress progress) {
        return new Run(net, NormLayers.of(net), data, ALL, progress).by(method);
    }

    /**
     * Recomputes the statistics of a ComputationGraph over the first batches of a data set.
     *
     * @param net     initialized graph
     * @param data    data set
     * @param method  how batches are combined
     * @param batches most batches to use, at least 1
     * @return the new statistics by name of the layer, in topological order
     * @see #recompute(MultiLayerNetwork, DataSetIterator, Method, int)
     */
    public static Map<String, ChannelStatistics> recompute(ComputationGraph net, MultiDataSetIterator data,
                                                           Method method, int batches) {
        return new Run(net, NormLayers.of(net), data, atLeastOne(batches), Progress.LOGGED).by(method);
    }

    /**
     * Recomputes the statistics of a ComputationGraph over the first batches of a data set.
     *
     * @param net     initialized graph
     * @param data    data set
     * @param method  how batches are combined
     * @param batches most batches to use, at least 1
     * @return the new statistics by name of the layer, in topological order
     * @see #recompute(MultiLayerNetwork, DataSetIterator, Method, int)
     */
    public static Map<String, ChannelStatistics> recompute(ComputationGraph net, DataSetIterator data, Method method,
                                                           int batches) {
        return recompute(net, new MultiDataSetIteratorAdapter(data), method, batches);
    }

    /**
     * Computes the mean and variance of all {@link FeatureNormalization} layers of a MultiLayerNetwork over a data set, as
     * {@code adapt} of Keras does, layer by layer from input to output. Inverse layers keep theirs.
     *
     * @param net  initialized network
     * @param data data set, read from the first batch to the last
     * @return the new statistics by name (or index) of the layer, from input to output
     * @throws IllegalArgumentException if the data is empty, or cannot be reset although several passes are needed
     * @throws IllegalStateException    if a statistic is not finite
     */
    public static Map<String, ChannelStatistics> adapt(MultiLayerNetwork net, DataSetIterator data) {
        return new Run(net, NormLayers.adapted(net), new MultiDataSetIteratorAdapter(data), ALL, Progress.LOGGED)
                .by(Method.EXACT);
    }

    /**
     * Computes the mean and variance of all {@link FeatureNormalization} layers of a ComputationGraph over a data set.
     *
     * @param net  initialized graph
     * @param data data set
     * @return the new statistics by name of the layer, in topological order
     * @see #adapt(MultiLayerNetwork, DataSetIterator)
     */
    public static Map<String, ChannelStatistics> adapt(ComputationGraph net, MultiDataSetIterator data) {
        return new Run(net, NormLayers.adapted(net), data, ALL, Progress.LOGGED).by(Method.EXACT);
    }

    /**
     * Computes the mean and variance of all {@link FeatureNormalization} layers of a ComputationGraph over a data set.
     *
     * @param net  initialized graph
     * @param data data set
     * @return the new statistics by name of the layer, in topological order
     * @see #adapt(MultiLayerNetwork, DataSetIterator)
     */
    public static Map<String, ChannelStatistics> adapt(ComputationGraph net, DataSetIterator data) {
        return adapt(net, new MultiDataSetIteratorAdapter(data));
    }

    /** One recomputation. */
    private record Run(Model net, Map<String, NormalizationLayer> layers, MultiDataSetIterator data, int batches,
                       Progress progress) {
        Map<String, ChannelStatistics> by(Method method) {
            Map<String, double[][]> before = new LinkedHashMap<>();
            layers.forEach((name, layer) ->
                    before.put(name, new double[][]{layer.runningMean(), layer.runningVariance()}));
            try {
                Map<String, ChannelStatistics> results = new LinkedHashMap<>();
                layers.keySet().forEach(name -> results.put(name, null));
                List<Map<String, NormalizationLayer>> passes = PartialStatistics.passes(net, layers, method);
                for (int i = 0; i < passes.size(); i++) {
                    results.putAll(pass(passes.get(i), i + 1, passes.size(), method));
                }
                return results;
            } catch (Throwable thrown) {
                before.forEach((name, old) -> layers.get(name).setRunningStatistics(old[0], old[1]));
                throw thrown;
            }
        }

        private Map<String, ChannelStatistics> pass(Map<String, NormalizationLayer> some, int pass, int passes, Method method) {
            if (data.resetSupported()) {
                data.reset();
            } else if (pass > 1) {
                throw new IllegalArgumentException("EXACT needs " + passes
                        + " passes over the data, but the iterator cannot be reset; use PAPER or a resettable iterator");
            }
            String what = String.join(", ", some.keySet());
            progress.update(what, pass, passes, 0);
            return PartialStatistics.collect(net, layers, some, method, first(),
                    done -> progress.update(what, pass, passes, done)).applyTo(some);
        }

        private Iterator<MultiDataSet> first() {
            return StreamSupport.stream(Spliterators.spliteratorUnknownSize(data, 0), false).limit(batches).iterator();
        }
    }
}
