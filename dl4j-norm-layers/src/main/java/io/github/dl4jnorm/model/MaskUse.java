// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

/** Says what a network receives mask arrays for. A norm sets masked positions to 0, which later layers may rely on. */
public enum MaskUse {
    /** The network receives no masks. */
    NEVER,
    /** The network receives masks for sequences, such as padded batches, but not for images and volumes. */
    SEQUENCES,
    /** The network receives masks for sequences, images and volumes. */
    EVERYTHING
}
