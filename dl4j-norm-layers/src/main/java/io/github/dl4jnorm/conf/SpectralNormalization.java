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
 * Spectral normalization (Miyato et al. 2018, arXiv 1802.05957): the weight as a matrix of one row for each output unit is
 * divided by its largest singular value,
 *
 * <pre>
 *   w = V/σ   σ = uᵀ·V·v   u = V·v/‖V·v‖   v = Vᵀ·u/‖Vᵀ·u‖
 * </pre>
 *
 * u and v are found by power iteration: {@code powerIterations} (1) times in each training step, {@code warmUp} (15) times
 * when the network is made. They are parameters without a gradient ({@code Wu}, {@code Wv}, {@code RWu}, …), drawn by the
 * network's seed, saved with the model, and out of reach of updater and gradient clipping; a training step takes them up
 * when it goes backward, and test mode leaves them. The gradient flows through σ with u and v held constant:
 * {@code dV = (dw − (Σ dw·w)·u·vᵀ)/σ}.
 *
 * <p>V is the parameter in the weight's own place ({@code W}, {@code RW}, {@code pW}); regularization of the weights acts on
 * it. Vectors are divided by their length or eps (1e-12), whichever is larger, and so is V by σ; where that is
 * eps, as for a V of 0, the gradient is 0.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class SpectralNormalization extends Reparameterization {
    /** Suffix of the keys of u, which has an element for each output unit. */
    public static final String LEFT = "u";
    /** Suffix of the keys of v, which has an element for each input of a unit. */
    public static final String RIGHT = "v";
    private static final long serialVersionUID = 1L;
    private static final double EPS = 1e-12;

    /** Steps of the power iteration in each training step. */
    private int powerIterations = 1;
    /** Steps of the power iteration when the network is made. */
    private int warmUp = 15;

    /** As JSON and {@link NormFactory} need it. */
    SpectralNormalization() {
        super(EPS);
    }

    /**
     * Wraps a layer.
     *
     * @param layer a dense layer, convolution, deconvolution, LSTM or SimpleRnn
     */
    public SpectralNormalization(Layer layer) {
        this(new Builder(layer));
    }

    private SpectralNormalization(Builder builder) {
        super(builder);
        powerIterations = builder.powerIterations;
        warmUp = builder.warmUp;
        validate();
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        if (powerIterations < 1 || warmUp < 0) {
            throw invalid("powerIterations >= 1 and warmUp >= 0", powerIterations + " and " + warmUp);
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

    /** Options of {@link SpectralNormalization}. */
    public static class Builder extends Reparameterization.Builder<Builder> {
        private int powerIterations = 1;
        private int warmUp = 15;

        /**
         * Wraps a layer.
         *
         * @param layer a dense layer, convolution, deconvolution, LSTM or SimpleRnn
         */
        public Builder(Layer layer) {
            super(layer, EPS);
        }

        /**
         * How often u and v are improved in each training step.
         *
         * @param powerIterations at least 1, the default
         * @return this builder
         */
        public Builder powerIterations(int powerIterations) {
            this.powerIterations = powerIterations;
            return this;
        }

        /**
         * How often u and v are improved when the network is made.
         *
         * @param warmUp 0 or more; default 15
         * @return this builder
         */
        public Builder warmUp(int warmUp) {
            this.warmUp = warmUp;
            return this;
        }

        @Override
        public SpectralNormalization build() {
            return new SpectralNormalization(this);
        }
    }
}
