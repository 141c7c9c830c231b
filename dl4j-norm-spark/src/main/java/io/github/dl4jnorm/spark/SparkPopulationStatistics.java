// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.spark;

import io.github.dl4jnorm.model.PartialStatistics;
import io.github.dl4jnorm.model.PopulationStatistics.Method;
import io.github.dl4jnorm.norm.ChannelStatistics;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.datavec.spark.util.BroadcastHadoopConfigHolder;
import org.datavec.spark.util.SerializableHadoopConfig;
import org.deeplearning4j.core.loader.DataSetLoader;
import org.deeplearning4j.core.loader.MultiDataSetLoader;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.spark.iterator.PathSparkDataSetIterator;
import org.deeplearning4j.spark.iterator.PathSparkMultiDataSetIterator;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Recomputes the running mean and variance of a network's norms on a Spark cluster, as
 * {@link io.github.dl4jnorm.model.PopulationStatistics} does on one machine.
 *
 * <pre>{@code
 * SparkPopulationStatistics.recompute(net, data, PopulationStatistics.Method.EXACT);
 * }</pre>
 *
 * PAPER takes one pass over the data, EXACT one for each depth of norms. In each pass, the network is broadcast once, each
 * partition computes count, mean and Σ(x − mean)² of each channel, and the driver receives their sum in a tree
 * ({@link PartialStatistics}). The result is that of one machine for any partitioning, up to rounding (1e-9 in DOUBLE), and
 * with PAPER if the network has no dropout. Tasks have no side effects, so that repeated ones change nothing. Cache the data if
 * it is expensive to compute.
 *
 * <p>If a pass fails or a statistic is not finite, all statistics are restored.
 */
public final class SparkPopulationStatistics {
    private static final Logger LOG = LoggerFactory.getLogger(SparkPopulationStatistics.class);

    private SparkPopulationStatistics() {
    }

    /**
     * Recomputes the statistics of a network.
     *
     * @param net    initialized MultiLayerNetwork or ComputationGraph, on the driver
     * @param data   data set; each element is a batch
     * @param method how batches are combined
     * @return the new statistics by name (or index) of the layer
     * @throws IllegalArgumentException if the data is empty
     * @throws IllegalStateException    if a statistic is not finite
     */
    public static Map<String, ChannelStatistics> recompute(Model net, JavaRDD<DataSet> data, Method method) {
        return recomputeMultiDataSet(net, data.map(DataSet::toMultiDataSet), method);
    }

    /**
     * Recomputes the statistics of a network with several inputs.
     *
     * @param net    initialized network, on the driver
     * @param data   data set; each element is a batch
     * @param method how batches are combined
     * @return the new statistics by name (or index) of the layer
     * @see #recompute
     */
    public static Map<String, ChannelStatistics> recomputeMultiDataSet(Model net, JavaRDD<MultiDataSet> data, Method method) {
        INDArray before = net.params().dup();
        try {
            Map<String, ChannelStatistics> results = new LinkedHashMap<>();
            List<List<String>> passes = PartialStatistics.passes(net, method);
            for (int i = 0; i < passes.size(); i++) {
                results.putAll(pass(net, data, passes.get(i), method, "pass " + (i + 1) + " of " + passes.size()));
            }
            return results;
        } catch (Throwable thrown) {
            net.setParams(before);
            throw thrown;
        }
    }

    /**
     * Recomputes the statistics of a network over files, one for each batch.
     *
     * @param net    initialized network, on the driver
     * @param paths  paths that executors can read, such as those of HDFS
     * @param loader reads a batch, for example a {@code SerializedDataSetLoader} what {@code DataSet.save} wrote
     * @param method how batches are combined
     * @return the new statistics by name (or index) of the layer
     * @see #recompute
     */
    public static Map<String, ChannelStatistics> recomputePaths(Model net, JavaRDD<String> paths, DataSetLoader loader,
                                                                Method method) {
        Broadcast<SerializableHadoopConfig> hadoop = hadoop(paths);
        return recompute(net, paths.mapPartitions(some -> new PathSparkDataSetIterator(some, loader, hadoop)), method);
    }

    /**
     * Recomputes the statistics of a network with several inputs over files, one for each batch.
     *
     * @param net    initialized network, on the driver
     * @param paths  paths that executors can read
     * @param loader reads a batch
     * @param method how batches are combined
     * @return the new statistics by name (or index) of the layer
     * @see #recompute
     */
    public static Map<String, ChannelStatistics> recomputeMultiDataSetPaths(Model net, JavaRDD<String> paths,
                                                                            MultiDataSetLoader loader, Method method) {
        Broadcast<SerializableHadoopConfig> hadoop = hadoop(paths);
        return recomputeMultiDataSet(net,
                paths.mapPartitions(some -> new PathSparkMultiDataSetIterator(some, loader, hadoop)), method);
    }

    private static Broadcast<SerializableHadoopConfig> hadoop(JavaRDD<String> paths) {
        return BroadcastHadoopConfigHolder.get(JavaSparkContext.fromSparkContext(paths.context()));
    }

    private static Map<String, ChannelStatistics> pass(Model net, JavaRDD<MultiDataSet> data, List<String> names, Method method,
                                                       String pass) {
        int partitions = data.getNumPartitions();
        if (partitions == 0) {
            throw new IllegalArgumentException("expected at least one batch of data, got an RDD without partitions");
        }
        String what = String.join(", ", names);
        LOG.info("Computing population statistics of {}: {}, {} partitions", what, pass, partitions);
        long start = System.nanoTime();
        Broadcast<byte[]> sent = JavaSparkContext.fromSparkContext(data.context()).broadcast(SentNetwork.write(net));
        try {
            PartialStatistics found = data.mapPartitions(some -> collect(sent, names, method, some))
                    .treeReduce(PartialStatistics::merge);
            Map<String, ChannelStatistics> results = found.applyTo(net);
            LOG.info("Computed population statistics of {}: {}, {} batches in {} ms", what, pass, found.batches(),
                    (System.nanoTime() - start) / 1_000_000);
            return results;
        } finally {
            sent.destroy();
        }
    }

    private static Iterator<PartialStatistics> collect(Broadcast<byte[]> sent, List<String> names, Method method,
                                                       Iterator<MultiDataSet> data) {
        return List.of(PartialStatistics.collect(SentNetwork.read(sent.value()), names, method, data)).iterator();
    }
}
