// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.pass.NormalizedWeight;
import io.github.dl4jnorm.pass.WeightPass;
import java.util.List;
import lombok.EqualsAndHashCode;
import lombok.ToString;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Standardizes the weights of each output unit to mean 0 and variance 1 (Qiao et al. 2019,
 * <a href="https://arxiv.org/abs/1903.10520">Weight Standardization</a>, arXiv 1903.10520):
 *
 * <pre>
 *   w = (v − mean v)/√(var v + eps)
 * </pre>
 *
 * Mean and variance are computed over all weights of the unit. Add a normalization after the layer to restore the scale of
 * its outputs; the paper uses {@link GroupNormalization}. v is stored under the weight's own key ({@code W}, {@code RW},
 * {@code pW}); regularization of the weights applies to v. The default eps is 1e-6. The weight of a unit with a single input
 * is 0.
 */
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class WeightStandardization extends Reparameterization {
    private static final long serialVersionUID = 1L;

    /** Used by JSON and {@link NormFactory}. */
    WeightStandardization() {
        super(1e-6);
    }

    /**
     * Wraps a layer with the default options.
     *
     * @param layer a dense layer, convolution, deconvolution, LSTM or SimpleRnn
     */
    public WeightStandardization(Layer layer) {
        this();
        wrap(layer);
    }

    @Override
    public List<WeightParameter> parameters(WeightShape weight) {
        return List.of();
    }

    @Override
    public WeightPass pass(WeightShape weight, List<INDArray> parameters) {
        return NormalizedWeight.standardized(getEps());
    }

    /** Builds a {@link WeightStandardization}. */
    public static class Builder extends Reparameterization.Builder<Builder, WeightStandardization> {
        /**
         * Creates a builder that wraps a layer.
         *
         * @param layer a dense layer, convolution, deconvolution, LSTM or SimpleRnn
         */
        public Builder(Layer layer) {
            super(new WeightStandardization(), layer);
        }
    }
}
