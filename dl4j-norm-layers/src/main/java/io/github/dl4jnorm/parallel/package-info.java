// SPDX-License-Identifier: Apache-2.0
/** Statistics over the batches of several workers of one JVM. Needs {@code deeplearning4j-parallel-wrapper}. */
package io.github.dl4jnorm.parallel;
