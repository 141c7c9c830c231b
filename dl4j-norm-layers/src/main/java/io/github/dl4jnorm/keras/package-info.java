// SPDX-License-Identifier: Apache-2.0
/** Import of Keras models whose normalization layers Deeplearning4j does not know, or imports wrongly. */
package io.github.dl4jnorm.keras;
