// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

/** What a channel normalization divides by. */
public enum Divisor {
    /** √(var + eps). */
    DEVIATION,
    /** √var + eps; only for a single part. */
    DEVIATION_PLUS_EPS,
    /** √(mean² + var + eps), and the mean is not subtracted; only for a single part. */
    ROOT_MEAN_SQUARE;

    /**
     * The reciprocal. With an eps of 0 the divisor of what does not vary is 0: the factor is 0 then, so that it comes out as
     * beta and has no gradient.
     *
     * @param variance what eps is added to
     * @param eps      at least 0
     * @return the factor of x − mean
     */
    public double unit(double variance, double eps) {
        double divisor = this == DEVIATION_PLUS_EPS ? Math.sqrt(variance) + eps : Math.sqrt(variance + eps);
        return divisor == 0 ? 0 : 1 / divisor;
    }
}
