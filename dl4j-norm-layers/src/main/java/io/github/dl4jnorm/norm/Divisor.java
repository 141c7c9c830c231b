// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

/** What a channel normalization divides by. */
public enum Divisor {
    /** √(var + eps). */
    DEVIATION,
    /** √var + eps; only for a single part. */
    DEVIATION_PLUS_EPS,
    /** √(mean² + var + eps), and the mean is not subtracted; only for a single part. */
    ROOT_MEAN_SQUARE,
    /** max(√(m·(mean² + var)), eps) of m elements, and the mean is not subtracted; only for a single part. */
    LENGTH;

    /** {@return whether the mean is subtracted} */
    public boolean isCentered() {
        return this == DEVIATION || this == DEVIATION_PLUS_EPS;
    }

    /**
     * The reciprocal. With an eps of 0 the divisor of what does not vary is 0: the factor is 0 then, so that it comes out as
     * beta and has no gradient.
     *
     * @param square the variance; where no mean is subtracted the mean square, and for {@link #LENGTH} the sum of squares
     * @param eps    at least 0
     * @return the factor of x − mean
     */
    public double unit(double square, double eps) {
        double divisor = switch (this) {
            case DEVIATION, ROOT_MEAN_SQUARE -> Math.sqrt(square + eps);
            case DEVIATION_PLUS_EPS -> Math.sqrt(square) + eps;
            case LENGTH -> Math.max(Math.sqrt(square), eps);
        };
        return divisor == 0 ? 0 : 1 / divisor;
    }
}
