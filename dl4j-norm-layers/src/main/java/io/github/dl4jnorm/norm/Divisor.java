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

    /** The reciprocal. */
    double unit(double variance, double eps) {
        return this == DEVIATION_PLUS_EPS ? 1 / (Math.sqrt(variance) + eps) : 1 / Math.sqrt(variance + eps);
    }
}
