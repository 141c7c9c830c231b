// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

/**
 * A position normalization: over the m channels of a group at one position of one example,
 * {@code y = gamma[c]·(x − center)·unit + beta[c]} with center and unit as its {@link Divisor} says.
 *
 * @param divisor  what to divide by, one that {@link Divisor#fitsPositions fits}
 * @param groups   number of groups of neighbouring channels, a divisor of C
 * @param gamma    scale of each channel, or null for 1
 * @param beta     shift of each channel, or null for 0
 * @param eps      keeps the divisor from 0; where it is 0 itself, what does not vary is multiplied by 0
 * @param overflow notes statistics that are not finite numbers
 */
public record PositionNorm(Divisor divisor, int groups, double[] gamma, double[] beta, double eps, Overflow overflow) {

    /** Whether the statistics of some group were not finite numbers; any thread may note it. */
    public static final class Overflow {
        private volatile boolean happened;

        /** {@return whether it happened} */
        public boolean happened() {
            return happened;
        }
    }

    /**
     * A norm whose statistics were finite so far.
     *
     * @param divisor what to divide by
     * @param groups  number of groups of neighbouring channels, a divisor of C
     * @param gamma   scale of each channel, or null for 1
     * @param beta    shift of each channel, or null for 0
     * @param eps     keeps the divisor from 0, positive
     */
    public PositionNorm(Divisor divisor, int groups, double[] gamma, double[] beta, double eps) {
        this(divisor, groups, gamma, beta, eps, new Overflow());
    }

    /**
     * By mean and variance.
     *
     * @param groups number of groups of neighbouring channels, a divisor of C
     * @param gamma  scale of each channel, or null for 1
     * @param beta   shift of each channel, or null for 0
     * @param eps    what is added to the variance, at least 0
     */
    public PositionNorm(int groups, double[] gamma, double[] beta, double eps) {
        this(Divisor.DEVIATION, groups, gamma, beta, eps);
    }

    /**
     * The scale of a channel.
     *
     * @param c channel
     * @return gamma
     */
    public double gamma(int c) {
        return gamma == null ? 1 : gamma[c];
    }

    /**
     * The shift of a channel.
     *
     * @param c channel
     * @return beta
     */
    public double beta(int c) {
        return beta == null ? 0 : beta[c];
    }

    /** {@return whether the mean is subtracted} */
    public boolean isCentered() {
        return divisor.isCentered();
    }

    /**
     * What is subtracted.
     *
     * @param mean mean of the elements
     * @return center
     */
    public double center(double mean) {
        return isCentered() ? mean : 0;
    }

    /**
     * What normalizes the elements. To center a single element leaves nothing and no gradient: with a factor of 0 none
     * comes out of rounding either.
     *
     * @param count   m
     * @param mean    their mean
     * @param squares their Σ(x − mean)²
     * @return unit
     */
    public double unit(double count, double mean, double squares) {
        if (isCentered() && count <= 1) {
            return 0;
        }
        double square = divisor.square(count, mean, squares);
        if (!Double.isFinite(square)) {
            overflow.happened = true;
        }
        return divisor.unit(square, eps);
    }

    /**
     * What is added to {@code gamma·unit·dy} in the gradient of every element, as the mean depends on it.
     *
     * @param unit  unit
     * @param count m
     * @param sum   Σ gamma·dy
     * @return shift
     */
    public double gradShift(double unit, double count, double sum) {
        return isCentered() ? -unit / Math.max(1, count) * sum : 0;
    }

    /**
     * What is added times the normalized element, as the divisor depends on it.
     *
     * @param unit    unit
     * @param count   m
     * @param product Σ gamma·dy·normalized
     * @return slope
     */
    public double gradSlope(double unit, double count, double product) {
        return -divisor.slope(unit, count, Double.NaN, eps) / Math.max(1, count) * product;
    }

    /**
     * Gradients of the parameters.
     *
     * @param gamma gradient of gamma
     * @param beta  gradient of beta
     */
    public record Gradients(double[] gamma, double[] beta) {
        /**
         * Adds those of other positions.
         *
         * @param others of the same channels
         */
        public void add(Gradients others) {
            for (int c = 0; c < gamma.length; c++) {
                gamma[c] += others.gamma[c];
                beta[c] += others.beta[c];
            }
        }
    }
}
