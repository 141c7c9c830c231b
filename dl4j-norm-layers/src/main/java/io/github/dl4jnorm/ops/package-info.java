// SPDX-License-Identifier: Apache-2.0
/**
 * Normalizations as functions of arrays ({@link io.github.dl4jnorm.ops.NDNorm}) and as operations of a SameDiff graph
 * ({@link io.github.dl4jnorm.ops.SDNorm}). Both use the same kernels as the layers.
 */
package io.github.dl4jnorm.ops;
