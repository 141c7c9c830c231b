// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.spark;

import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.deeplearning4j.nn.api.Model;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * Trains on Spark in synchronous steps: in each step, all tasks share gradients and, for norms with {@code synchronize(true)},
 * batch statistics.
 *
 * <pre>{@code
 * SynchronizedSparkTraining.fit(net, data.repartition(4), 10);
 * }</pre>
 *
 * k partitions with batches of size B train like one worker with batch size k·B, for any updater and gradient normalization:
 * parameters and running statistics agree to 1e-9 in DOUBLE. All partitions train at the same time as one barrier stage, so the
 * cluster needs as many free cores as there are partitions. If a task fails, Spark repeats the epoch from its beginning, with
 * the same result. Partitions may have different numbers of batches, and batches different sizes. Running statistics of norms
 * without the option are averaged over the tasks of the last step.
 *
 * <p>Each step waits for the slowest task and sends all gradients, as doubles, to the first task and back: see "Distributed
 * training" in the documentation for the cost. Tasks connect to the first one by TCP, unencrypted.
 */
public final class SynchronizedSparkTraining {
    /** Default time that a task waits for the others. */
    public static final Duration TIMEOUT = Duration.ofMinutes(5);

    private static final Logger LOG = LoggerFactory.getLogger(SynchronizedSparkTraining.class);
    private static final ClassTag<byte[]> BYTES = ClassTag$.MODULE$.apply(byte[].class);

    private SynchronizedSparkTraining() {
    }

    /**
     * Trains a network.
     *
     * @param <M>    MultiLayerNetwork or ComputationGraph
     * @param net    initialized network, on the driver
     * @param data   data set; each element is a batch, each partition belongs to one worker
     * @param epochs number of epochs
     * @return the same network, trained
     * @throws IllegalArgumentException if the data is empty
     */
    public static <M extends Model> M fit(M net, JavaRDD<DataSet> data, int epochs) {
        return fitMultiDataSet(net, data.map(DataSet::toMultiDataSet), epochs, TIMEOUT);
    }

    /**
     * Trains a network with several inputs or outputs.
     *
     * @param <M>     MultiLayerNetwork or ComputationGraph
     * @param net     initialized network, on the driver
     * @param data    data set; each element is a batch, each partition belongs to one worker
     * @param epochs  number of epochs
     * @param timeout how long a task waits for the others, up to 24 days
     * @return the same network, trained
     * @throws IllegalArgumentException if the data is empty, or the timeout is not positive
     */
    public static <M extends Model> M fitMultiDataSet(M net, JavaRDD<MultiDataSet> data, int epochs, Duration timeout) {
        if (timeout.toMillis() < 1 || timeout.toMillis() > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("Expected a timeout from 1 ms to 24 days, got " + timeout);
        }
        for (int epoch = 0; epoch < epochs; epoch++) {
            epoch(net, data, (int) timeout.toMillis());
        }
        return net;
    }

    private static void epoch(Model net, JavaRDD<MultiDataSet> data, int milliseconds) {
        long start = System.nanoTime();
        Broadcast<byte[]> sent = JavaSparkContext.fromSparkContext(data.context()).broadcast(SentNetwork.write(net));
        try {
            // Spark repeats a barrier stage only if its results go to another stage.
            List<byte[]> trained = JavaRDD.fromRDD(data.rdd().barrier().mapPartitions(
                    new SynchronizedTask(sent, UUID.randomUUID().toString(), milliseconds), false, BYTES), BYTES)
                    .repartition(1).collect();
            if (trained.isEmpty()) {
                throw new IllegalArgumentException("expected at least one batch of data, got none");
            }
            SentNetwork.takeOver(net, SentNetwork.read(trained.get(0)));
            LOG.info("Trained one epoch in {} synchronized tasks in {} ms", data.getNumPartitions(),
                    (System.nanoTime() - start) / 1_000_000);
        } finally {
            sent.destroy();
        }
    }
}
