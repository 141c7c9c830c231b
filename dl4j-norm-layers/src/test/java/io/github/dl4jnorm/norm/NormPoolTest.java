// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Moments and what pools them. */
@Tag("once")
class NormPoolTest {
    private static final MathContext EXACT = new MathContext(60);

    @ParameterizedTest
    @ValueSource(doubles = {0, 1, 1e4, -1e5, 1e6, 1e8})
    void mergingLosesNoDigitsToALargeMean(double ratio) {
        for (long seed = 0; seed < 5; seed++) {
            Random random = new Random(seed);
            double[] x = random.doubles(2000).map(u -> ratio + (u - 0.5) * Math.sqrt(12)).toArray();
            int[] cuts = cuts(x.length, random);
            Moments cells = new Moments(cuts.length - 1, 1);
            Moments sums = new Moments(1, 1);
            Moments halves = new Moments(1, 1);
            for (int b = 0; b + 1 < cuts.length; b++) {
                double[] block = Arrays.copyOfRange(x, cuts[b], cuts[b + 1]);
                mergeTwoPass(cells, b, block);
                mergeAboutPivot(sums, 0, block);
                Moments one = new Moments(1, 1);
                mergeTwoPass(one, 0, block);
                halves.merge(one);
            }
            ChannelStatistics pooled = Pool.of(Pooling.BATCH, cells).perChannel();
            String what = "ratio " + ratio + ", seed " + seed;
            assertExact(pooled.count()[0], pooled.mean()[0], pooled.variance()[0], x, ratio, what + ", pooled cells");
            assertExact(sums.count(0), sums.mean(0), sums.variance(0), x, ratio, what + ", sums about a pivot");
            assertExact(halves.count(0), halves.mean(0), halves.variance(0), x, ratio, what + ", merged tables");
        }
    }

    private static void assertExact(double count, double mean, double variance, double[] x, double ratio, String what) {
        BigDecimal m = BigDecimal.valueOf(x.length);
        BigDecimal sum = BigDecimal.ZERO;
        for (double value : x) {
            sum = sum.add(new BigDecimal(value));
        }
        BigDecimal exactMean = sum.divide(m, EXACT);
        BigDecimal squares = BigDecimal.ZERO;
        for (double value : x) {
            squares = squares.add(new BigDecimal(value).subtract(exactMean).pow(2));
        }
        double expectedMean = exactMean.doubleValue();
        double expected = squares.divide(m, EXACT).doubleValue();
        // Means of blocks are rounded to 2⁻⁵³ of the mean; E[x²] − mean² would lose the square of the ratio.
        double relative = Math.max(1e-9, 0x1p-50 * Math.abs(ratio));
        assertThat(count).as("%s: count", what).isEqualTo(x.length);
        assertThat(mean).as("%s: mean", what).isEqualTo(expectedMean, within(0x1p-49 * Math.max(1, Math.abs(ratio))));
        assertThat(variance).as("%s: variance", what).isEqualTo(expected, within(relative * expected));
    }

    @Test
    void emptyBlocksChangeNothing() {
        Moments moments = new Moments(1, 2);
        moments.merge(0, 0, Double.NaN, Double.NaN);
        moments.mergeSums(0, 0, 5, 0, 0);
        assertThat(moments.count(0)).isZero();
        assertThat(moments.mean(0)).isZero();
        assertThat(moments.variance(0)).isZero();
        moments.merge(1, 4, 3, 8);
        moments.merge(1, 0, Double.NaN, Double.POSITIVE_INFINITY);
        moments.mergeSums(1, 0, Double.NaN, Double.NaN, Double.NaN);
        moments.merge(new Moments(1, 2));
        assertThat(moments.count(1)).isEqualTo(4);
        assertThat(moments.mean(1)).isEqualTo(3);
        assertThat(moments.variance(1)).isEqualTo(2);
        assertThat(moments.squares(1)).isEqualTo(8);
    }

    @Test
    void poolsAreMadeOfTheCellsThatCountedSomething() {
        Moments cells = new Moments(3, 2);
        cells.merge(2, 1, 5, 0);
        cells.merge(4, 3, 1, 6);
        Pool pool = Pool.of(Pooling.BATCH, cells);
        assertThat(pool.size()).isEqualTo(2);
        assertThat(pool.count(0)).isEqualTo(4);
        assertThat(pool.mean(0)).isEqualTo(2);
        assertThat(pool.variance(0)).as("(16 − 4 + 6)/4").isEqualTo(4.5);
        assertThat(pool.count(1)).isZero();
        assertThat(pool.mean(1)).isZero();
        assertThat(pool.variance(1)).isZero();
    }

    @Test
    void aSingleElementHasNoVariance() {
        for (double value : new double[]{0, -3, 0.1, 1e8 + 0.1, 1e38, -1e-40}) {
            Moments moments = new Moments(1, 2);
            moments.merge(0, 1, value, 0);
            moments.mergeSums(1, 1, 0.3, value - 0.3, (value - 0.3) * (value - 0.3));
            assertThat(moments.mean(0)).as("value %s", value).isEqualTo(value);
            assertThat(moments.variance(0)).as("value %s", value).isZero();
            assertThat(moments.mean(1)).as("value %s", value).isEqualTo(value, within(1e-15 + 1e-15 * Math.abs(value)));
            assertThat(moments.variance(1)).as("value %s", value).isZero();
        }
    }

    @Test
    void equalElementsHaveNoVariance() {
        Moments moments = new Moments(1, 1);
        for (int block = 1; block < 100; block++) {
            moments.merge(0, block, 1e8 + 0.1, 0);
        }
        assertThat(moments.mean(0)).isEqualTo(1e8 + 0.1);
        assertThat(moments.variance(0)).isZero();
    }

    @Test
    void nanStaysVisibleAndRoundingNeverMakesAVarianceNegative() {
        Moments moments = new Moments(1, 2);
        moments.mergeSums(0, 3, 0, Double.NaN, Double.NaN);
        assertThat(moments.mean(0)).isNaN();
        assertThat(moments.variance(0)).isNaN();
        moments.mergeSums(1, 3, 0, 3, Math.nextDown(3.0));
        assertThat(moments.variance(1)).isZero();
    }

    @Test
    void finiteElementsWhoseSquaresOverflowHaveAnInfiniteVarianceAndAMean() {
        Moments moments = new Moments(1, 1);
        moments.mergeSums(0, 2, 0, 3e200, Double.POSITIVE_INFINITY);
        assertThat(moments.mean(0)).isEqualTo(1.5e200);
        assertThat(moments.variance(0)).isEqualTo(Double.POSITIVE_INFINITY);
        moments.mergeSums(0, 2, 0, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY);
        assertThat(moments.variance(0)).as("an element is infinite").isNaN();
    }

    @Test
    void aConstantPoolHoldsTheGivenStatistics() {
        Pool pool = Pool.constant(new double[]{1, -2, 3}, new double[]{4, -1e-9, 0});
        assertThat(pool.isConstant()).isTrue();
        assertThat(pool.size()).isEqualTo(3);
        assertThat(new double[]{pool.mean(0), pool.mean(1), pool.mean(2)}).containsExactly(1, -2, 3);
        assertThat(new double[]{pool.variance(0), pool.variance(1), pool.variance(2)}).containsExactly(4, 0, 0);
        assertThat(pool.index(7, 2)).as("pool of channel 2 of any example").isEqualTo(2);
        assertThat(Pool.of(Pooling.BATCH, new Moments(1, 1)).isConstant()).isFalse();
    }

    private static Pool pool(Pooling pooling) {
        return Pool.over(pooling, new Moments(2, 6));
    }

    @Test
    void groupsAreNeighbouringChannels() {
        int[] found = new int[12];
        Pool pool = pool(Pooling.group(3));
        for (int c = 0; c < 6; c++) {
            found[c] = pool.index(0, c);
            found[6 + c] = pool.index(1, c);
        }
        assertThat(found).containsExactly(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5);
        assertThat(Pooling.group(3).size(2, 6)).isEqualTo(6);
        assertThat(Pooling.BATCH.size(2, 6)).isEqualTo(6);
        assertThat(pool(Pooling.BATCH).index(1, 5)).isEqualTo(5);
        assertThat(pool(Pooling.instance(6)).index(1, 5)).isEqualTo(11);
        assertThat(Pooling.BATCH.overBatch()).isTrue();
        assertThat(Pooling.LAYER.overBatch()).isFalse();
    }

    @Test
    void aPoolEndsWhereTheNextGroupOfChannelsBegins() {
        int[] ends = new int[6];
        for (int c = 0; c < 6; c++) {
            ends[c] = pool(Pooling.group(2)).end(c);
        }
        assertThat(ends).containsExactly(3, 3, 3, 6, 6, 6);
        assertThat(pool(Pooling.BATCH).end(4)).as("a channel alone").isEqualTo(5);
        assertThat(pool(Pooling.LAYER).end(4)).isEqualTo(6);
        assertThat(Pool.of(Pooling.group(2), new Moments(2, 6)).groups()).isEqualTo(2);
        assertThat(Pool.of(Pooling.BATCH, new Moments(2, 6)).groups()).isEqualTo(6);
    }

    @Test
    void theIndexOfAPoolDoesNotOverflow() {
        int channels = 100_000;
        Pool instance = Pool.over(Pooling.instance(channels), new Moments(4, channels));
        for (int c : new int[]{0, 46_341, 65_537, channels - 1}) {
            assertThat(instance.index(3, c)).isEqualTo(3 * channels + c);
        }
    }

    @Test
    void batchStatisticsAreUnbiasedByTheirElements() {
        Moments cells = new Moments(2, 3);
        cells.merge(0, 3, 1, 6);
        cells.merge(3, 1, 5, 0);
        cells.merge(4, 1, 7, 0);
        ChannelStatistics found = Pool.of(Pooling.BATCH, cells).perChannel();
        assertThat(found.channels()).isEqualTo(3);
        assertThat(found.count()).containsExactly(4, 1, 0);
        assertThat(found.mean()).containsExactly(2, 7, 0);
        assertThat(found.variance()).containsExactly(4.5, 0, 0);
        assertThat(found.unbiasedVariance()).containsExactly(4.5 * 4 / 3, Double.NaN, Double.NaN);
        assertThat(found.isFinite()).isTrue();
    }

    @Test
    void instanceStatisticsAreTheAverageOfTheExamplesThatCountedSomething() {
        Moments cells = new Moments(4, 2);
        cells.merge(0, 3, 1, 6);
        cells.merge(2, 5, 4, 20);
        cells.merge(6, 1, 10, 0);
        cells.merge(1, 1, -8, 0);
        ChannelStatistics found = Pool.of(Pooling.instance(2), cells).perChannel();
        assertThat(found.count()).as("examples behind each channel").containsExactly(3, 1);
        assertThat(found.mean()).containsExactly(5, -8);
        assertThat(found.variance()).containsExactly(2, 0);
        assertThat(found.unbiasedVariance()).as("over the examples with m > 1; none for the second channel")
                .containsExactly(4, Double.NaN);
    }

    @Test
    void instanceStatisticsOfNothingAreEmpty() {
        ChannelStatistics found = Pool.of(Pooling.instance(2), new Moments(3, 2)).perChannel();
        assertThat(found.count()).containsExactly(0, 0);
        assertThat(found.mean()).containsExactly(0, 0);
        assertThat(found.variance()).containsExactly(0, 0);
        assertThat(found.unbiasedVariance()).containsExactly(Double.NaN, Double.NaN);
        assertThat(found.isFinite()).isTrue();
    }

    @Test
    void statisticsAreFiniteUnlessAMeanOrVarianceIsNot() {
        for (double bad : new double[]{Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}) {
            Moments meanBad = new Moments(1, 2);
            meanBad.merge(1, 2, bad, 0);
            assertThat(ChannelStatistics.of(meanBad).isFinite()).as("mean %s", bad).isFalse();
            Moments squaresBad = new Moments(1, 2);
            squaresBad.merge(1, 2, 0, bad);
            assertThat(ChannelStatistics.of(squaresBad).isFinite()).as("squares %s", bad).isFalse();
        }
    }

    private static int[] cuts(int length, Random random) {
        int[] inner = random.ints(20, 0, length + 1).sorted().toArray();
        int[] cuts = new int[inner.length + 4];
        System.arraycopy(inner, 0, cuts, 2, inner.length);
        // One block of a single element and one that is empty, whatever was drawn.
        cuts[1] = Math.min(1, inner[0]);
        cuts[cuts.length - 2] = length;
        cuts[cuts.length - 1] = length;
        return cuts;
    }

    private static void mergeTwoPass(Moments into, int cell, double[] block) {
        double mean = Arrays.stream(block).sum() / block.length;
        double squares = Arrays.stream(block).map(v -> (v - mean) * (v - mean)).sum();
        into.merge(cell, block.length, mean, squares);
    }

    private static void mergeAboutPivot(Moments into, int cell, double[] block) {
        if (block.length > 0) {
            double pivot = block[0];
            double sum = Arrays.stream(block).map(v -> v - pivot).sum();
            double squares = Arrays.stream(block).map(v -> (v - pivot) * (v - pivot)).sum();
            into.mergeSums(cell, block.length, pivot, sum, squares);
        }
    }
}
