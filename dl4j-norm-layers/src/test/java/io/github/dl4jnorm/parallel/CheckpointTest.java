// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parallel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.earlystopping.EarlyStoppingConfiguration;
import org.deeplearning4j.earlystopping.EarlyStoppingResult;
import org.deeplearning4j.earlystopping.saver.LocalFileModelSaver;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.earlystopping.termination.MaxEpochsTerminationCondition;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingTrainer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.optimize.listeners.CheckpointListener;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.dataset.DataSet;

/** What is written while several workers train has the statistics of that moment, and training goes on from there. */
@Tag("workers")
@Tag("once")
@Tag("full")
class CheckpointTest {
    @TempDir
    private Path directory;

    static Stream<NormLayer> norms() {
        return Stream.of(new SyncBatchNormalization.Builder().build(), new SyncBatchNormalization.Builder()
                        .runningStatistics(RunningStatistics.cumulative()).build(),
                new SwitchableNormalization.Builder().synchronize(true).build());
    }

    private static MultiLayerNetwork net(NormLayer norm) {
        return (MultiLayerNetwork) Networks.of(false, norm);
    }

    private static List<DataSet> batches(int count) {
        Random random = new Random(8);
        List<DataSet> batches = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            batches.add(Networks.batch(random, 2));
        }
        return batches;
    }

    private static void train(MultiLayerNetwork net, List<DataSet> batches, TrainingListener... listeners) {
        ParallelWrapper wrapper = SynchronizedTraining.install(
                new ParallelWrapper.Builder<>(net).workers(2).prefetchBuffer(0).build());
        wrapper.setListeners(listeners);
        wrapper.fit(new ExistingDataSetIterator(batches));
    }

    /** Every worker has the listener; that of the first one, which trains the original, is to write. */
    private BaseTrainingListener afterThreeRoundsOf(MultiLayerNetwork net) {
        CheckpointListener writer = new CheckpointListener.Builder(directory.toFile()).keepAll().saveEveryNIterations(3)
                .build();
        AtomicInteger rounds = new AtomicInteger();
        return new BaseTrainingListener() {
            @Override
            public void iterationDone(Model model, int iteration, int epoch) {
                if (model == net) {
                    writer.iterationDone(model, rounds.incrementAndGet(), epoch);
                }
            }
        };
    }

    /** Statistics of the input, which depend on nothing that is learned and averaged between rounds. */
    @ParameterizedTest
    @MethodSource("norms")
    void trainingGoesOnFromACheckpointWithTheSameStatistics(NormLayer norm) {
        List<DataSet> batches = batches(10);
        MultiLayerNetwork whole = net(norm);
        train(whole, batches, afterThreeRoundsOf(whole));
        MultiLayerNetwork three = net(norm);
        train(three, batches.subList(0, 6));

        MultiLayerNetwork restored = CheckpointListener.loadLastCheckpointMLN(directory.toFile());
        assertThat(Networks.first(restored).runningMean()).isEqualTo(Networks.first(three).runningMean());
        assertThat(Networks.first(restored).runningVariance()).isEqualTo(Networks.first(three).runningVariance());
        train(restored, batches.subList(6, 10));
        assertThat(Networks.first(restored).runningMean()).isEqualTo(Networks.first(whole).runningMean());
        assertThat(Networks.first(restored).runningVariance()).isEqualTo(Networks.first(whole).runningVariance());
    }

    @ParameterizedTest
    @MethodSource("norms")
    void earlyStoppingGivesBackTheBestModelWithItsStatistics(NormLayer norm) {
        List<DataSet> batches = batches(6);
        MultiLayerNetwork net = net(norm);
        List<DataSet> examples = DataSet.merge(batches).asList();
        DataSetLossCalculator loss = new DataSetLossCalculator(new ListDataSetIterator<>(examples, 4), true);
        EarlyStoppingConfiguration<MultiLayerNetwork> conf = new EarlyStoppingConfiguration.Builder<MultiLayerNetwork>()
                .epochTerminationConditions(new MaxEpochsTerminationCondition(3)).evaluateEveryNEpochs(1)
                .scoreCalculator(loss)
                .modelSaver(new LocalFileModelSaver(directory.toString())).build();
        EarlyStoppingResult<MultiLayerNetwork> result = new EarlyStoppingTrainer(conf, net,
                new ListDataSetIterator<>(examples, 4)).fit();
        MultiLayerNetwork best = result.getBestModel();
        assertThat(loss.calculateScore(best)).as("with other statistics it would be another").isPositive()
                .isEqualTo(result.getScoreVsEpoch().get(result.getBestModelEpoch()));
        assertThat(Networks.first(best).runningMean()).doesNotContain(0);
    }
}
