// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import lombok.Getter;
import lombok.Setter;

/**
 * Holds the options of norms that do not subtract a mean.
 *
 * @param <T> type of the builder itself
 */
@Getter
@Setter
public abstract class UncenteredNormBuilder<T extends UncenteredNormBuilder<T>> extends NormBuilder<T> {
    /** Whether each position of an image or volume is normalized separately, over its channels. */
    protected boolean perPosition = true;

    /** Creates a builder that normalizes each position over its channels. */
    protected UncenteredNormBuilder() {
    }

    /**
     * Sets whether each position of an image or volume is normalized separately, over its channels. If not, each example is
     * normalized over channels and positions, as {@link LayerNormalization} does by default. Dense input and each timestep of a
     * sequence are always normalized over their channels.
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
