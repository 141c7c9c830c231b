// SPDX-License-Identifier: Apache-2.0
/** Every norm against libtorch, an implementation that shares nothing with this one, on drawn configurations. */
package io.github.dl4jnorm.parity;
