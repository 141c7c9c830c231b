// SPDX-License-Identifier: Apache-2.0
/**
 * Normalizations as plain functions of arrays ({@link io.github.dl4jnorm.ops.NDNorm}) and as operations of a SameDiff
 * graph ({@link io.github.dl4jnorm.ops.SDNorm}), both computed by the kernels that the layers use.
 */
package io.github.dl4jnorm.ops;
