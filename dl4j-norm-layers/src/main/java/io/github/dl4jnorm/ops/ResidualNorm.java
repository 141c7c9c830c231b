// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

/**
 * The outputs of an operation that adds a residual and normalizes the sum.
 *
 * @param sum    x + residual, which continues the residual stream
 * @param output the normalized sum
 * @param <A>    INDArray or SDVariable
 */
public record ResidualNorm<A>(A sum, A output) {
}
