// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import java.util.Arrays;

/**
 * Mean and variance of each channel of a batch, as running statistics take them up.
 *
 * @param count            elements behind a channel's mean (instances, if averaged), 0 if all were masked
 * @param mean             mean
 * @param variance         biased variance
 * @param unbiasedVariance m/(m − 1) times the biased one, NaN where m ≤ 1
 * @param averaged         whether these are averages of statistics instead of statistics of all elements together
 */
public record ChannelStatistics(double[] count, double[] mean, double[] variance, double[] unbiasedVariance,
                                boolean averaged) {

    private ChannelStatistics(int channels, boolean averaged) {
        this(new double[channels], new double[channels], new double[channels], new double[channels], averaged);
    }

    /**
     * The statistics of moments that have one cell for each channel.
     *
     * @param moments moments of one example
     * @return the same as statistics
     */
    public static ChannelStatistics of(Moments moments) {
        ChannelStatistics result = new ChannelStatistics(moments.channels(), false);
        for (int c = 0; c < moments.channels(); c++) {
            double m = moments.count(c);
            result.count[c] = m;
            result.mean[c] = moments.mean(c);
            result.variance[c] = moments.variance(c);
            result.unbiasedVariance[c] = m > 1 ? moments.squares(c) / (m - 1) : Double.NaN;
        }
        return result;
    }

    /**
     * These statistics behind those of other channels.
     *
     * @param first statistics of the channels before
     * @return statistics of all of them
     */
    public ChannelStatistics behind(ChannelStatistics first) {
        return new ChannelStatistics(join(first.count, count), join(first.mean, mean), join(first.variance, variance),
                join(first.unbiasedVariance, unbiasedVariance), averaged);
    }

    private static double[] join(double[] first, double[] second) {
        double[] all = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        return all;
    }

    /** {@return number of channels} */
    public int channels() {
        return mean.length;
    }

    /** {@return whether every mean and variance is a finite number} */
    public boolean isFinite() {
        for (int c = 0; c < mean.length; c++) {
            if (!Double.isFinite(mean[c]) || !Double.isFinite(variance[c])) {
                return false;
            }
        }
        return true;
    }

    /** A sum of statistics on the way to their average, channel by channel. */
    public static final class Average {
        private final ChannelStatistics sum;
        private final double[] unbiasedWeight;

        /**
         * An average of nothing.
         *
         * @param channels number of channels
         */
        public Average(int channels) {
            sum = new ChannelStatistics(channels, true);
            unbiasedWeight = new double[channels];
        }

        /**
         * Adds statistics that count once, however many elements they have; a channel without any is left out.
         *
         * @param one statistics of as many channels
         */
        public void add(ChannelStatistics one) {
            for (int c = 0; c < unbiasedWeight.length; c++) {
                add(c, one.count[c] > 0 ? 1 : 0, one);
            }
        }

        /**
         * Adds averages, weighted by what they are the average of.
         *
         * @param one averaged statistics of as many channels
         */
        public void addWeighted(ChannelStatistics one) {
            for (int c = 0; c < unbiasedWeight.length; c++) {
                add(c, one.count[c], one);
            }
        }

        private void add(int c, double weight, ChannelStatistics one) {
            if (weight > 0) {
                sum.count[c] += weight;
                sum.mean[c] += weight * one.mean[c];
                sum.variance[c] += weight * one.variance[c];
                if (!Double.isNaN(one.unbiasedVariance[c])) {
                    unbiasedWeight[c] += weight;
                    sum.unbiasedVariance[c] += weight * one.unbiasedVariance[c];
                }
            }
        }

        /** {@return the sums of counts, means, variances and unbiased variances, and the weight of the last ones} */
        public double[][] sums() {
            return new double[][]{sum.count, sum.mean, sum.variance, sum.unbiasedVariance, unbiasedWeight};
        }

        /**
         * Adds the sums of another average.
         *
         * @param other {@link #sums} of as many channels
         */
        public void addSums(double[][] other) {
            double[][] own = sums();
            for (int k = 0; k < own.length; k++) {
                for (int c = 0; c < unbiasedWeight.length; c++) {
                    own[k][c] += other[k][c];
                }
            }
        }

        /** {@return the average so far; NaN unbiased variance where no part had more than one element} */
        public ChannelStatistics result() {
            ChannelStatistics result = new ChannelStatistics(unbiasedWeight.length, true);
            for (int c = 0; c < unbiasedWeight.length; c++) {
                double parts = sum.count[c] > 0 ? sum.count[c] : 1;
                result.count[c] = sum.count[c];
                result.mean[c] = sum.mean[c] / parts;
                result.variance[c] = sum.variance[c] / parts;
                result.unbiasedVariance[c] =
                        unbiasedWeight[c] > 0 ? sum.unbiasedVariance[c] / unbiasedWeight[c] : Double.NaN;
            }
            return result;
        }
    }
}
