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
 * Weight standardization (Qiao et al. 2019, arXiv 1903.10520): the weights of each output unit have mean 0 and variance
 * 1,
 *
 * <pre>
 *   w = (v − mean v)/√(var v + eps)
 * </pre>
 *
 * with mean and variance over all weights that lead to the unit. A normalization behind the layer gives the outputs their
 * scale; the paper's is {@link GroupNormalization}. v is the parameter in the weight's own place ({@code W}, {@code RW},
 * {@code pW}); regularization of the weights acts on it. eps is 1e-6 unless set. The weight of a unit with a single input
 * is 0.
 */
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class WeightStandardization extends Reparameterization {
    private static final long serialVersionUID = 1L;
    private static final double EPS = 1e-6;

    /** As JSON and {@link NormFactory} need it. */
    WeightStandardization() {
        super(EPS);
    }

    /**
     * Wraps a layer.
     *
     * @param layer a dense layer, convolution, deconvolution, LSTM or SimpleRnn
     */
    public WeightStandardization(Layer layer) {
        this(new Builder(layer));
    }

    private WeightStandardization(Builder builder) {
        super(builder);
        validate();
    }

    @Override
    public List<WeightParameter> parameters(WeightShape weight) {
        return List.of();
    }

    @Override
    public WeightPass pass(WeightShape weight, List<INDArray> parameters) {
        return NormalizedWeight.standardized(getEps());
    }

    /** Options of {@link WeightStandardization}. */
    public static class Builder extends Reparameterization.Builder<Builder> {
        /**
         * Wraps a layer.
         *
         * @param layer a dense layer, convolution, deconvolution, LSTM or SimpleRnn
         */
        public Builder(Layer layer) {
            super(layer, EPS);
        }

        @Override
        public WeightStandardization build() {
            return new WeightStandardization(this);
        }
    }
}
