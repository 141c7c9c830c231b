// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

/**
 * Sets the options of layers that apply a bounded function to each element.
 *
 * @param <T> type of the builder itself
 * @param <L> type of the layer
 */
public abstract class CurvedNormBuilder<T extends CurvedNormBuilder<T, L>, L extends CurvedNormLayer>
        extends NormBuilder<T, L> {
    /**
     * Creates a builder with the default options.
     *
     * @param layer a layer with the default options
     */
    protected CurvedNormBuilder(L layer) {
        super(layer);
    }

    /**
     * Sets the initial value of alpha, the factor of the input.
     *
     * @param alphaInit default 0.5
     * @return this builder
     */
    public T alphaInit(double alphaInit) {
        layer.setAlphaInit(alphaInit);
        return self();
    }
}
