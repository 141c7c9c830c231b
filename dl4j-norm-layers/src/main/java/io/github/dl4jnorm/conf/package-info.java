// SPDX-License-Identifier: Apache-2.0
/** Layer configurations and their builders, used to define models. */
package io.github.dl4jnorm.conf;
