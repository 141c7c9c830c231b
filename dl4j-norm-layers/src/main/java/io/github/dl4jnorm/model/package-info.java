// SPDX-License-Identifier: Apache-2.0
/**
 * Tools for whole networks: fold batch norms, replace norms, freeze and recompute running statistics, exchange weights with
 * PyTorch.
 */
package io.github.dl4jnorm.model;
