// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.Curve;
import lombok.Data;

/**
 * Replaces a normalization by a hyperbolic tangent of each element (DyT; Zhu et al. 2025,
 * <a href="https://arxiv.org/abs/2503.10622">Transformers without Normalization</a>, arXiv 2503.10622):
 *
 * <pre>
 *   y = act(gamma·tanh(alpha·x) + beta)
 * </pre>
 *
 * alpha is a single number that starts at {@code alphaInit}. No statistics are computed, so eps has no effect.
 */
@Data
public class DynamicTanh extends CurvedNormLayer {
    private static final long serialVersionUID = 1L;

    /** Creates a layer with alpha 0.5, gamma and beta. */
    public DynamicTanh() {
    }

    @Override
    Curve curve() {
        return Curve.TANH;
    }

    /** Builds a {@link DynamicTanh}. */
    public static class Builder extends CurvedNormBuilder<Builder, DynamicTanh> {
        /** Creates a builder with alpha 0.5, gamma and beta. */
        public Builder() {
            super(new DynamicTanh());
        }
    }
}
