// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import lombok.Data;

/**
 * Scales each channel of an example by its norm relative to the mean norm of all channels, so that channels compete (Woo
 * et al. 2023, <a href="https://arxiv.org/abs/2301.00808">ConvNeXt V2</a>, arXiv 2301.00808):
 *
 * <pre>
 *   G = √(Σ x²) over the positions     n = G/(mean of G over the channels + eps)     y = act(x + gamma·x·n + beta)
 * </pre>
 *
 * gamma and beta start at 0, so the layer starts as the identity. The default eps is 1e-6.
 */
@Data
public class GlobalResponseNormalization extends NormLayer {
    private static final long serialVersionUID = 1L;

    /** Creates a layer with gamma 0, beta 0 and eps 1e-6. */
    public GlobalResponseNormalization() {
        setEps(1e-6);
        setGammaInit(0);
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 3 || rank > 5 ? null : NormPlan.globalResponse();
    }

    @Override
    public String expectedRanks() {
        return "rank 3 to 5 (on dense input, each norm would cover a single element)";
    }

    /** Builds a {@link GlobalResponseNormalization}. */
    public static class Builder extends NormBuilder<Builder, GlobalResponseNormalization> {
        /** Creates a builder with gamma 0, beta 0 and eps 1e-6. */
        public Builder() {
            super(new GlobalResponseNormalization());
        }
    }
}
