// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

/**
 * What a computed weight depends on beside the array in the weight's own place.
 *
 * @param suffix  what is added to the key of the weight to make the key of this parameter
 * @param length  number of elements
 * @param trained whether training changes it by its gradient; if not, it is state that the layer changes itself
 */
public record WeightParameter(String suffix, long length, boolean trained) {
}
