// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

/**
 * A position normalization: mean and variance over the channels of a group at one position of one example,
 * {@code y = gamma[c]·(x − mean)/√(var + eps) + beta[c]}.
 *
 * @param groups number of groups of neighbouring channels, a divisor of C
 * @param gamma  scale of each channel, or null for 1
 * @param beta   shift of each channel, or null for 0
 * @param eps    what is added to the variance, positive
 */
public record PositionNorm(int groups, double[] gamma, double[] beta, double eps) {

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

    /**
     * What normalizes the elements of a group at a position: 1/√(var + eps), or 0 for a single element, which has no
     * gradient: so none comes out of rounding either.
     *
     * @param count   number of elements
     * @param squares their Σ(x − mean)²
     * @return the factor
     */
    public double unit(double count, double squares) {
        return count <= 1 ? 0 : 1 / Math.sqrt(squares / count + eps);
    }

    /**
     * Gradients of the parameters.
     *
     * @param gamma gradient of gamma
     * @param beta  gradient of beta
     */
    public record Gradients(double[] gamma, double[] beta) {
    }
}
