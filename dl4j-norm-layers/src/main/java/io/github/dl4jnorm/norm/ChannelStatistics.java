// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

/**
 * Mean and variance of each channel of a batch, as running statistics take them up.
 *
 * @param count            elements (or averaged results) behind a channel's mean, 0 if all were masked
 * @param mean             mean
 * @param variance         biased variance
 * @param unbiasedVariance m/(m − 1) times the biased one, NaN where m ≤ 1
 */
public record ChannelStatistics(double[] count, double[] mean, double[] variance, double[] unbiasedVariance) {

    /**
     * The statistics of moments that have one cell for each channel.
     *
     * @param moments moments of one example
     * @return the same as statistics
     */
    public static ChannelStatistics of(Moments moments) {
        int channels = moments.channels();
        ChannelStatistics result = new ChannelStatistics(
                new double[channels], new double[channels], new double[channels], new double[channels]);
        for (int c = 0; c < channels; c++) {
            double m = moments.count(c);
            result.count[c] = m;
            result.mean[c] = moments.mean(c);
            result.variance[c] = moments.variance(c);
            result.unbiasedVariance[c] = m > 1 ? moments.squares(c) / (m - 1) : Double.NaN;
        }
        return result;
    }

    /** @return number of channels */
    public int channels() {
        return mean.length;
    }

    /** @return whether every mean and variance is a finite number */
    public boolean isFinite() {
        for (int c = 0; c < mean.length; c++) {
            if (!Double.isFinite(mean[c]) || !Double.isFinite(variance[c])) {
                return false;
            }
        }
        return true;
    }

    /** Plain average of several statistics, channel by channel: each counts once, however many elements it has. */
    public static final class Average {
        private final double[] means;
        private final double[] unbiased;
        private final ChannelStatistics sum;

        /**
         * An average of nothing.
         *
         * @param channels number of channels
         */
        public Average(int channels) {
            means = new double[channels];
            unbiased = new double[channels];
            sum = new ChannelStatistics(means, new double[channels], new double[channels], new double[channels]);
        }

        /**
         * Adds one; a channel without elements is left out.
         *
         * @param one statistics of as many channels
         */
        public void add(ChannelStatistics one) {
            for (int c = 0; c < means.length; c++) {
                if (one.count[c] > 0) {
                    means[c]++;
                    sum.mean[c] += one.mean[c];
                    sum.variance[c] += one.variance[c];
                    if (!Double.isNaN(one.unbiasedVariance[c])) {
                        unbiased[c]++;
                        sum.unbiasedVariance[c] += one.unbiasedVariance[c];
                    }
                }
            }
        }

        /** @return the average so far; NaN unbiased variance where no part had more than one element */
        public ChannelStatistics result() {
            int channels = means.length;
            ChannelStatistics result = new ChannelStatistics(
                    means.clone(), new double[channels], new double[channels], new double[channels]);
            for (int c = 0; c < channels; c++) {
                double parts = Math.max(means[c], 1);
                result.mean[c] = sum.mean[c] / parts;
                result.variance[c] = sum.variance[c] / parts;
                result.unbiasedVariance[c] = unbiased[c] > 0 ? sum.unbiasedVariance[c] / unbiased[c] : Double.NaN;
            }
            return result;
        }
    }
}
