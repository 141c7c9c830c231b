// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

/**
 * What batch renormalization (Ioffe 2017, arXiv 1702.03275) makes of an element normalized by the statistics of its
 * batch, {@code x̂·r + d}: nearly what running statistics would make of it. No gradient flows through r and d.
 *
 * @param mean     running mean of each channel
 * @param variance running variance of each channel
 * @param rMax     r lies between 1/rMax and rMax
 * @param dMax     d lies between −dMax and dMax
 */
public record Renorm(double[] mean, double[] variance, double rMax, double dMax) {

    /**
     * The factor.
     *
     * @param c             channel
     * @param batchVariance variance of the batch
     * @param eps           what is added to variances
     * @return r
     */
    public double factor(int c, double batchVariance, double eps) {
        double running = Math.max(0, variance[c]) + eps;
        // A running deviation of 0, possible without eps, makes x̂ 0 at test time: see Divisor.
        double r = running == 0 ? 0 : Math.sqrt((batchVariance + eps) / running);
        return Math.max(1 / rMax, Math.min(rMax, r));
    }

    /**
     * The offset.
     *
     * @param c         channel
     * @param batchMean mean of the batch
     * @param eps       what is added to variances
     * @return d
     */
    public double offset(int c, double batchMean, double eps) {
        double d = (batchMean - mean[c]) * Divisor.DEVIATION.unit(Math.max(0, variance[c]), eps);
        return Math.max(-dMax, Math.min(dMax, d));
    }
}
