// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.spark;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.model.PopulationStatistics.Method;
import io.github.dl4jnorm.norm.Exchange;
import io.github.dl4jnorm.norm.Moments;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import scala.collection.JavaConverters;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction1;

/** What exchanges and passes cost; the tables of the documentation, in {@code target/spark-cost.md}. */
@Tag("slow")
class SparkCostTest {
    private static final ClassTag<double[]> NUMBERS = ClassTag$.MODULE$.apply(double[].class);

    /** Norms, channels of each, parameters. */
    private static final int[][] NETWORKS = {{2, 64, 10_000}, {16, 128, 1_000_000}, {53, 501, 5_000_000}};

    private final StringBuilder table = new StringBuilder();

    /** Milliseconds of a step: exchanges forward, backward, and of gradients; and of one allGather. */
    private static final class Measurement extends AbstractFunction1<scala.collection.Iterator<Integer>,
            scala.collection.Iterator<double[]>> implements Serializable {
        private static final long serialVersionUID = 1L;

        @Override
        public scala.collection.Iterator<double[]> apply(scala.collection.Iterator<Integer> none) {
            BarrierTaskContext context = BarrierTaskContext.get();
            double[] found = new double[3 * NETWORKS.length + 1];
            try (TaskGroup group = TaskGroup.join(context, "secret", 60_000)) {
                for (int i = 0; i < NETWORKS.length; i++) {
                    measure(group, NETWORKS[i], found, 3 * i);
                }
            }
            long start = System.nanoTime();
            for (int k = 0; k < 5; k++) {
                context.allGather("");
            }
            found[found.length - 1] = (System.nanoTime() - start) / 5e6;
            return JavaConverters.asScalaIterator(List.of(found).iterator());
        }

        private static void measure(TaskGroup group, int[] network, double[] found, int at) {
            Exchange exchange = group.exchange("norm");
            Moments moments = new Moments(1, network[1]);
            IntStream.range(0, network[1]).forEach(c -> moments.merge(c, 1000, c, 1000));
            double[] pair = new double[2 * network[1]];
            double[] gradients = new double[network[2]];
            int steps = network[2] > 1_000_000 ? 9 : 30;
            double[][] times = new double[3][steps];
            for (int warm = 0; warm < 200; warm++) {
                exchange.merge(moments);
            }
            for (int step = 0; step < steps; step++) {
                long start = System.nanoTime();
                for (int norm = 0; norm < network[0]; norm++) {
                    exchange.merge(moments);
                }
                long middle = System.nanoTime();
                for (int norm = 0; norm < network[0]; norm++) {
                    exchange.sum(pair);
                }
                long backward = System.nanoTime();
                group.meet(Part.sum("gradients", gradients));
                times[0][step] = (middle - start) / 1e6;
                times[1][step] = (backward - middle) / 1e6;
                times[2][step] = (System.nanoTime() - backward) / 1e6;
            }
            for (int k = 0; k < 3; k++) {
                found[at + k] = Arrays.stream(times[k]).sorted().toArray()[steps / 2];
            }
        }
    }

    private void exchanges(String master, int tasks) {
        try (JavaSparkContext context = Clusters.start(master)) {
            JavaRDD<Integer> data = context.parallelize(IntStream.range(0, tasks).boxed().toList(), tasks);
            double[] found = JavaRDD.fromRDD(data.rdd().barrier().mapPartitions(new Measurement(), false, NUMBERS), NUMBERS)
                    .collect().get(0);
            for (int i = 0; i < NETWORKS.length; i++) {
                int[] n = NETWORKS[i];
                double statistics = found[3 * i] + found[3 * i + 1];
                assertThat(statistics).as(master).isPositive();
                table.append(String.format(Locale.ROOT, "| `%s` | %d | %,d | %,d | %.2f ms | %.2f ms | %.3f ms "
                        + "| %.1f ms |%n", master, n[0], n[1], n[2], found[3 * i], found[3 * i + 1],
                        statistics / (2 * n[0]), found[3 * i + 2]));
            }
            table.append(String.format(Locale.ROOT, "%nallGather, %s: %.0f ms%n%n", master, found[found.length - 1]));
        }
    }

    @Test
    void exchangesOfOneStep() throws IOException {
        table.append("| master | norms | channels of each | parameters | forward | backward | one exchange | gradients |\n")
                .append("|---|---|---|---|---|---|---|---|\n");
        exchanges("local[2]", 2);
        exchanges("local[4]", 4);
        exchanges("local-cluster[2,1,1024]", 2);
        exchanges("local-cluster[4,1,1024]", 4);
        Files.writeString(Path.of("target", "spark-exchange.md"), table);
    }

    private static MultiLayerNetwork net() {
        MultiLayerNetwork net = new MultiLayerNetwork(Clusters.base().dataType(DataType.FLOAT).list()
                .layer(new DenseLayer.Builder().nOut(128).build()).layer(new BatchNormalization.Builder().build())
                .layer(new DenseLayer.Builder().nOut(128).build()).layer(new BatchNormalization.Builder().build())
                .layer(new OutputLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).nOut(2).build())
                .setInputType(InputType.feedForward(784)).build());
        net.init();
        return net;
    }

    /** A hundred examples, made where they are needed. */
    private static DataSet batch(int seed) {
        return new DataSet(Nd4j.rand(DataType.FLOAT, 100, 784).addi(seed % 7), Nd4j.zeros(DataType.FLOAT, 100, 2));
    }

    private void passes(String master, int partitions) {
        try (JavaSparkContext context = Clusters.start(master)) {
            JavaRDD<DataSet> data = context.parallelize(IntStream.range(0, 1000).boxed().toList(), partitions)
                    .map(SparkCostTest::batch);
            for (Method method : Method.values()) {
                SparkPopulationStatistics.recompute(net(), context.parallelize(List.of(batch(1)), partitions), method);
                long start = System.nanoTime();
                var found = SparkPopulationStatistics.recompute(net(), data, method);
                assertThat(found).hasSize(2);
                table.append(String.format(Locale.ROOT, "| `%s` | %d | %s | %.1f s |%n", master, partitions, method,
                        (System.nanoTime() - start) / 1e9));
            }
        }
    }

    @Test
    void recomputationOfAHundredThousandExamples() throws IOException {
        table.append("| master | partitions | method | time |\n|---|---|---|---|\n");
        for (int partitions : new int[]{1, 2, 4}) {
            passes("local[" + partitions + "]", partitions);
        }
        for (int partitions : new int[]{1, 2, 4}) {
            passes("local-cluster[" + partitions + ",1,1024]", partitions);
        }
        Files.writeString(Path.of("target", "spark-recompute.md"), table);
    }

    private static MultiLayerNetwork synchronizedNet() {
        MultiLayerNetwork net = new MultiLayerNetwork(Clusters.base().dataType(DataType.FLOAT).list()
                .layer(new ConvolutionLayer.Builder(3, 3).nOut(16).build()).layer(new SyncBatchNormalization.Builder().build())
                .layer(new ConvolutionLayer.Builder(3, 3).nOut(32).build()).layer(new SyncBatchNormalization.Builder().build())
                .layer(new OutputLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).nOut(2).build())
                .setInputType(InputType.convolutional(14, 14, 1)).build());
        net.init();
        return net;
    }

    /** Seconds of so many steps with batches of a size. */
    private static double seconds(JavaSparkContext context, int workers, int steps, int size) {
        JavaRDD<DataSet> data = context.parallelize(IntStream.range(0, steps * workers).boxed().toList(), workers)
                .map(seed -> new DataSet(Nd4j.rand(DataType.FLOAT, size, 1, 14, 14), Nd4j.zeros(DataType.FLOAT, size, 2)));
        MultiLayerNetwork net = synchronizedNet();
        long start = System.nanoTime();
        SynchronizedSparkTraining.fit(net, data, 1);
        return (System.nanoTime() - start) / 1e9;
    }

    /** Time of a step without that of an epoch's beginning. */
    @Test
    void stepsOfOneAndOfTwoWorkers() throws IOException {
        table.append("| master | batch of each | step | examples per second |\n|---|---|---|---|\n");
        for (int workers = 1; workers <= 2; workers++) {
            String master = "local-cluster[" + workers + ",1,1024]";
            try (JavaSparkContext context = Clusters.start(master)) {
                seconds(context, workers, 100, 8);
                for (int size : new int[]{2, 8, 32, 128}) {
                    int steps = Math.max(20, 400 / size);
                    double few = Math.min(seconds(context, workers, 5, size), seconds(context, workers, 5, size));
                    double many = Math.min(seconds(context, workers, 5 + steps, size),
                            seconds(context, workers, 5 + steps, size));
                    double step = (many - few) / steps;
                    assertThat(step).as(master + " " + size).isPositive();
                    table.append(String.format(Locale.ROOT, "| `%s` | %d | %.1f ms | %.0f |%n", master, size, 1000 * step,
                            workers * size / step));
                }
            }
        }
        Files.writeString(Path.of("target", "spark-steps.md"), table);
    }
}
