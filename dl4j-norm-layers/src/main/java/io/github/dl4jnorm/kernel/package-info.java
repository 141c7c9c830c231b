// SPDX-License-Identifier: Apache-2.0
/**
 * The passes over the data, on the CPU with the JDK's vectors or plain Java, or on any backend with ND4J's own
 * operations. Only this package touches the memory of arrays.
 */
package io.github.dl4jnorm.kernel;
