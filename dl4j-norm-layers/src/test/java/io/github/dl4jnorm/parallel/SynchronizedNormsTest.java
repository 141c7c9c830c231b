// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parallel;

import static io.github.dl4jnorm.parallel.SynchronizedTrainingTest.assertClose;
import static io.github.dl4jnorm.parallel.SynchronizedTrainingTest.batches;
import static io.github.dl4jnorm.parallel.SynchronizedTrainingTest.fit;
import static io.github.dl4jnorm.parallel.SynchronizedTrainingTest.wrapper;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.BatchStatisticsBuilder;
import io.github.dl4jnorm.conf.EvoNormB0;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.InstanceBatchNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.MeanOnlyBatchNormalization;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SplitBatchNormalization;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.model.NormReplacement;
import io.github.dl4jnorm.model.NormRules;
import io.github.dl4jnorm.pass.ParameterArrays;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.dataset.DataSet;

/** Every norm with statistics of the batch shares them by the same option, or says why it has none to share. */
@Tag("workers")
@Timeout(120)
class SynchronizedNormsTest {
    private static final RunningStatistics POLICY = RunningStatistics.momentum(0.3);

    /** Where r and d are clipped, and where they are not; and in the steps before they are. */
    static Stream<BatchStatisticsBuilder<?, ?>> norms() {
        return Stream.of(new BatchNormalization.Builder().runningStatistics(POLICY),
                new MeanOnlyBatchNormalization.Builder().runningStatistics(POLICY),
                new MeanOnlyBatchNormalization.Builder().runningStatistics(RunningStatistics.cumulative()).scale(true),
                new BatchRenormalization.Builder().runningStatistics(POLICY).schedule(0, 0, 0).rMax(1.1).dMax(0.1),
                new BatchRenormalization.Builder().runningStatistics(POLICY).schedule(0, 0, 0).rMax(1e6).dMax(1e6),
                new BatchRenormalization.Builder().runningStatistics(RunningStatistics.cumulative()).schedule(1, 3, 4),
                new SwitchableNormalization.Builder().runningStatistics(POLICY),
                new EvoNormB0.Builder().runningStatistics(POLICY),
                new InstanceBatchNormalization.Builder().runningStatistics(POLICY));
    }

    private static double[] alone(List<DataSet> batches, int workers, NormLayer norm) {
        Model net = Networks.of(false, norm);
        Networks.rounds(batches, workers).forEach(((NeuralNetwork) net)::fit);
        return ParameterArrays.read(net.params());
    }

    @ParameterizedTest
    @MethodSource("norms")
    void workersTrainAsOneWithTheBatchesOfAll(BatchStatisticsBuilder<?, ?> builder) {
        List<DataSet> batches = batches(31, 3, 3, 3, 3, 3, 3, 3, 3, 3);
        NormLayer norm = builder.synchronize(true).build();
        assertThat(norm.sharesStatistics()).isTrue();
        Model together = Networks.of(false, norm);
        fit(SynchronizedTraining.install(wrapper(together, 2).build()), batches);
        assertClose(ParameterArrays.read(together.params()), alone(batches, 2, norm));
        Model apart = Networks.of(false, builder.synchronize(false).build());
        fit(wrapper(apart, 2).build(), batches);
        double[] other = ParameterArrays.read(apart.params());
        double[] same = ParameterArrays.read(together.params());
        double difference = 0;
        for (int i = 0; i < same.length; i++) {
            difference = Math.max(difference, Math.abs(other[i] - same[i]));
        }
        assertThat(difference).as("what sharing changes").isGreaterThan(1e-3);
    }

    @Tag("once")
    @Test
    void theSynchronizedNormIsBatchNormalizationWithTheOption() {
        List<DataSet> batches = batches(32, 2, 2, 2, 2);
        double[][] params = new double[2][];
        for (int i = 0; i < 2; i++) {
            Model net = Networks.of(false, i == 0 ? new SyncBatchNormalization.Builder().build()
                    : new BatchNormalization.Builder().synchronize(true).build());
            fit(SynchronizedTraining.install(wrapper(net, 2).build()), batches);
            params[i] = ParameterArrays.read(net.params());
        }
        assertThat(params[1]).isEqualTo(params[0]);
        assertThatThrownBy(() -> new SyncBatchNormalization.Builder().synchronize(false))
                .isInstanceOf(DL4JInvalidConfigException.class).hasMessageContaining("BatchNormalization has it as an option");
    }

    /** They share nothing, for there is nothing to share. */
    @Tag("once")
    @Test
    void normsOfLessThanABatchRefuse() {
        for (RunningNormLayer norm : List.of(new GhostBatchNormalization.Builder().name("norm").build(),
                new SplitBatchNormalization.Builder().name("norm").build(),
                new InstanceNormalization.Builder().trackRunningStats(true).name("norm").build())) {
            assertThatThrownBy(() -> norm.setSynchronize(true)).isInstanceOf(DL4JInvalidConfigException.class)
                    .hasMessageContaining(norm.getClass().getSimpleName() + " layer \"norm\"")
                    .hasMessageContaining("workers have nothing to share");
            norm.setSynchronize(false);
            assertThat(norm.isSynchronize() || norm.sharesStatistics()).isFalse();
            assertThat(NormRules.batchToSynchronized().replacement("norm", norm)).isNull();
        }
        for (String name : List.of("ghost", "split", "instance")) {
            assertThatThrownBy(() -> NormFactory.create(name, Map.of("synchronize", true)))
                    .isInstanceOf(DL4JInvalidConfigException.class).hasMessageContaining("workers have nothing to share");
        }
        assertThat(NormFactory.create("renorm", Map.of("synchronize", true)).toString()).contains("synchronize");
    }

    /**
     * Parts of a worker's batch are the parts of the batch of all: workers that average parameters train as one without an
     * exchange. Two networks take the place of Deeplearning4j's workers, which may begin before the others have their copy.
     */
    @Tag("once")
    @Test
    void ghostBatchesOfWorkersAreThoseOfTheWholeBatch() {
        List<DataSet> batches = batches(33, 4, 4, 4, 4, 4, 4);
        NormLayer norm = new GhostBatchNormalization.Builder(2).runningStatistics(RunningStatistics.cumulative()).build();
        MultiLayerNetwork alone = (MultiLayerNetwork) Networks.of(false, norm);
        Networks.rounds(batches, 2).forEach(alone::fit);
        MultiLayerNetwork together = (MultiLayerNetwork) Networks.of(false, norm);
        for (int i = 0; i < batches.size(); i += 2) {
            MultiLayerNetwork other = together.clone();
            together.fit(batches.get(i));
            other.fit(batches.get(i + 1));
            together.params().addi(other.params()).divi(2);
        }
        alone.paramTable().forEach((name, array) -> {
            if (NormParameter.isTrained(name.substring(name.indexOf('_') + 1))) {
                assertClose(ParameterArrays.read(together.paramTable().get(name)), ParameterArrays.read(array));
            }
        });
        assertClose(Networks.first(together).runningMean(), Networks.first(alone).runningMean());
        assertClose(Networks.first(together).runningVariance(), Networks.first(alone).runningVariance());
    }

    @Tag("once")
    @Test
    void theRulesTurnTheOptionOnAndOff() {
        norms().filter(builder -> !(builder instanceof BatchNormalization.Builder)).forEach(builder -> {
            Model net = Networks.of(false, builder.build());
            Model shared = NormReplacement.replace(net, NormRules.batchToSynchronized());
            assertThat(Networks.first(shared).layerConf().sharesStatistics()).isTrue();
            assertThat(Networks.first(shared).layerConf()).hasSameClassAs(Networks.first(net).layerConf());
            Model back = NormReplacement.replace(shared, NormRules.synchronizedToBatch());
            assertThat(Networks.first(back).layerConf()).isEqualTo(Networks.first(net).layerConf());
        });
        Model batch = Networks.of(false, new BatchNormalization.Builder().synchronize(true).build());
        for (Model net : Arrays.asList(batch, Networks.of(false, new SyncBatchNormalization.Builder().build()))) {
            Model plain = NormReplacement.replace(net, NormRules.synchronizedToBatch());
            assertThat(Networks.first(plain).layerConf()).isExactlyInstanceOf(BatchNormalization.class)
                    .matches(norm -> !norm.sharesStatistics());
            Model switchable = NormReplacement.replace(net, NormRules.batchToSwitchable());
            assertThat(Networks.first(switchable).layerConf().sharesStatistics()).isTrue();
        }
    }
}
