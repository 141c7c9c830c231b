// SPDX-License-Identifier: Apache-2.0
/** A normalization of arrays, forward and backward: what layers and SameDiff nodes have in common. */
package io.github.dl4jnorm.pass;
