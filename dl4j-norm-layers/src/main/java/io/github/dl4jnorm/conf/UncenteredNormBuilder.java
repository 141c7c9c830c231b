// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import lombok.Getter;
import lombok.Setter;

/**
 * Options of norms that subtract no mean.
 *
 * @param <T> the builder itself
 */
@Getter
@Setter
public abstract class UncenteredNormBuilder<T extends UncenteredNormBuilder<T>> extends NormBuilder<T> {
    /** Whether each position of an image is normalized on its own. */
    protected boolean perPosition = true;

    /** Over the channels of each position. */
    protected UncenteredNormBuilder() {
    }

    /**
     * Whether images and volumes are normalized over the channels of each position, or over channels and positions of each
     * example, as {@link LayerNormalization} does by default. Dense input and each step of a sequence are normalized over
     * their channels either way.
     *
     * @param perPosition default true
     * @return this builder
     */
    @SuppressWarnings("unchecked")
    public T perPosition(boolean perPosition) {
        this.perPosition = perPosition;
        return (T) this;
    }
}
