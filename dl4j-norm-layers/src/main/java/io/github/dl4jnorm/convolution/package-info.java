// SPDX-License-Identifier: Apache-2.0
/**
 * Convolutions and poolings of Deeplearning4j's layers on oneDNN. {@link io.github.dl4jnorm.model.FastConvolution} is the way
 * in; nothing else here is for users.
 */
package io.github.dl4jnorm.convolution;
