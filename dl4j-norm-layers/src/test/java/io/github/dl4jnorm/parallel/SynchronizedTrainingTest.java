// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.dl4jnorm.Thinned;
import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.pass.ParameterArrays;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.deeplearning4j.parallelism.ParallelWrapper.TrainingMode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** Workers with small batches train as one with a large batch does, or fail in time and say why. */
@Tag("workers")
@Timeout(120)
class SynchronizedTrainingTest {
    private static final RunningStatistics POLICY = RunningStatistics.momentum(0.3);

    private static NormLayer batch() {
        return new SyncBatchNormalization.Builder().runningStatistics(POLICY).activation(Activation.RELU).build();
    }

    private static NormLayer switchable() {
        return new SwitchableNormalization.Builder().runningStatistics(POLICY).synchronize(true).build();
    }

    /** How many workers there are has nothing to do with kernels: more than two on the first of them only. */
    static Stream<Arguments> cases() {
        return Stream.concat(Stream.of(Arguments.of(2, false, batch()), Arguments.of(2, true, batch()),
                        Arguments.of(2, false, switchable()), Arguments.of(2, true, switchable())),
                Stream.of(Arguments.of(4, false, batch()), Arguments.of(4, true, batch()), Arguments.of(4, false, switchable()),
                                Arguments.of(8, false, batch()), Arguments.of(8, true, batch()))
                        .filter(arguments -> Thinned.onVectors()));
    }

    static ParallelWrapper.Builder<?> wrapper(Model net, int workers) {
        return new ParallelWrapper.Builder<>(net).workers(workers).prefetchBuffer(0).averagingFrequency(1);
    }

    static void fit(ParallelWrapper wrapper, List<DataSet> batches) {
        try (wrapper) {
            wrapper.fit(new ExistingDataSetIterator(batches));
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    static List<DataSet> batches(int seed, int... sizes) {
        Random random = new Random(seed);
        List<DataSet> batches = new ArrayList<>();
        for (int size : sizes) {
            batches.add(Networks.batch(random, size));
        }
        return batches;
    }

    static void assertClose(double[] actual, double[] expected) {
        assertClose(actual, expected, 1e-9);
    }

    static void assertClose(double[] actual, double[] expected, double tolerance) {
        assertThat(actual.length).isEqualTo(expected.length);
        for (int i = 0; i < actual.length; i++) {
            assertThat(Math.abs(actual[i] - expected[i])).as("%s against %s", actual[i], expected[i])
                    .isLessThan(tolerance * (1 + Math.abs(expected[i])));
        }
    }

    /** Parameters are the sum of all gradients so far, and running statistics are among them. */
    @ParameterizedTest
    @MethodSource("cases")
    void workersTrainAsOneWithTheBatchesOfAll(int workers, boolean graph, NormLayer norm) {
        int[] sizes = new int[3 * workers - 1];
        Arrays.fill(sizes, 3);
        List<DataSet> batches = batches(workers, sizes);
        Model alone = Networks.of(graph, norm);
        Networks.rounds(batches, workers).forEach(((NeuralNetwork) alone)::fit);
        Model together = Networks.of(graph, norm);
        fit(SynchronizedTraining.install(wrapper(together, workers).build()), batches);
        assertClose(ParameterArrays.read(together.params()), ParameterArrays.read(alone.params()));
    }

    /** The numbers that workers exchange are doubles whatever the network's are. */
    @Tag("once")
    @Test
    void floatsAgreeToTheirLastDigits() {
        List<DataSet> batches = batches(19, 3, 3, 3, 3, 3, 3, 3);
        batches.forEach(batch -> {
            batch.setFeatures(batch.getFeatures().castTo(DataType.FLOAT));
            batch.setLabels(batch.getLabels().castTo(DataType.FLOAT));
        });
        Model alone = Networks.of(false, batch(), DataType.FLOAT);
        Networks.rounds(batches, 4).forEach(((NeuralNetwork) alone)::fit);
        Model together = Networks.of(false, batch(), DataType.FLOAT);
        fit(SynchronizedTraining.install(wrapper(together, 4).build()), batches);
        assertClose(ParameterArrays.read(together.params()), ParameterArrays.read(alone.params()), 1e-5);
    }

    /** Three of the four workers never get one. */
    @Tag("once")
    @Test
    void fewerBatchesThanWorkersAreTrained() {
        List<DataSet> batches = batches(20, 4);
        MultiLayerNetwork alone = (MultiLayerNetwork) Networks.of(false, batch());
        alone.fit(batches.get(0));
        MultiLayerNetwork together = (MultiLayerNetwork) Networks.of(false, batch());
        fit(SynchronizedTraining.install(wrapper(together, 4).build()), batches);
        assertClose(ParameterArrays.read(together.params()), ParameterArrays.read(alone.params()));
    }

    /** How much each batch weighs in an average of parameters is the wrapper's affair: statistics of the input. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void batchesOfDifferentSizesCountByTheirElements(boolean sharedGradients) {
        List<DataSet> batches = batches(11, 3, 1, 4, 2, 1, 5);
        Model alone = Networks.of(false, batch());
        Networks.rounds(batches, 4).forEach(((NeuralNetwork) alone)::fit);
        Model together = Networks.of(false, batch());
        fit(SynchronizedTraining.install(wrapper(together, 4).trainingMode(
                sharedGradients ? TrainingMode.SHARED_GRADIENTS : TrainingMode.AVERAGING).build()), batches);
        assertClose(Networks.first(together).runningMean(), Networks.first(alone).runningMean());
        assertClose(Networks.first(together).runningVariance(), Networks.first(alone).runningVariance());
    }

    @Tag("once")
    @Test
    void aWrapperAndItsNetworkCanBeUsedAgain() {
        List<DataSet> batches = batches(12, 2, 2, 2, 2);
        MultiLayerNetwork alone = (MultiLayerNetwork) Networks.of(false, batch());
        Networks.rounds(batches, 2).forEach(alone::fit);
        Networks.rounds(batches, 2).forEach(alone::fit);
        alone.fit(batches.get(0));
        MultiLayerNetwork together = (MultiLayerNetwork) Networks.of(false, batch());
        ParallelWrapper wrapper = SynchronizedTraining.install(wrapper(together, 2).build());
        fit(wrapper, batches);
        fit(wrapper, batches);
        together.fit(batches.get(0));
        assertClose(ParameterArrays.read(together.params()), ParameterArrays.read(alone.params()));
    }

    @Tag("once")
    @Test
    void aModelThatTrainsAloneHasBatchNormalization() {
        List<DataSet> batches = batches(13, 4, 1, 3);
        MultiLayerNetwork plain = (MultiLayerNetwork) Networks.of(false, new BatchNormalization.Builder()
                .runningStatistics(POLICY).activation(Activation.RELU).build());
        MultiLayerNetwork net = (MultiLayerNetwork) Networks.of(false, batch());
        batches.forEach(plain::fit);
        batches.forEach(net::fit);
        assertThat(net.params()).isEqualTo(plain.params());
        assertThat(net.output(batches.get(0).getFeatures())).isEqualTo(plain.output(batches.get(0).getFeatures()));
    }

    /** A batch that does not fit throws in the layer of one worker while the others wait for it. */
    @Tag("once")
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3})
    void aWorkerThatThrowsStopsAll(int worker) {
        List<DataSet> batches = batches(14, 2, 2, 2, 2, 2, 2, 2, 2);
        batches.get(4 + worker).setFeatures(Nd4j.zeros(2, Networks.CHANNELS + 1, Networks.SIZE, Networks.SIZE));
        MultiLayerNetwork net = (MultiLayerNetwork) Networks.of(false, batch());
        Throwable thrown = catchThrowable(() -> fit(SynchronizedTraining.install(wrapper(net, 4).build()), batches));
        assertThat(thrown).isNotNull();
        assertThat(thrown).hasStackTraceContaining("expected 3 channels in dimension 1, got 4");
        // Of the first round everything, of the second one nothing.
        MultiLayerNetwork alone = (MultiLayerNetwork) Networks.of(false, batch());
        alone.fit(Networks.rounds(batches.subList(0, 4), 4).get(0));
        assertClose(ParameterArrays.read(net.params()), ParameterArrays.read(alone.params()));
        DataSet next = batches.get(0);
        net.fit(next);
        alone.fit(next);
        assertClose(ParameterArrays.read(net.params()), ParameterArrays.read(alone.params()));
    }

    /** An Error ends a worker's thread without a word to Deeplearning4j's wrapper. */
    @Tag("once")
    @Test
    void anErrorInAWorkerIsThrown() {
        MultiLayerNetwork net = (MultiLayerNetwork) Networks.of(false, batch());
        ParallelWrapper wrapper = SynchronizedTraining.install(wrapper(net, 2).build());
        wrapper.setListeners(new BaseTrainingListener() {
            @Override
            public void onGradientCalculation(Model model) {
                if (model != net) {
                    throw new StackOverflowError("too deep");
                }
            }
        });
        assertThatThrownBy(() -> fit(wrapper, batches(15, 2, 2, 2, 2))).hasStackTraceContaining("too deep");
    }

    /** What the first worker waits for never comes: the other one is held up before its forward pass. */
    @Tag("once")
    @Test
    void aWorkerThatIsHeldUpIsNamed() {
        MultiLayerNetwork net = (MultiLayerNetwork) Networks.of(false, batch());
        ParallelWrapper wrapper = SynchronizedTraining.install(wrapper(net, 2).build(), Duration.ofMillis(300));
        List<DataSet> batches = batches(16, 2, 2);
        batches.set(1, new DataSet(batches.get(1).getFeatures(), batches.get(1).getLabels()) {
            @Override
            public org.nd4j.linalg.api.ndarray.INDArray getFeatures() {
                if (Thread.currentThread().getName().startsWith("ParallelWrapper")) {
                    sleep();
                }
                return super.getFeatures();
            }
        });
        assertThatThrownBy(() -> fit(wrapper, batches)).hasStackTraceContaining("SyncBatchNormalization layer \"n0\" "
                + "(index 0) in the forward pass: cannot combine the statistics of all workers: timed out after 300 ms "
                + "waiting for worker 1 of 2");
    }

    private static void sleep() {
        try {
            Thread.sleep(1500);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** An interrupted thread hands out no more batches. */
    @Tag("once")
    @Test
    void anInterruptedRunEnds() {
        MultiLayerNetwork net = (MultiLayerNetwork) Networks.of(false, batch());
        ParallelWrapper wrapper = SynchronizedTraining.install(wrapper(net, 2).build());
        List<DataSet> batches = batches(17, 2, 2, 2, 2, 2, 2);
        Thread.currentThread().interrupt();
        try {
            fit(wrapper, batches);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(Networks.first(net).runningMean()).containsOnly(0);
        batches.subList(0, 2).forEach(net::fit);
        assertThat(Networks.first(net).runningMean()).doesNotContain(0);
    }

    /** The interruption comes while the second of four rounds is under way: that one is finished, no other begins. */
    @Tag("once")
    @Test
    void aRunThatIsInterruptedOnItsWayEndsWithAWholeRound() {
        MultiLayerNetwork net = (MultiLayerNetwork) Networks.of(false, batch());
        List<DataSet> batches = batches(21, 2, 2, 2, 2, 2, 2, 2, 2);
        ParallelWrapper wrapper = SynchronizedTraining.install(wrapper(net, 2).build());
        Thread caller = Thread.currentThread();
        AtomicInteger rounds = new AtomicInteger();
        wrapper.setListeners(new BaseTrainingListener() {
            @Override
            public void iterationDone(Model model, int iteration, int epoch) {
                if (model == net && rounds.incrementAndGet() == 2) {
                    caller.interrupt();
                }
            }
        });
        try {
            fit(wrapper, batches);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        MultiLayerNetwork alone = (MultiLayerNetwork) Networks.of(false, batch());
        Networks.rounds(batches.subList(0, 4), 2).forEach(alone::fit);
        assertThat(rounds).hasValue(2);
        assertClose(ParameterArrays.read(net.params()), ParameterArrays.read(alone.params()));
    }

    @Tag("once")
    @Test
    void aWrapperThatKnowsNothingOfStatisticsIsRefused() {
        MultiLayerNetwork net = (MultiLayerNetwork) Networks.of(false, batch());
        assertThatThrownBy(() -> fit(wrapper(net, 2).build(), batches(18, 2, 2)))
                .hasStackTraceContaining("expected a ParallelWrapper that was passed to SynchronizedTraining.install");
    }

    @Tag("once")
    @Test
    void whatHasNothingToShareIsRefused() {
        Model plain = Networks.of(false, new SwitchableNormalization.Builder().build());
        assertThatThrownBy(() -> SynchronizedTraining.install(wrapper(plain, 2).build()))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("SyncBatchNormalization");
        ParallelWrapper shared = wrapper(Networks.of(false, switchable()), 2).build();
        assertThatThrownBy(() -> SynchronizedTraining.install(shared, Duration.ZERO))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("timeout");
        SynchronizedTraining.install(shared);
        assertThatThrownBy(() -> SynchronizedTraining.install(shared))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("TrainerContext");
        NormalizationLayer layer = Networks.first(plain);
        assertThatThrownBy(() -> layer.exchangeStatistics(name -> null)).isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("does not share statistics");
    }
}
