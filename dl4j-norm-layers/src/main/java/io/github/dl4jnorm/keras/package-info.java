// SPDX-License-Identifier: Apache-2.0
/** Imports Keras models with normalization layers that Deeplearning4j does not support or imports incorrectly. */
package io.github.dl4jnorm.keras;
