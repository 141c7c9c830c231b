// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.pass.OrthogonalWeight;
import io.github.dl4jnorm.pass.WeightPass;
import java.util.List;
import lombok.EqualsAndHashCode;
import lombok.ToString;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Keeps the weights of a layer orthogonal by Householder reflections, so that it changes no lengths (Mhammedi et al. 2017,
 * <a href="https://arxiv.org/abs/1612.00188">arXiv 1612.00188</a>; {@code torch.nn.utils.parametrizations.orthogonal}):
 *
 * <pre>
 *   W = H₁·H₂·…·Hₖ·[I; 0]     H = I − 2·v·vᵀ/‖v‖²     Wᵀ·W = I
 * </pre>
 *
 * The weight is a matrix of output units and their inputs. With more inputs than units its rows are orthonormal, else its
 * columns. The vectors v are the columns of an array of the same shape, stored under the weight's own key, from the diagonal on;
 * the other elements have no effect. The cost of a step grows with the longer side times the square of the shorter one.
 */
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class OrthogonalParametrization extends Reparameterization {
    private static final long serialVersionUID = 1L;

    /** Used by JSON and {@link NormFactory}. */
    OrthogonalParametrization() {
        super(1e-12);
    }

    /**
     * Wraps a layer with the default options.
     *
     * @param layer the layer whose weights are computed
     */
    public OrthogonalParametrization(Layer layer) {
        this();
        wrap(layer);
    }

    @Override
    public List<WeightParameter> parameters(WeightShape weight) {
        return List.of();
    }

    @Override
    public WeightPass pass(WeightShape weight, List<INDArray> parameters) {
        return new OrthogonalWeight(getEps());
    }

    /** Builds an {@link OrthogonalParametrization}. */
    public static class Builder extends Reparameterization.Builder<Builder, OrthogonalParametrization> {
        /**
         * Creates a builder that wraps a layer.
         *
         * @param layer the layer whose weights are computed
         */
        public Builder(Layer layer) {
            super(new OrthogonalParametrization(), layer);
        }
    }
}
