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
 * Learns the length and the direction of each output unit's weights separately (Salimans and Kingma 2016,
 * <a href="https://arxiv.org/abs/1602.07868">Weight Normalization</a>, arXiv 1602.07868):
 *
 * <pre>
 *   w = g·v/√(Σ v² + eps)
 * </pre>
 *
 * There is one g per output unit; an LSTM has one per gate and unit, both for the input weights and for the recurrent
 * weights. v is stored under the weight's own key ({@code W}, {@code RW}, {@code pW}) and is initialized like the weights of
 * the wrapped layer. g has the key suffix {@code g} ({@code Wg}, …) and is initialized to the length of v, so the network
 * starts with the same outputs as without the wrapper. {@code DataDependentInit} initializes g and the bias from a first
 * batch, as the paper recommends.
 *
 * <p>l1, l2 and weight decay of the weights apply to g: Σ g² equals Σ w², and Σ |g| is the sum of the units' lengths. The
 * default eps is 1e-12; where v is 0, the weights are 0.
 *
 * <pre>
 *   new WeightNormalization(new DenseLayer.Builder().nOut(64).build())
 * </pre>
 */
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class WeightNormalization extends Reparameterization {
    /** Key suffix of g. */
    public static final String GAIN = "g";
    private static final long serialVersionUID = 1L;

    /** Used by JSON and {@link NormFactory}. */
    WeightNormalization() {
        super(1e-12);
    }

    /**
     * Wraps a layer with the default options.
     *
     * @param layer a dense layer, convolution, deconvolution, LSTM or SimpleRnn
     */
    public WeightNormalization(Layer layer) {
        this();
        wrap(layer);
    }

    @Override
    public List<WeightParameter> parameters(WeightShape weight) {
        return List.of(new WeightParameter(GAIN, weight.units(), true));
    }

    @Override
    public WeightPass pass(WeightShape weight, List<INDArray> parameters) {
        return NormalizedWeight.byLength(parameters.get(0), getEps());
    }

    @Override
    protected String regularizedSuffix() {
        return GAIN;
    }

    /** Builds a {@link WeightNormalization}. */
    public static class Builder extends Reparameterization.Builder<Builder, WeightNormalization> {
        /**
         * Creates a builder that wraps a layer.
         *
         * @param layer a dense layer, convolution, deconvolution, LSTM or SimpleRnn
         */
        public Builder(Layer layer) {
            super(new WeightNormalization(), layer);
        }
    }
}
