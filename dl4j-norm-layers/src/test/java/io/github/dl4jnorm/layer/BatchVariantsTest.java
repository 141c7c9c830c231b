// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Ghost batch norm is batch norm of parts; batch renorm is what the paper says, and batch norm at its start. */
class BatchVariantsTest {
    private static final int C = Kind.CHANNELS;
    private static final RunningStatistics POLICY = RunningStatistics.momentum(0.25);

    private static LayerUnderTest layer(NormLayer conf, Kind kind) {
        return NormCases.layer(conf, kind, C, DataType.DOUBLE);
    }

    private static LayerUnderTest batch(Kind kind) {
        return layer(new BatchNormalization.Builder().runningStatistics(POLICY).activation(Activation.RELU).build(), kind);
    }

    private static INDArray some(INDArray array, int from, int to) {
        return array.get(NDArrayIndex.interval(from, to)).dup('c');
    }

    private static void assertClose(INDArray actual, INDArray expected) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        assertThat(actual.sub(expected).amaxNumber().doubleValue()).isLessThan(1e-11);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aGhostBatchIsABatch(Kind kind) {
        Random random = new Random(71);
        INDArray x = NormCases.gaussian(random, 1, 2, NormCases.shape(kind, 7, C));
        INDArray dy = NormCases.gaussian(random, 0.2, 1, x.shape());
        INDArray mask = Nd4j.ones(DataType.DOUBLE, 7, 1);
        mask.putScalar(1, 0, 0);
        // At most three of seven: parts of two, two and three.
        int[] ends = {0, 2, 4, 7};
        LayerUnderTest ghost = layer(new GhostBatchNormalization.Builder(3).runningStatistics(POLICY)
                .activation(Activation.RELU).build(), kind).mask(kind.rnn() ? null : mask);
        LayerUnderTest whole = batch(kind);
        INDArray y = ghost.forward(x, true);
        INDArray dx = ghost.dx(dy);
        INDArray gradients = Nd4j.zeros(DataType.DOUBLE, whole.gradients.shape());
        for (int i = 0; i + 1 < ends.length; i++) {
            whole.mask(kind.rnn() ? null : some(mask, ends[i], ends[i + 1]));
            assertClose(some(y, ends[i], ends[i + 1]), whole.forward(some(x, ends[i], ends[i + 1]), true));
            assertClose(some(dx, ends[i], ends[i + 1]), whole.dx(some(dy, ends[i], ends[i + 1])));
            gradients.addi(whole.gradients);
        }
        assertClose(ghost.gradients, gradients);
        assertThat(ghost.layer.runningMean()).containsExactly(whole.layer.runningMean(), within(1e-12));
        assertThat(ghost.layer.runningVariance()).containsExactly(whole.layer.runningVariance(), within(1e-12));
        assertClose(ghost.forward(x, false), whole.mask(kind.rnn() ? null : mask).forward(x, false));
        assertClose(ghost.dx(dy), whole.dx(dy));
    }

    @Test
    void aBatchNoLargerThanAGhostBatchIsNormalizedAsAWhole() {
        INDArray x = NormCases.gaussian(new Random(72), 1, 2, NormCases.shape(Kind.CNN_LAST, 4, C));
        LayerUnderTest ghost = layer(new GhostBatchNormalization.Builder(4).activation(Activation.RELU).build(), Kind.CNN_LAST);
        assertThat(ghost.forward(x, true)).isEqualTo(batch(Kind.CNN_LAST).forward(x, true));
    }

    private static LayerUnderTest renorm(Kind kind, double rMax, double dMax) {
        return layer(new BatchRenormalization.Builder().rMax(rMax).dMax(dMax).schedule(0, 0, 0).runningStatistics(POLICY)
                .activation(Activation.RELU).build(), kind);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void withoutRoomForACorrectionRenormIsBatchNorm(Kind kind) {
        Random random = new Random(73);
        INDArray x = NormCases.gaussian(random, 1, 2, NormCases.shape(kind, 5, C));
        INDArray dy = NormCases.gaussian(random, 0.2, 1, x.shape());
        LayerUnderTest renorm = renorm(kind, 1, 0);
        LayerUnderTest batch = batch(kind);
        for (int step = 0; step < 3; step++) {
            assertClose(renorm.forward(x, true), batch.forward(x, true));
            assertClose(renorm.dx(dy), batch.dx(dy));
            assertThat(renorm.layer.runningMean()).containsExactly(batch.layer.runningMean(), within(1e-13));
        }
        assertThat(renorm.param("batches").getDouble(0)).isEqualTo(step(3, renorm));
        assertClose(renorm.forward(x, false), batch.forward(x, false));
    }

    /** NormCases sets every parameter, this one among them, to 0.75 at the start. */
    private static double step(int steps, LayerUnderTest layer) {
        return 0.75 + steps;
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void withAllRoomThereIsRenormGivesWhatItGivesAtTestTime(Kind kind) {
        INDArray x = NormCases.gaussian(new Random(74), 1, 2, NormCases.shape(kind, 5, C));
        LayerUnderTest renorm = renorm(kind, 1e6, 1e6);
        assertClose(renorm.forward(x, true), renorm.forward(x, false));
    }

    /** With running statistics far away r and d are at their limits, constants that differences do not move. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void gradientsOfClippedRenormAgreeWithFiniteDifferences(Kind kind) {
        Random random = new Random(75);
        LayerUnderTest renorm = layer(new BatchRenormalization.Builder().rMax(1.5).dMax(0.4).schedule(0, 0, 0).eps(1e-3)
                .activation(Activation.TANH).build(), kind);
        renorm.layer.setRunningStatistics(new double[]{-90, 90, -50, 70}, new double[]{0.01, 0.02, 900, 0.03});
        INDArray x = NormCases.gaussian(random, 1, 2, NormCases.shape(kind, 4, C));
        FiniteDifferences.check(renorm, x, NormCases.gaussian(random, 0, 1, x.shape()));
    }

    @Test
    void theLimitsGrowAsScheduled() {
        BatchRenormalization conf = new BatchRenormalization.Builder().build();
        double[][] limits = {{0, 1, 0}, {5_000, 1, 0}, {15_000, 1 + 2.0 * 10 / 35, 2.5}, {25_000, 1 + 2.0 * 20 / 35, 5},
            {40_000, 3, 5}, {90_000, 3, 5}};
        for (double[] limit : limits) {
            assertThat(conf.renorm(new double[1], new double[1], limit[0]).rMax()).isEqualTo(limit[1], within(1e-12));
            assertThat(conf.renorm(new double[1], new double[1], limit[0]).dMax()).isEqualTo(limit[2], within(1e-12));
        }
    }
}
