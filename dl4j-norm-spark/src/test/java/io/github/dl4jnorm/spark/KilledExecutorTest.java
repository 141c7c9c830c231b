// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.model.PopulationStatistics;
import io.github.dl4jnorm.model.PopulationStatistics.Method;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.dataset.DataSet;

/** Executors of a cluster are processes of their own; one of them is killed in the middle, and the result is right. */
class KilledExecutorTest {
    private static JavaSparkContext context;

    private final List<DataSet> batches = Clusters.batches(6, 6, 6, 6, 6, 6);

    @TempDir
    private Path directory;

    @BeforeAll
    static void start() {
        context = Clusters.start("local-cluster[2,1,1024]");
    }

    @AfterAll
    static void stop() {
        context.close();
    }

    /** The data, whose second partition kills its executor at its second batch, but only once. */
    private JavaRDD<DataSet> deadly() {
        String marker = directory.resolve("killed").toString();
        return context.parallelize(batches, 2).mapPartitionsWithIndex((index, some) -> {
            List<DataSet> seen = new ArrayList<>();
            some.forEachRemaining(seen::add);
            return seen.stream().map(batch -> index == 1 && batch == seen.get(1) ? killed(batch, marker) : batch).iterator();
        }, false);
    }

    private static DataSet killed(DataSet batch, String marker) {
        try {
            Files.writeString(Files.createFile(Path.of(marker)), TaskContext.get().taskAttemptId() + " in "
                    + ProcessHandle.current().pid());
            new ProcessBuilder("kill", "-9", String.valueOf(ProcessHandle.current().pid())).start().waitFor();
            Thread.sleep(60_000);
            throw new IllegalStateException("not killed");
        } catch (FileAlreadyExistsException e) {
            return batch;
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void assertKilledElsewhere() throws IOException {
        assertThat(Files.readString(directory.resolve("killed"))).doesNotEndWith(" " + ProcessHandle.current().pid());
    }

    @Test
    void statisticsAreThoseOfOneMachine() throws IOException {
        MultiLayerNetwork net = Clusters.net(new BatchNormalization.Builder().build());
        SparkPopulationStatistics.recompute(net, deadly(), Method.EXACT);
        assertKilledElsewhere();
        MultiLayerNetwork alone = Clusters.net(new BatchNormalization.Builder().build());
        PopulationStatistics.recompute(alone, new ExistingDataSetIterator(batches), Method.EXACT);
        assertThat(net.params().toDoubleVector()).containsExactly(alone.params().toDoubleVector(), within(1e-9));
    }

    @Test
    void synchronizedTrainingIsThatOfOneWorker() throws IOException {
        MultiLayerNetwork net = Clusters.net(new SyncBatchNormalization.Builder().build());
        SynchronizedSparkTraining.fit(net, deadly(), 1);
        assertKilledElsewhere();
        MultiLayerNetwork alone = Clusters.net(new SyncBatchNormalization.Builder().build());
        for (int step = 0; step < 3; step++) {
            alone.fit(DataSet.merge(List.of(batches.get(step), batches.get(3 + step))));
        }
        assertThat(net.params().toDoubleVector()).containsExactly(alone.params().toDoubleVector(), within(1e-9));
    }
}
