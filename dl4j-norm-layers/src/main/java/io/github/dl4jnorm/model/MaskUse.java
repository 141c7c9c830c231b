// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

/** What a network is given mask arrays for. A norm sets masked positions to 0, and the layers behind it may use them. */
public enum MaskUse {
    /** Nothing. */
    NEVER,
    /** Sequences, as padded batches need them; images and volumes are not masked. */
    SEQUENCES,
    /** Sequences, images and volumes. */
    EVERYTHING
}
