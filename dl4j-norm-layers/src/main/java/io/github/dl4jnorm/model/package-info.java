// SPDX-License-Identifier: Apache-2.0
/** What is done to whole networks: so far, recomputing their population statistics. */
package io.github.dl4jnorm.model;
