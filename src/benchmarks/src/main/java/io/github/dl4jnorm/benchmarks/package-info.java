// SPDX-License-Identifier: Apache-2.0
/** How fast the layers are beside libtorch, Deeplearning4j's own layer and a plain copy of the same bytes. */
package io.github.dl4jnorm.benchmarks;
