// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

/** Functions that bound elements, in place of a division by a statistic. */
public enum Curve {
    /** The hyperbolic tangent. */
    TANH,
    /** The error function. */
    ERF
}
