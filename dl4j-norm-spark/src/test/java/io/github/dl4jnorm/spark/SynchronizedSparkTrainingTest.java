// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.Partitioner;
import org.apache.spark.SparkException;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import scala.Tuple2;

/** Tasks with batches of B train as one worker with the examples of all their batches does. */
class SynchronizedSparkTrainingTest {
    private static final int STEPS = 3;
    private static final int BATCH = 6;

    private static JavaSparkContext context;

    @BeforeAll
    static void start() {
        context = Clusters.start("local[4]");
    }

    @AfterAll
    static void stop() {
        context.close();
    }

    private static MultiLayerNetwork net() {
        return Clusters.net(new SyncBatchNormalization.Builder().build());
    }

    private static List<DataSet> batches(int count) {
        int[] sizes = new int[count];
        Arrays.fill(sizes, BATCH);
        return Clusters.batches(sizes);
    }

    /** The batches that tasks have in the same step, as one. */
    private static List<DataSet> joined(List<DataSet> batches, int tasks) {
        List<DataSet> joined = new ArrayList<>();
        for (int step = 0; step < STEPS; step++) {
            List<DataSet> together = new ArrayList<>();
            for (int task = 0; task < tasks; task++) {
                together.add(batches.get(task * STEPS + step));
            }
            joined.add(DataSet.merge(together));
        }
        return joined;
    }

    private static void assertSame(Model actual, Model expected) {
        assertThat(actual.params().toDoubleVector()).containsExactly(expected.params().toDoubleVector(), within(1e-9));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void tasksTrainLikeOneWorkerWithAllExamples(int tasks) {
        List<DataSet> batches = batches(tasks * STEPS);
        MultiLayerNetwork alone = net();
        for (int epoch = 0; epoch < 2; epoch++) {
            joined(batches, tasks).forEach(alone::fit);
            alone.incrementEpochCount();
        }
        MultiLayerNetwork together = net();
        assertThat(SynchronizedSparkTraining.fit(together, context.parallelize(batches, tasks), 2)).isSameAs(together);
        assertSame(together, alone);
        assertThat(together.updaterState().toDoubleVector()).containsExactly(alone.updaterState().toDoubleVector(), within(1e-9));
        assertThat(together.getIterationCount()).isEqualTo(alone.getIterationCount());
        assertThat(together.getEpochCount()).isEqualTo(2);
        assertThat(together.score()).isCloseTo(alone.score(), within(1e-9));
    }

    @Test
    void graphsToo() {
        List<DataSet> batches = batches(2 * STEPS);
        ComputationGraph alone = net().toComputationGraph();
        joined(batches, 2).forEach(alone::fit);
        assertSame(SynchronizedSparkTraining.fit(net().toComputationGraph(), context.parallelize(batches, 2), 1), alone);
    }

    /** Five batches for the first task, two smaller ones for the second, none for the third. */
    @Test
    void tasksMayHaveDifferentNumbersOfBatches() {
        List<DataSet> batches = Clusters.batches(5, 5, 5, 5, 5, 3, 3);
        JavaRDD<DataSet> data = context.parallelize(batches, 1).mapToPair(batch ->
                new Tuple2<>(batch.numExamples() == 5 ? 0 : 1, batch)).partitionBy(new Parts()).values();
        MultiLayerNetwork alone = net();
        alone.fit(DataSet.merge(List.of(batches.get(0), batches.get(5))));
        alone.fit(DataSet.merge(List.of(batches.get(1), batches.get(6))));
        batches.subList(2, 5).forEach(alone::fit);
        assertSame(SynchronizedSparkTraining.fit(net(), data, 1), alone);
    }

    private static final class Parts extends Partitioner {
        private static final long serialVersionUID = 1L;

        @Override
        public int numPartitions() {
            return 3;
        }

        @Override
        public int getPartition(Object key) {
            return (Integer) key;
        }
    }

    /** Each task normalizes with its own batch; only gradients are shared. */
    @Test
    void statisticsThatAreNotSharedAreAveraged() {
        BatchNormalization own = new BatchNormalization.Builder().runningStatistics(RunningStatistics.cumulative()).build();
        List<DataSet> batches = batches(2 * STEPS);
        MultiLayerNetwork net = SynchronizedSparkTraining.fit(Clusters.net(own), context.parallelize(batches, 2), 1);
        double[] mean = DataSet.merge(batches).getFeatures().mean(0).toDoubleVector();
        assertThat(net.getLayer(0).getParam("mean").toDoubleVector()).containsExactly(mean, within(1e-9));
        assertThat(net.getLayer(0).getParam("batches").toDoubleVector()).containsOnly(STEPS);
    }

    @Test
    void aTaskThatFailsStopsTheOthers() {
        JavaRDD<MultiDataSet> data = context.parallelize(batches(4), 2).map(batch -> {
            if (TaskContext.getPartitionId() == 1) {
                throw new IllegalStateException("no data");
            }
            return batch.toMultiDataSet();
        });
        MultiLayerNetwork net = net();
        assertThatThrownBy(() -> SynchronizedSparkTraining.fitMultiDataSet(net, data, 1, Duration.ofSeconds(30)))
                .isInstanceOf(SparkException.class);
        assertThat(net.params()).isEqualTo(net().params());
        assertThatThrownBy(() -> SynchronizedSparkTraining.fitMultiDataSet(net, data, 1, Duration.ZERO))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("got PT0S");
        assertThatThrownBy(() -> SynchronizedSparkTraining.fit(net, context.parallelize(List.of(), 2), 1))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("expected at least one batch of data, got none");
    }
}
