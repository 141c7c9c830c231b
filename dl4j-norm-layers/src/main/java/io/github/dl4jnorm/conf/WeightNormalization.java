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
 * Weight normalization (Salimans and Kingma 2016, arXiv 1602.07868): length and direction of the weights of each output
 * unit are learned apart,
 *
 * <pre>
 *   w = g·v/√(Σ v² + eps)
 * </pre>
 *
 * with one g for each output unit; of an LSTM for each gate of each unit, in the input weights and in the recurrent ones.
 * v is the parameter in the weight's own place ({@code W}, {@code RW}, {@code pW}) and starts as the layer inside has its
 * weights start; g has the suffix {@code g} ({@code Wg}, …) and starts as the length of v, so that the network starts as
 * it would without the wrapper. {@code DataDependentInit} sets g and the bias by a first batch, as the paper advises.
 *
 * <p>l1, l2 and weight decay of the weights act on g: Σ g² is Σ w², and Σ |g| is the sum of the units' lengths. eps is
 * 1e-12 unless set; it makes weights 0 where v is.
 *
 * <pre>
 *   new WeightNormalization(new DenseLayer.Builder().nOut(64).build())
 * </pre>
 */
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class WeightNormalization extends Reparameterization {
    /** Suffix of the keys of g. */
    public static final String GAIN = "g";
    private static final long serialVersionUID = 1L;
    private static final double EPS = 1e-12;

    /** As JSON and {@link NormFactory} need it. */
    WeightNormalization() {
        super(EPS);
    }

    /**
     * Wraps a layer.
     *
     * @param layer a dense layer, convolution, deconvolution, LSTM or SimpleRnn
     */
    public WeightNormalization(Layer layer) {
        this(new Builder(layer));
    }

    private WeightNormalization(Builder builder) {
        super(builder);
        validate();
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

    /** Options of {@link WeightNormalization}. */
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
        public WeightNormalization build() {
            return new WeightNormalization(this);
        }
    }
}
