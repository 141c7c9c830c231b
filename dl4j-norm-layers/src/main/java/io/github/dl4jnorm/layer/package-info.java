// SPDX-License-Identifier: Apache-2.0
/** The running layers behind the configurations: input checks, workspaces, masks, parameters and their gradients. */
package io.github.dl4jnorm.layer;
