// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.model.PopulationStatistics;
import io.github.dl4jnorm.model.PopulationStatistics.Method;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.deeplearning4j.core.loader.impl.SerializedDataSetLoader;
import org.deeplearning4j.core.loader.impl.SerializedMultiDataSetLoader;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;

/** Statistics computed on Spark are those of one machine. */
class SparkPopulationStatisticsTest {
    private static final double ROUNDING = 1e-9;

    private static JavaSparkContext context;

    private final List<DataSet> batches = Clusters.batches(IntStream.range(0, 17).map(i -> 1 + i % 5).toArray());

    @TempDir
    private Path directory;

    /** With retries, which plain local mode has not. */
    @BeforeAll
    static void start() {
        context = Clusters.start("local[4,3]");
    }

    @AfterAll
    static void stop() {
        context.close();
    }

    private static MultiLayerNetwork net() {
        MultiLayerNetwork net = Clusters.net(new BatchNormalization.Builder().build());
        Clusters.batches(8, 8).forEach(net::fit);
        return net;
    }

    private MultiLayerNetwork alone(Method method) {
        MultiLayerNetwork net = net();
        PopulationStatistics.recompute(net, new ExistingDataSetIterator(batches), method);
        return net;
    }

    @ParameterizedTest
    @EnumSource
    void theyAreThoseOfOneMachineForAnyPartitioning(Method method) {
        double[] expected = alone(method).params().toDoubleVector();
        assertThat(expected).isNotEqualTo(net().params().toDoubleVector());
        for (int partitions : new int[]{1, 2, 3, 5, 20}) {
            MultiLayerNetwork net = net();
            var found = SparkPopulationStatistics.recompute(net, context.parallelize(batches, partitions), method);
            assertThat(net.params().toDoubleVector()).as("%d partitions", partitions).containsExactly(expected, within(ROUNDING));
            assertThat(found.keySet()).containsExactly("layer0", "layer2");
        }
    }

    @Test
    void graphsAndSeveralInputsToo() {
        ComputationGraph net = net().toComputationGraph();
        JavaRDD<MultiDataSet> data = context.parallelize(batches, 3).map(DataSet::toMultiDataSet);
        SparkPopulationStatistics.recomputeMultiDataSet(net, data, Method.EXACT);
        assertThat(net.params().toDoubleVector()).containsExactly(alone(Method.EXACT).params().toDoubleVector(),
                within(ROUNDING));
    }

    @Test
    void batchesMayBeInFiles() throws Exception {
        List<String> paths = new ArrayList<>();
        List<String> multi = new ArrayList<>();
        for (DataSet batch : batches) {
            paths.add(directory.resolve(paths.size() + ".bin").toUri().toString());
            batch.save(Path.of(URI.create(paths.get(paths.size() - 1))).toFile());
            multi.add(directory.resolve(multi.size() + ".multi").toUri().toString());
            batch.toMultiDataSet().save(Path.of(URI.create(multi.get(multi.size() - 1))).toFile());
        }
        double[] expected = alone(Method.EXACT).params().toDoubleVector();
        MultiLayerNetwork net = net();
        SparkPopulationStatistics.recomputePaths(net, context.parallelize(paths, 2), new SerializedDataSetLoader(), Method.EXACT);
        assertThat(net.params().toDoubleVector()).containsExactly(expected, within(ROUNDING));
        MultiLayerNetwork second = net();
        SparkPopulationStatistics.recomputeMultiDataSetPaths(second, context.parallelize(multi, 2),
                new SerializedMultiDataSetLoader(), Method.EXACT);
        assertThat(second.params().toDoubleVector()).containsExactly(expected, within(ROUNDING));
    }

    /** Each task fails at its last batch the first time it runs. */
    @Test
    void repeatedTasksChangeNothing() {
        List<DataSet> last = List.of(batches.get(5), batches.get(11), batches.get(16));
        JavaRDD<DataSet> data = context.parallelize(batches, 3).map(batch -> {
            if (TaskContext.get().attemptNumber() == 0 && last.contains(batch)) {
                throw new IllegalStateException("lost");
            }
            return batch;
        });
        MultiLayerNetwork net = net();
        SparkPopulationStatistics.recompute(net, data, Method.EXACT);
        assertThat(net.params().toDoubleVector()).containsExactly(alone(Method.EXACT).params().toDoubleVector(),
                within(ROUNDING));
    }

    @Test
    void nothingChangesWithoutDataOrWithNaN() {
        MultiLayerNetwork net = net();
        assertThatThrownBy(() -> SparkPopulationStatistics.recompute(net, context.parallelize(List.of(), 2), Method.PAPER))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("expected at least one batch of data, got none");
        assertThatThrownBy(() -> SparkPopulationStatistics.recompute(net, context.emptyRDD(), Method.PAPER))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("without partitions");
        batches.get(3).getFeatures().putScalar(0, Double.NaN);
        assertThatThrownBy(() -> SparkPopulationStatistics.recompute(net, context.parallelize(batches, 2), Method.EXACT))
                .isInstanceOf(IllegalStateException.class).hasMessageContaining("layer \"layer0\": expected finite statistics");
        assertThat(net.params()).isEqualTo(net().params());
    }

    @Test
    void networksWithoutStatisticsNeedNoPass() {
        MultiLayerNetwork plain = Clusters.net(new LayerNormalization.Builder().build());
        assertThat(SparkPopulationStatistics.recompute(plain, context.emptyRDD(), Method.EXACT)).isEqualTo(Map.of());
    }
}
