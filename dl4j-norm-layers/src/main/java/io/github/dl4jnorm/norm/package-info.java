// SPDX-License-Identifier: Apache-2.0
/**
 * The algebra: how pooled moments become an affine map per example and channel, and the vector-Jacobian product of
 * that. Plain Java in double, without ND4J types and without a loop over positions.
 */
package io.github.dl4jnorm.norm;
