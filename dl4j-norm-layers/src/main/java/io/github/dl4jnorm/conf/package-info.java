// SPDX-License-Identifier: Apache-2.0
/** Layer configurations and their builders: what a model builder uses. */
package io.github.dl4jnorm.conf;
