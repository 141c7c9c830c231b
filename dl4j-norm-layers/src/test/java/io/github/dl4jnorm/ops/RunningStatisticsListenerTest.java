// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.RunningStatistics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

@Tag("vectors-first")
@Tag("long")
class RunningStatisticsListenerTest {
    private static final int BATCH = 8;
    private static final int BATCHES = 3;
    private static final int CHANNELS = TestGraph.CHANNELS;

    private final DataSet data = TestGraph.data(BATCH * BATCHES);

    @TempDir
    private Path directory;

    /** A graph with one way for training and one for tests, which share all variables. */
    private static SameDiff graph(boolean fused) {
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.FLOAT, -1, CHANNELS, TestGraph.TIMES);
        SDVariable labels = sd.placeHolder("labels", DataType.FLOAT, -1, TestGraph.CLASSES);
        SDVariable gamma = sd.var("gamma", Nd4j.ones(DataType.FLOAT, CHANNELS));
        SDVariable weights = sd.var("weights", Nd4j.ones(DataType.FLOAT, CHANNELS * TestGraph.TIMES, TestGraph.CLASSES));
        SDVariable mean = sd.constant("mean", Nd4j.zeros(DataType.FLOAT, CHANNELS));
        SDVariable var = sd.constant("var", Nd4j.ones(DataType.FLOAT, CHANNELS));
        SDNorm norm = new SDNorm(sd, fused);
        SDVariable training = norm.named("training").batchNorm(x, gamma, null, 1e-5);
        SDVariable testing = norm.named("testing").batchNormInference(x, gamma, null, mean, var, 1e-5);
        sd.nn.softmax("predictions", sd.reshape(testing, -1, CHANNELS * TestGraph.TIMES).mmul(weights), 1);
        sd.loss.softmaxCrossEntropy("loss", labels, sd.reshape(training, -1, CHANNELS * TestGraph.TIMES).mmul(weights), null);
        sd.setLossVariables("loss");
        sd.setTrainingConfig(TestGraph.config());
        return sd;
    }

    private static RunningStatisticsListener listener(SameDiff sd, RunningStatistics policy) {
        return new RunningStatisticsListener(policy)
                .track(sd.getVariable("x"), sd.getVariable("mean"), sd.getVariable("var"));
    }

    static Stream<Arguments> policies() {
        return Stream.of(true, false).flatMap(fused -> Stream.of(
                Arguments.of(fused, RunningStatistics.decay(0.9)), Arguments.of(fused, RunningStatistics.momentum(0.3)),
                Arguments.of(fused, RunningStatistics.cumulative()),
                Arguments.of(fused, RunningStatistics.decay(0.99).debiased()),
                Arguments.of(fused, RunningStatistics.decay(0.5).unbiased(false))));
    }

    /** Mean and variance of a channel after two passes over the batches, by the definition. */
    private double[] expected(int channel, RunningStatistics policy) {
        double mean = 0;
        double var = 1;
        for (int step = 0; step < 2 * BATCHES; step++) {
            int first = step % BATCHES * BATCH;
            INDArray values = data.getFeatures().get(NDArrayIndex.interval(first, first + BATCH),
                    NDArrayIndex.point(channel), NDArrayIndex.all()).dup('c').castTo(DataType.DOUBLE);
            double weight = policy.weight(step);
            mean = (1 - weight) * mean + weight * values.meanNumber().doubleValue();
            var = (1 - weight) * var + weight * values.var(policy.unbiased()).getDouble(0);
        }
        return new double[]{mean, var};
    }

    @ParameterizedTest
    @MethodSource("policies")
    void statisticsFollowThePolicyOverAFit(boolean fused, RunningStatistics policy) {
        SameDiff sd = graph(fused);
        sd.fit(TestGraph.iterator(data, BATCH), 2, listener(sd, policy));
        for (int c = 0; c < CHANNELS; c++) {
            double[] expected = expected(c, policy);
            assertThat(sd.getVariable("mean").getArr().getDouble(c)).isCloseTo(expected[0], within(1e-4));
            assertThat(sd.getVariable("var").getArr().getDouble(c)).isCloseTo(expected[1], within(1e-3));
        }
    }

    @Test
    void predictionsUseThem() {
        SameDiff sd = graph(true);
        sd.fit(TestGraph.iterator(data, BATCH), 2, listener(sd, RunningStatistics.cumulative()));
        INDArray y = sd.output(Map.of("x", data.getFeatures()), "testing").get("testing");
        INDArray expected = new NDNorm().batchNormInference(data.getFeatures(), sd.getVariable("gamma").getArr(), null,
                sd.getVariable("mean").getArr(), sd.getVariable("var").getArr(), 1e-5);
        assertThat(y).isEqualTo(expected);
        assertThat(y.meanNumber().doubleValue()).isCloseTo(0, within(0.05));
    }

    @Test
    void aSavedGraphGoesOnWhereItStopped() throws IOException {
        SameDiff sd = graph(true);
        sd.fit(TestGraph.iterator(data, BATCH), 1, listener(sd, RunningStatistics.cumulative()));
        sd.save(directory.resolve("graph").toFile(), true);
        SameDiff loaded = SameDiff.load(directory.resolve("graph").toFile(), true);
        for (SameDiff each : List.of(sd, loaded)) {
            each.fit(TestGraph.iterator(data, BATCH), 1, listener(each, RunningStatistics.cumulative()));
        }
        assertThat(loaded.getVariable("mean_batches").getArr().getDouble(0)).isEqualTo(2 * BATCHES);
        for (String name : List.of("mean", "var")) {
            assertThat(loaded.getVariable(name).getArr()).isEqualTo(sd.getVariable(name).getArr());
        }
    }

    @Test
    void aBatchWithNanChangesNothing() {
        SameDiff sd = graph(true);
        RunningStatisticsListener listener = listener(sd, RunningStatistics.decay(0.9));
        sd.fit(TestGraph.iterator(data, BATCH), 1, listener);
        INDArray mean = sd.getVariable("mean").getArr().dup();
        INDArray var = sd.getVariable("var").getArr().dup();
        data.getFeatures().putScalar(0, Double.NaN);
        DataSet broken = (DataSet) data.getRange(0, BATCH);
        sd.fit(TestGraph.iterator(broken, BATCH), 1, listener);
        assertThat(sd.getVariable("mean").getArr()).isEqualTo(mean);
        assertThat(sd.getVariable("var").getArr()).isEqualTo(var);
    }

    @Test
    void onlyConstantsAreTracked() {
        SameDiff sd = graph(true);
        assertThatThrownBy(() -> new RunningStatisticsListener(RunningStatistics.decay(0.9))
                .track(sd.getVariable("x"), sd.getVariable("gamma"), sd.getVariable("var")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected mean to be a constant vector").hasMessageContaining("\"gamma\"");
        SDVariable longer = sd.constant("longer", Nd4j.ones(DataType.FLOAT, CHANNELS + 1));
        assertThatThrownBy(() -> new RunningStatisticsListener(RunningStatistics.decay(0.9))
                .track(sd.getVariable("x"), sd.getVariable("mean"), longer))
                .hasMessageContaining("\"mean\" [4] and \"longer\" [5]");
    }

    @Test
    void aWrongNumberOfChannelsIsNamed() {
        SameDiff sd = graph(true);
        RunningStatisticsListener listener = new RunningStatisticsListener(RunningStatistics.decay(0.9))
                .track(sd.getVariable("x"), sd.getVariable("mean"), sd.getVariable("var"), Layout.CHANNELS_LAST);
        assertThatThrownBy(() -> sd.fit(TestGraph.iterator(data, BATCH), 1, listener))
                .hasMessageContaining("expected \"x\" to have 4 channels, got shape [8, 4, 6], CHANNELS_LAST");
    }
}
