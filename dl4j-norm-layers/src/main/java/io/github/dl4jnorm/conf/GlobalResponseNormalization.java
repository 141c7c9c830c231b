// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import lombok.EqualsAndHashCode;
import lombok.ToString;

/**
 * Global response normalization (Woo et al. 2023, arXiv 2301.00808), which makes the channels of an example compete,
 *
 * <pre>
 *   G = √(Σ x²) over the positions     n = G/(mean of G over the channels + eps)     y = act(x + gamma·x·n + beta)
 * </pre>
 *
 * gamma and beta start at 0, so that the layer starts as the identity; eps is 1e-6 unless set.
 */
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class GlobalResponseNormalization extends NormLayer {
    private static final long serialVersionUID = 1L;
    private static final double EPS = 1e-6;

    /** With gamma and beta 0, eps 1e-6. */
    public GlobalResponseNormalization() {
        setEps(EPS);
        setGammaInit(0);
    }

    private GlobalResponseNormalization(Builder builder) {
        super(builder);
        finish(builder);
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 3 || rank > 5 ? null : NormPlan.globalResponse();
    }

    @Override
    public String expectedRanks() {
        return "rank 3 to 5 (on dense input every norm would be that of one element)";
    }

    /** Options of {@link GlobalResponseNormalization}. */
    public static class Builder extends NormBuilder<Builder> {
        /** With gamma and beta 0, eps 1e-6. */
        public Builder() {
            eps = EPS;
            gammaInit = 0;
        }

        @Override
        @SuppressWarnings("unchecked")
        public GlobalResponseNormalization build() {
            return new GlobalResponseNormalization(this);
        }
    }
}
