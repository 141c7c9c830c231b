// SPDX-License-Identifier: Apache-2.0
/** Computes statistics over the batches of several workers of one JVM. Requires {@code deeplearning4j-parallel-wrapper}. */
package io.github.dl4jnorm.parallel;
