// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.Thinned;
import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.solvers.accumulation.encoding.threshold.AdaptiveThresholdAlgorithm;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.deeplearning4j.parallelism.ParallelWrapper.TrainingMode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.dataset.DataSet;

/** Four workers end with the cumulative statistics of one, whatever is done to gradients. */
@Tag("workers")
@Timeout(120)
@Tag("full")
class ParallelTrainingTest {
    private static final int WORKERS = 4;
    private static final int BATCHES = Thinned.onVectors() ? 200 : 40;
    private static final RunningStatistics POLICY = RunningStatistics.cumulative();

    /** Every way on all kernels, with fewer batches where they are not the first; the other norms on the first only. */
    static Stream<Arguments> cases() {
        return Stream.of(TrainingMode.AVERAGING, TrainingMode.SHARED_GRADIENTS).flatMap(mode -> Stream.concat(
                Stream.of(GradientNormalization.values()).map(gradients -> Arguments.of(batch(), mode, gradients)),
                Stream.of(new InstanceNormalization.Builder().trackRunningStats(true).runningStatistics(POLICY).build(),
                                new SwitchableNormalization.Builder().runningStatistics(POLICY).build())
                        .filter(norm -> Thinned.onVectors())
                        .map(norm -> Arguments.of(norm, mode, GradientNormalization.ClipL2PerLayer))));
    }

    private static NormLayer batch() {
        return new BatchNormalization.Builder().runningStatistics(POLICY).build();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void workersEndWithTheStatisticsOfOne(NormLayer norm, TrainingMode mode, GradientNormalization gradients) {
        OwnNetwork own = new OwnNetwork(3, 4, false);
        List<DataSet> batches = batches(own, mode);
        MultiLayerNetwork alone = own.of(gradients, norm.clone());
        batches.forEach(alone::fit);
        MultiLayerNetwork together = own.of(gradients, norm.clone());
        ParallelWrapper.Builder<?> builder = new ParallelWrapper.Builder<>(together).workers(WORKERS).prefetchBuffer(0)
                .trainingMode(mode).reportScoreAfterAveraging(false);
        if (mode == TrainingMode.AVERAGING) {
            builder.averagingFrequency(5);
        } else {
            builder.thresholdAlgorithm(new AdaptiveThresholdAlgorithm());
        }
        try (ParallelWrapper wrapper = builder.build()) {
            wrapper.fit(new OnceAllAreReady(batches));
        } catch (Exception e) {
            throw new AssertionError(e);
        }
        NormalizationLayer expected = (NormalizationLayer) alone.getLayer(0);
        NormalizationLayer actual = (NormalizationLayer) together.getLayer(0);
        assertThat(actual.getParam("batches").getDouble(0)).isEqualTo(BATCHES / WORKERS);
        for (int c = 0; c < OwnNetwork.CHANNELS; c++) {
            assertThat(actual.runningMean()[c]).as("mean of channel %d", c)
                    .isCloseTo(expected.runningMean()[c], within(1e-4));
            assertThat(actual.runningVariance()[c]).as("variance of channel %d", c)
                    .isCloseTo(expected.runningVariance()[c], within(1e-4 * expected.runningVariance()[c]));
        }
    }

    /**
     * Holds back the first batch until every worker waits for one: Deeplearning4j copies the network for each worker while
     * the first one, which has the original, may be training already.
     */
    private static final class OnceAllAreReady extends ExistingDataSetIterator {
        private boolean ready;

        OnceAllAreReady(List<DataSet> batches) {
            super(batches);
        }

        @Override
        public DataSet next() {
            while (!ready && Thread.getAllStackTraces().entrySet().stream().filter(thread -> thread.getKey().getName()
                    .startsWith("ParallelWrapper training") && Arrays.stream(thread.getValue())
                    .anyMatch(frame -> frame.getMethodName().equals("poll"))).count() < WORKERS) {
                LockSupport.parkNanos(1_000_000);
            }
            ready = true;
            return super.next();
        }
    }

    /**
     * With shared gradients Deeplearning4j keeps the network of the first worker, which has seen every fourth batch:
     * there every worker gets the same one. Means and deviations differ from channel to channel and from batch to batch.
     */
    private static List<DataSet> batches(OwnNetwork own, TrainingMode mode) {
        Random random = new Random(4);
        List<DataSet> batches = new ArrayList<>();
        while (batches.size() < BATCHES) {
            DataSet drawn = own.batch(random, 2);
            for (int c = 0; c < OwnNetwork.CHANNELS; c++) {
                for (int n = 0; n < 2; n++) {
                    drawn.getFeatures().slice(n).slice(c).muli(0.5 + c % 3).addi(c - 3);
                }
            }
            for (int i = 0; i < (mode == TrainingMode.AVERAGING ? 1 : WORKERS); i++) {
                batches.add(drawn.copy());
            }
        }
        return batches;
    }
}
