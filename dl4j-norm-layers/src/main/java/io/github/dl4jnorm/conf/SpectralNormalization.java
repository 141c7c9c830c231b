// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.pass.SpectralWeight;
import io.github.dl4jnorm.pass.WeightPass;
import java.util.List;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Divides the weight matrix, with one row per output unit, by its largest singular value (Miyato et al. 2018,
 * <a href="https://arxiv.org/abs/1802.05957">Spectral Normalization for Generative Adversarial Networks</a>, arXiv
 * 1802.05957):
 *
 * <pre>
 *   w = V/σ   σ = uᵀ·V·v   u = V·v/‖V·v‖   v = Vᵀ·u/‖Vᵀ·u‖
 * </pre>
 *
 * u and v are estimated by power iteration: {@code warmUp} (15) iterations when the network is created and
 * {@code powerIterations} (1) per training step. They are parameters without a gradient ({@code Wu}, {@code Wv}, {@code RWu},
 * …), initialized with the network's seed and saved with the model; updater and gradient clipping do not affect them. A
 * training step stores them in its backward pass; test mode does not change them. The gradient flows through σ with u and v
 * held constant: {@code dV = (dw − (Σ dw·w)·u·vᵀ)/σ}.
 *
 * <p>V is stored under the weight's own key ({@code W}, {@code RW}, {@code pW}); regularization of the weights applies to V.
 * Vectors are divided by max(length, eps) and V by max(σ, eps), with eps 1e-12 by default. Where eps is the larger, as for V
 * = 0, the gradient is 0.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class SpectralNormalization extends Reparameterization {
    /** Key suffix of u, which has one element per output unit. */
    public static final String LEFT = "u";
    /** Key suffix of v, which has one element per input of a unit. */
    public static final String RIGHT = "v";
    private static final long serialVersionUID = 1L;

    /** Number of power iterations per training step. */
    private int powerIterations = 1;
    /** Number of power iterations when the network is created. */
    private int warmUp = 15;

    /** Used by JSON and {@link NormFactory}. */
    SpectralNormalization() {
        super(1e-12);
    }

    /**
     * Wraps a layer with the default options.
     *
     * @param layer a dense layer, convolution, deconvolution, LSTM or SimpleRnn
     */
    public SpectralNormalization(Layer layer) {
        this();
        wrap(layer);
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        if (powerIterations < 1 || warmUp < 0) {
            throw invalid("powerIterations >= 1 and warmUp >= 0", "powerIterations " + powerIterations + " and warmUp " + warmUp);
        }
    }

    @Override
    public List<WeightParameter> parameters(WeightShape weight) {
        return List.of(new WeightParameter(LEFT, weight.units(), false), new WeightParameter(RIGHT, weight.inputs(), false));
    }

    @Override
    public WeightPass pass(WeightShape weight, List<INDArray> parameters) {
        return new SpectralWeight(parameters.get(0), parameters.get(1), powerIterations, warmUp, getEps());
    }

    /** Builds a {@link SpectralNormalization}. */
    public static class Builder extends Reparameterization.Builder<Builder, SpectralNormalization> {
        /**
         * Creates a builder that wraps a layer.
         *
         * @param layer a dense layer, convolution, deconvolution, LSTM or SimpleRnn
         */
        public Builder(Layer layer) {
            super(new SpectralNormalization(), layer);
        }

        /**
         * Sets the number of power iterations per training step.
         *
         * @param powerIterations at least 1; default 1
         * @return this builder
         */
        public Builder powerIterations(int powerIterations) {
            wrapper.powerIterations = powerIterations;
            return this;
        }

        /**
         * Sets the number of power iterations when the network is created.
         *
         * @param warmUp at least 0; default 15
         * @return this builder
         */
        public Builder warmUp(int warmUp) {
            wrapper.warmUp = warmUp;
            return this;
        }
    }
}
