// SPDX-License-Identifier: Apache-2.0
/** Runnable examples of the normalization layers. */
package io.github.dl4jnorm.examples;
