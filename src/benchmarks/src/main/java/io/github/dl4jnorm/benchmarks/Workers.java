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
import java.util.Locale;
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
    private static final int LAYERS = 2;
    private static final int CLASSES = 10;
    private static final int[] WORKERS = {1, 2, 4};

    private Workers() {
    }

    /** A network, and how many batches each worker gets when it is timed. */
    private enum Network {
        CONVOLUTIONS(true, 2), NORMS(false, 40);

        private final boolean convolutions;
        private final int rounds;

        Network(boolean convolutions, int rounds) {
            this.convolutions = convolutions;
            this.rounds = rounds;
        }
    }

    /**
     * Measures and prints a table.
     *
     * @param args how often to measure each (default 5), then names of networks (default all)
     */
    public static void main(String[] args) throws Exception {
        int times = args.length > 0 ? Integer.parseInt(args[0]) : 5;
        List<Network> networks = args.length > 1
                ? Arrays.stream(args).skip(1).map(name -> Network.valueOf(name.toUpperCase(Locale.ROOT))).toList()
                : List.of(Network.values());
        System.out.printf("%-14s %8s %12s %12s %20s%n", "network", "workers", "batch, 1/s", "sync, 1/s",
                "sync/batch (spread)");
        for (Network network : networks) {
            for (int workers : WORKERS) {
                measure(network, workers, times);
            }
        }
        System.exit(0);
    }

    private static void measure(Network network, int workers, int times) throws Exception {
        List<DataSet> batches = batches(network.rounds * workers);
        List<Double> own = new ArrayList<>();
        List<Double> shared = new ArrayList<>();
        List<Double> ratios = new ArrayList<>();
        double examples = (double) batches.size() * BATCH;
        for (int i = 0; i <= times; i++) {
            // One beside the other, now the one first and now the other, so that what else the machine does meets both.
            double[] seconds = new double[2];
            for (int turn = 0; turn < 2; turn++) {
                boolean synchronize = (turn + i) % 2 == 1;
                seconds[synchronize ? 1 : 0] = seconds(network, batches, workers, synchronize);
            }
            if (i > 0) {
                own.add(examples / seconds[0]);
                shared.add(examples / seconds[1]);
                ratios.add(seconds[0] / seconds[1]);
            }
        }
        System.out.printf("%-14s %8d %12.1f %12.1f %8.3f (%.2f-%.2f)%n", network.name().toLowerCase(Locale.ROOT), workers,
                median(own), median(shared), median(ratios), Collections.min(ratios), Collections.max(ratios));
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

    private static MultiLayerNetwork net(Network network, boolean synchronize) {
        NormLayer norm = synchronize ? new SyncBatchNormalization.Builder().activation(Activation.RELU).build()
                : new BatchNormalization.Builder().activation(Activation.RELU).build();
        List<Layer> layers = new ArrayList<>();
        for (int i = 0; i < LAYERS; i++) {
            if (network.convolutions) {
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
    private static double seconds(Network network, List<DataSet> batches, int workers, boolean synchronize)
            throws Exception {
        MultiLayerNetwork net = net(network, synchronize);
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
