// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.parallel.SynchronizedTraining;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * Examples per second of training by several workers, batch normalization with statistics of each worker's own beside
 * synchronized batch normalization; activations of [32, 64, 28, 28]. Best with one thread for each worker
 * ({@code OMP_NUM_THREADS=1}).
 */
final class Workers {
    private static final int BATCH = 32;
    private static final int CHANNELS = 64;
    private static final int SIZE = 28;
    private static final int CLASSES = 10;

    private Workers() {
    }

    /**
     * Measures and prints a table.
     *
     * @param args how often to measure each; default 5
     */
    public static void main(String[] args) throws Exception {
        int times = args.length > 0 ? Integer.parseInt(args[0]) : 5;
        System.out.printf("%-22s %8s %14s %14s %10s%n", "network", "workers", "batch, 1/s", "sync, 1/s", "ratio");
        for (boolean convolutions : new boolean[]{true, false}) {
            for (int workers : new int[]{1, 2, 4}) {
                measure(convolutions, workers, times);
            }
        }
        System.exit(0);
    }

    private static void measure(boolean convolutions, int workers, int times) throws Exception {
        int rounds = convolutions ? 4 : 40;
        List<DataSet> batches = batches(rounds * workers);
        List<Double> own = new ArrayList<>();
        List<Double> shared = new ArrayList<>();
        // One after the other, so that what else the machine does meets both.
        for (int i = 0; i <= times; i++) {
            double first = seconds(net(convolutions, new BatchNormalization.Builder().activation(Activation.RELU).build()),
                    batches, workers, false);
            double second = seconds(net(convolutions, new SyncBatchNormalization.Builder().activation(Activation.RELU)
                    .build()), batches, workers, true);
            if (i > 0) {
                own.add(batches.size() * BATCH / first);
                shared.add(batches.size() * BATCH / second);
            }
        }
        System.out.printf("%-22s %8d %14.1f %14.1f %10.3f%n", convolutions ? "2 convolutions + norms" : "norms alone",
                workers, median(own), median(shared), median(shared) / median(own));
    }

    private static double median(List<Double> values) {
        Collections.sort(values);
        return values.get(values.size() / 2);
    }

    private static List<DataSet> batches(int count) {
        Nd4j.getRandom().setSeed(1);
        INDArray labels = Nd4j.zeros(DataType.FLOAT, BATCH, CLASSES);
        for (int n = 0; n < BATCH; n++) {
            labels.putScalar(n, n % CLASSES, 1);
        }
        DataSet[] batches = new DataSet[count];
        Arrays.fill(batches, new DataSet(Nd4j.randn(DataType.FLOAT, BATCH, CHANNELS, SIZE, SIZE), labels));
        return Arrays.asList(batches);
    }

    private static MultiLayerNetwork net(boolean convolutions, NormLayer norm) {
        List<Layer> layers = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            if (convolutions) {
                layers.add(new ConvolutionLayer.Builder(3, 3).nOut(CHANNELS).convolutionMode(ConvolutionMode.Same)
                        .hasBias(false).activation(Activation.IDENTITY).build());
            }
            layers.add(norm.clone());
        }
        layers.add(new GlobalPoolingLayer(PoolingType.AVG));
        layers.add(new OutputLayer.Builder(LossFunction.MCXENT).nOut(CLASSES).activation(Activation.SOFTMAX).build());
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(3).updater(new Sgd(0.01))
                .list(layers.toArray(Layer[]::new)).setInputType(InputType.convolutional(SIZE, SIZE, CHANNELS)).build());
        net.init();
        return net;
    }

    /** Without what comes before and after: making copies of the network, and garbage collections when they end. */
    private static double seconds(MultiLayerNetwork net, List<DataSet> batches, int workers, boolean synchronize)
            throws Exception {
        Clock clock = new Clock(batches);
        if (workers == 1) {
            net.fit(clock);
            return clock.seconds();
        }
        try (ParallelWrapper wrapper = new ParallelWrapper.Builder<>(net).workers(workers).prefetchBuffer(0).build()) {
            if (synchronize) {
                SynchronizedTraining.install(wrapper);
            }
            wrapper.fit(clock);
        }
        return clock.seconds();
    }

    /** From the first batch asked for until it is asked whether there is another after the last one. */
    private static final class Clock extends ExistingDataSetIterator {
        private long start;
        private long end;

        Clock(List<DataSet> batches) {
            super(batches);
        }

        @Override
        public boolean asyncSupported() {
            return false;
        }

        @Override
        public boolean hasNext() {
            boolean more = super.hasNext();
            if (!more && start > 0) {
                end = System.nanoTime();
            }
            return more;
        }

        @Override
        public DataSet next() {
            if (start == 0) {
                start = System.nanoTime();
            }
            return super.next();
        }

        double seconds() {
            return (end - start) / 1e9;
        }
    }
}
