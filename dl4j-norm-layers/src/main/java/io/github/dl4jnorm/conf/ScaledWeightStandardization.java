// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.pass.NormalizedWeight;
import io.github.dl4jnorm.pass.WeightPass;
import java.util.List;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Standardizes the weights of each output unit and scales them so that the outputs keep the variance of the inputs, for networks
 * without activation norms (Brock et al. 2021, <a href="https://arxiv.org/abs/2101.08692">NF-ResNets</a>, arXiv 2101.08692):
 *
 * <pre>
 *   w = g·gammaAct·(v − mean v)/√((var v + eps)·inputs)
 * </pre>
 *
 * Mean and variance are computed over all weights of the unit; {@code inputs} is their number. g is learned for each unit, has
 * the key suffix {@code g} and starts at 1. gammaAct is a constant of the activation in front, such as √(2/(1 − 1/π)) for a
 * ReLU, and 1 by default. v is stored under the weight's own key; regularization of the weights applies to v. The default eps is
 * 1e-6.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class ScaledWeightStandardization extends Reparameterization {
    private static final long serialVersionUID = 1L;

    /** Constant of the activation in front. */
    private double gammaAct = 1;

    /** Used by JSON and {@link NormFactory}. */
    ScaledWeightStandardization() {
        super(1e-6);
    }

    /**
     * Wraps a layer with the default options.
     *
     * @param layer the layer whose weights are computed
     */
    public ScaledWeightStandardization(Layer layer) {
        this();
        wrap(layer);
    }

    @Override
    public List<WeightParameter> parameters(WeightShape weight) {
        return List.of(new WeightParameter(WeightNormalization.GAIN, weight.units(), true));
    }

    @Override
    public WeightPass pass(WeightShape weight, List<INDArray> parameters) {
        return NormalizedWeight.scaled(parameters.get(0), gammaAct, getEps());
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        if (!(gammaAct > 0) || Double.isInfinite(gammaAct)) {
            throw invalid("gammaAct > 0", "gammaAct " + gammaAct);
        }
    }

    /** Builds a {@link ScaledWeightStandardization}. */
    public static class Builder extends Reparameterization.Builder<Builder, ScaledWeightStandardization> {
        /**
         * Creates a builder that wraps a layer.
         *
         * @param layer the layer whose weights are computed
         */
        public Builder(Layer layer) {
            super(new ScaledWeightStandardization(), layer);
        }

        /**
         * Sets the constant of the activation in front.
         *
         * @param gammaAct positive; default 1
         * @return this builder
         */
        public Builder gammaAct(double gammaAct) {
            wrapper.setGammaAct(gammaAct);
            return this;
        }
    }
}
