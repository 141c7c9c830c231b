// SPDX-License-Identifier: Apache-2.0
/** Trains networks with batch statistics on Apache Spark, and computes their population statistics there. */
package io.github.dl4jnorm.spark;
