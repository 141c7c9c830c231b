// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static io.github.dl4jnorm.conf.NormParameter.BATCHES;
import static io.github.dl4jnorm.conf.NormParameter.LOG10_STDEV;
import static io.github.dl4jnorm.conf.NormParameter.MEAN;
import static io.github.dl4jnorm.conf.NormParameter.VAR;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Moments;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** How running statistics take up a batch; two channels with mean 0 and variance 1 to start with. */
class RunningStateTest {
    private static final RunningStatistics DECAY = RunningStatistics.decay(0.75);

    @Test
    void anExponentialAverageMovesByTheWeightOfTheBatch() {
        RunningState state = new RunningState(params(DataType.DOUBLE, VAR, false), 1);
        state.update(batch(4, 8, 12, 4, -2, 24), DECAY);
        assertThat(state.mean()).containsExactly(new double[]{2, -0.5}, within(1e-15));
        assertThat(state.variance()).as("unbiased 4 and 8").containsExactly(new double[]{1.75, 2.75}, within(1e-15));
        state.update(batch(4, 8, 12, 4, -2, 24), DECAY.unbiased(false));
        assertThat(state.mean()).containsExactly(new double[]{3.5, -0.875}, within(1e-15));
        assertThat(state.variance()).as("biased 3 and 6").containsExactly(new double[]{2.0625, 3.5625}, within(1e-15));
    }

    @Test
    void aSingleElementLeavesTheUnbiasedVarianceAlone() {
        RunningState state = new RunningState(params(DataType.DOUBLE, VAR, false), 1);
        state.update(batch(1, 8, 0, 0, 0, 0), DECAY);
        assertThat(state.mean()).containsExactly(2, 0);
        assertThat(state.variance()).containsExactly(1, 1);
        state.update(batch(1, 8, 0, 0, 0, 0), DECAY.unbiased(false));
        assertThat(state.variance()).as("the biased variance of one element is 0").containsExactly(0.75, 1);
    }

    @Test
    void theCumulativeMeanIsThatOfAllBatches() {
        Map<String, INDArray> params = params(DataType.DOUBLE, VAR, true);
        RunningState state = new RunningState(params, 1);
        state.update(batch(4, 8, 12, 4, -2, 24), RunningStatistics.cumulative());
        assertThat(state.mean()).as("nothing is left of the initial mean").containsExactly(8, -2);
        assertThat(state.variance()).containsExactly(4, 8);
        state.update(batch(4, 2, 6, 4, 2, 12), RunningStatistics.cumulative());
        assertThat(state.mean()).containsExactly(5, 0);
        assertThat(state.variance()).containsExactly(3, 6);
        assertThat(params.get(BATCHES).getDouble(0)).isEqualTo(2);
    }

    @Test
    void aBatchOfNothingLeavesEverythingAlone() {
        Map<String, INDArray> params = params(DataType.DOUBLE, VAR, true);
        RunningState state = new RunningState(params, 1);
        state.update(batch(0, 0, 0, 0, 0, 0), RunningStatistics.cumulative());
        assertThat(state.mean()).containsExactly(0, 0);
        assertThat(state.variance()).containsExactly(1, 1);
        assertThat(params.get(BATCHES).getDouble(0)).as("batches taken up").isZero();
        state.update(batch(4, 8, 12, 4, -2, 24), RunningStatistics.cumulative());
        assertThat(state.mean()).as("the mean of the only batch that held something").containsExactly(8, -2);
        assertThat(state.variance()).containsExactly(4, 8);
    }

    @Test
    void theLogarithmOfTheDeviationStandsForTheVariance() {
        Map<String, INDArray> params = params(DataType.DOUBLE, LOG10_STDEV, false);
        RunningState state = new RunningState(params, 1);
        state.set(new double[]{1, 2}, new double[]{1e4, 0});
        assertThat(params.get(LOG10_STDEV).getDouble(0)).isEqualTo(2, within(1e-14));
        assertThat(state.variance()[0]).isEqualTo(1e4, within(1e-9));
        assertThat(state.variance()[1]).as("a variance of 0").isEqualTo(0, within(1e-37));
    }

    @Test
    void halfKeepsMovingBelowItsResolutionAndStaysInItsRange() {
        Map<String, INDArray> params = params(DataType.HALF, VAR, false);
        RunningState state = new RunningState(params, 1);
        state.set(new double[]{1000, 1e6}, new double[]{1, 1e6});
        assertThat(params.get(MEAN).getDouble(1)).isEqualTo(65504);
        assertThat(params.get(VAR).getDouble(1)).isEqualTo(65504);
        for (int i = 0; i < 1000; i++) {
            // Each moves the mean by a hundredth of half's resolution there, 0.5.
            state.update(batch(4, state.mean()[0] + 5, 12, 0, 0, 0), RunningStatistics.decay(0.999));
        }
        assertThat(state.mean()[0]).isEqualTo(1005, within(1e-6));
        assertThat(params.get(MEAN).getDouble(0)).isEqualTo(1005);
        params.get(MEAN).putScalar(0, 3);
        assertThat(state.mean()[0]).as("a change from outside counts").isEqualTo(3);
    }

    private static Map<String, INDArray> params(DataType type, String variance, boolean counted) {
        Map<String, INDArray> params = new HashMap<>();
        params.put(MEAN, Nd4j.zeros(type, 1, 2));
        params.put(variance, variance.equals(VAR) ? Nd4j.ones(type, 1, 2) : Nd4j.zeros(type, 1, 2));
        if (counted) {
            params.put(BATCHES, Nd4j.zeros(type, 1, 1));
        }
        return params;
    }

    /** Count, mean and Σ(x − mean)² of two channels. */
    private static ChannelStatistics batch(double m0, double mean0, double squares0, double m1, double mean1,
                                           double squares1) {
        Moments moments = new Moments(1, 2);
        moments.merge(0, m0, mean0, squares0);
        moments.merge(1, m1, mean1, squares1);
        return ChannelStatistics.of(moments);
    }
}
