// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("once")
class ChannelStatisticsTest {

    private static ChannelStatistics statistics(double count, double mean, double variance, double unbiased) {
        return new ChannelStatistics(new double[]{count}, new double[]{mean}, new double[]{variance}, new double[]{unbiased},
                false);
    }

    @Test
    void oneElementHasNoUnbiasedVarianceWhateverRoundingLeft() {
        Moments moments = new Moments(1, 2);
        moments.merge(0, 1, 5, 1e-20);
        moments.merge(1, 2, 5, 6);
        assertThat(ChannelStatistics.of(moments).unbiasedVariance()).containsExactly(Double.NaN, 6);
    }

    @Test
    void anAverageCountsEachOnceHoweverManyElementsItHas() {
        ChannelStatistics.Average average = new ChannelStatistics.Average(1);
        average.add(statistics(2, 1, 4, 8));
        average.add(statistics(200, 5, 6, 12));
        ChannelStatistics found = average.result();
        assertThat(found.averaged()).isTrue();
        assertThat(found.count()).containsExactly(2);
        assertThat(found.mean()).containsExactly(3);
        assertThat(found.variance()).containsExactly(5);
        assertThat(found.unbiasedVariance()).containsExactly(10);
    }

    @Test
    void anAverageOfAveragesWeighsThemByWhatTheyAreTheAverageOf() {
        ChannelStatistics.Average average = new ChannelStatistics.Average(1);
        average.addWeighted(statistics(3, 1, 4, 8));
        average.addWeighted(statistics(1, 5, 8, Double.NaN));
        ChannelStatistics found = average.result();
        assertThat(found.count()).containsExactly(4);
        assertThat(found.mean()).containsExactly(2);
        assertThat(found.variance()).containsExactly(5);
        assertThat(found.unbiasedVariance()).as("of the first alone").containsExactly(8);
    }

    @Test
    void whatHasNoElementsIsNotLookedAt() {
        ChannelStatistics nothing = statistics(0, Double.NaN, Double.NaN, Double.NaN);
        ChannelStatistics.Average average = new ChannelStatistics.Average(1);
        average.add(nothing);
        average.addWeighted(nothing);
        average.add(statistics(7, 1, 4, 8));
        average.add(nothing);
        assertThat(average.result().mean()).containsExactly(1);
        assertThat(average.result().variance()).containsExactly(4);
        assertThat(average.result().unbiasedVariance()).containsExactly(8);
    }

    @Test
    void clearedMomentsAreThoseOfNothing() {
        Moments moments = new Moments(1, 2);
        moments.merge(0, 4, 3, 8);
        moments.merge(1, 5, 6, 7);
        moments.clear(1);
        assertThat(moments.count(0)).isZero();
        assertThat(moments.mean(0)).isZero();
        assertThat(moments.squares(0)).isZero();
        assertThat(new double[]{moments.count(1), moments.mean(1), moments.squares(1)}).containsExactly(5, 6, 7);
        moments.merge(0, 2, 1, 0.5);
        assertThat(new double[]{moments.count(0), moments.mean(0), moments.squares(0)}).containsExactly(2, 1, 0.5);
    }

    @Test
    void oneElementIsScaledByNothingAndTwoAre() {
        Moments moments = new Moments(1, 2);
        moments.merge(0, 1, 5, 0);
        moments.merge(1, 2, 5, 2);
        Affine.Coefficients at = new Affine.Coefficients(2);
        Norm.of(1, 2, Pool.of(Pooling.BATCH, moments), new double[]{3, 3}, null, 1).row(0, 0, 2, at);
        assertThat(at.unit).containsExactly(0, 1 / Math.sqrt(2));
        assertThat(at.scale).containsExactly(0, 3 * (1 / Math.sqrt(2)));
    }
}
