// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parallel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.pass.ParameterArrays;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.concurrency.AffinityManager;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Synchronized statistics of sequences of different lengths, and of workers on devices of their own. */
@Tag("workers")
@Tag("once")
@Timeout(120)
@Tag("full")
class SequencesAndDevicesTest {
    private static final int CHANNELS = 3;

    private static SyncBatchNormalization norm() {
        return new SyncBatchNormalization.Builder().runningStatistics(RunningStatistics.momentum(0.3)).build();
    }

    private static MultiLayerNetwork recurrent() {
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(2).dataType(DataType.DOUBLE)
                .updater(new Sgd(0.1)).list(norm(), new LSTM.Builder().nOut(4).build(),
                        new RnnOutputLayer.Builder(LossFunction.MCXENT).nOut(2).activation(Activation.SOFTMAX).build())
                .setInputType(InputType.recurrent(CHANNELS)).backpropType(BackpropType.TruncatedBPTT).tBPTTLength(3).build());
        net.init();
        return net;
    }

    private static DataSet sequences(Random random, int examples, int length) {
        INDArray x = Nd4j.createUninitialized(DataType.DOUBLE, examples, CHANNELS, length);
        INDArray labels = Nd4j.zeros(DataType.DOUBLE, examples, 2, length);
        double mean = 2 * random.nextGaussian();
        for (int n = 0; n < examples; n++) {
            for (int t = 0; t < length; t++) {
                labels.putScalar(n, random.nextInt(2), t, 1);
                for (int c = 0; c < CHANNELS; c++) {
                    x.putScalar(n, c, t, mean + random.nextGaussian());
                }
            }
        }
        return new DataSet(x, labels);
    }

    private static void fit(ParallelWrapper wrapper, List<DataSet> batches) throws Exception {
        try (ParallelWrapper installed = SynchronizedTraining.install(wrapper)) {
            installed.fit(new ExistingDataSetIterator(batches));
        }
    }

    private static void assertClose(double[] actual, double[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; i++) {
            assertThat(Math.abs(actual[i] - expected[i])).as("%s against %s", actual[i], expected[i])
                    .isLessThan(1e-9 * (1 + Math.abs(expected[i])));
        }
    }

    /**
     * Seven steps make three pieces, four make two: the last one is the first worker's alone, so that its running statistics
     * have one batch more when both are averaged. Merged into one batch, the shorter sequences are masked.
     */
    @Test
    void sequencesInDifferentNumbersOfPiecesCountByTheirSteps() throws Exception {
        Random random = new Random(3);
        List<DataSet> batches = List.of(sequences(random, 2, 7), sequences(random, 3, 4));
        DataSet all = DataSet.merge(batches);
        MultiLayerNetwork three = recurrent();
        three.fit(all);
        MultiLayerNetwork two = recurrent();
        INDArrayIndex[] steps = {NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(0, 6)};
        INDArrayIndex[] masked = {NDArrayIndex.all(), NDArrayIndex.interval(0, 6)};
        two.fit(new DataSet(all.getFeatures().get(steps).dup(), all.getLabels().get(steps).dup(),
                all.getFeaturesMaskArray().get(masked).dup(), all.getLabelsMaskArray().get(masked).dup()));
        MultiLayerNetwork together = recurrent();
        fit(new ParallelWrapper.Builder<>(together).workers(2).prefetchBuffer(0).averagingFrequency(1).build(), batches);
        NormalizationLayer actual = (NormalizationLayer) together.getLayer(0);
        NormalizationLayer first = (NormalizationLayer) three.getLayer(0);
        NormalizationLayer second = (NormalizationLayer) two.getLayer(0);
        assertThat(first.runningMean()).isNotEqualTo(second.runningMean());
        assertClose(actual.runningMean(), average(first.runningMean(), second.runningMean()));
        assertClose(actual.runningVariance(), average(first.runningVariance(), second.runningVariance()));
    }

    private static double[] average(double[] a, double[] b) {
        return IntStream.range(0, a.length).mapToDouble(i -> (a[i] + b[i]) / 2).toArray();
    }

    /** What a worker's device is called is ND4J's affair: here two of them, none of which may look into the other's memory. */
    @Test
    void workersOnDevicesOfTheirOwnShareStatistics() throws Exception {
        Random random = new Random(4);
        List<DataSet> batches = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            batches.add(Networks.batch(random, 2));
        }
        MultiLayerNetwork alone = (MultiLayerNetwork) Networks.of(false, norm());
        Networks.rounds(batches, 4).forEach(alone::fit);
        MultiLayerNetwork together = (MultiLayerNetwork) Networks.of(false, norm());
        Field field = Nd4j.class.getDeclaredField("affinityManager");
        field.setAccessible(true);
        Object before = field.get(null);
        Set<Integer> used = ConcurrentHashMap.newKeySet();
        field.set(null, twoDevices((AffinityManager) before, used));
        try {
            fit(new ParallelWrapper.Builder<>(together).workers(4).prefetchBuffer(0).averagingFrequency(1).build(), batches);
        } finally {
            field.set(null, before);
        }
        assertThat(used).containsExactlyInAnyOrder(0, 1);
        assertClose(ParameterArrays.read(together.params()), ParameterArrays.read(alone.params()));
    }

    private static AffinityManager twoDevices(AffinityManager one, Set<Integer> used) {
        ThreadLocal<Integer> device = ThreadLocal.withInitial(() -> 0);
        return (AffinityManager) Proxy.newProxyInstance(AffinityManager.class.getClassLoader(),
                new Class<?>[]{AffinityManager.class}, (proxy, method, args) -> {
                    switch (method.getName()) {
                        case "getNumberOfDevices":
                            return 2;
                        case "isCrossDeviceAccessSupported":
                            return false;
                        case "getDeviceForCurrentThread":
                            return device.get();
                        case "unsafeSetDevice":
                            device.set((Integer) args[0]);
                            used.add(device.get());
                            return null;
                        default:
                            try {
                                return method.invoke(one, args);
                            } catch (InvocationTargetException e) {
                                throw e.getCause();
                            }
                    }
                });
    }
}
