// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

/**
 * Describes a parameter that a weight is computed from, besides the array stored under the weight's own key.
 *
 * @param suffix  appended to the key of the weight to form the key of this parameter
 * @param length  number of elements
 * @param trained whether gradient descent updates it; if not, it is state that the layer updates
 */
public record WeightParameter(String suffix, long length, boolean trained) {
}
