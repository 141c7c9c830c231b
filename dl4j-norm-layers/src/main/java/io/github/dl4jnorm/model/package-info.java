// SPDX-License-Identifier: Apache-2.0
/**
 * What is done to whole networks: folding batch norms, replacing norms, freezing and recomputing running statistics,
 * exchanging weights with PyTorch.
 */
package io.github.dl4jnorm.model;
