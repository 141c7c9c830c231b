// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

/**
 * Sets the options of norms that do not subtract a mean.
 *
 * @param <T> type of the builder itself
 * @param <L> type of the layer
 */
public abstract class UncenteredNormBuilder<T extends UncenteredNormBuilder<T, L>, L extends UncenteredNormLayer>
        extends NormBuilder<T, L> {
    /**
     * Creates a builder with the default options.
     *
     * @param layer a layer with the default options
     */
    protected UncenteredNormBuilder(L layer) {
        super(layer);
    }

    /**
     * Sets whether each position of an image or volume is normalized separately, over its channels. If not, each example is
     * normalized over channels and positions, as {@link LayerNormalization} does by default. Dense input and each timestep of a
     * sequence are always normalized over their channels.
     *
     * @param perPosition default true
     * @return this builder
     */
    public T perPosition(boolean perPosition) {
        layer.setOverExample(!perPosition);
        return self();
    }
}
