// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import lombok.Data;

/**
 * Multiplies each channel by a learned gamma that starts close to 0, so that a residual branch begins as almost nothing (Touvron
 * et al. 2021, <a href="https://arxiv.org/abs/2103.17239">Going deeper with Image Transformers</a>, arXiv 2103.17239):
 *
 * <pre>
 *   y = act(gamma·x)
 * </pre>
 *
 * gamma starts at {@code gammaInit}, 1e-6 as in ConvNeXt. Nothing is normalized, so eps has no effect. {@code center(true)} adds
 * beta.
 */
@Data
public class LayerScale extends NormLayer {
    private static final long serialVersionUID = 1L;
    private static final double START = 1e-6;

    /** Creates a layer with gamma 1e-6 and without beta. */
    public LayerScale() {
        setGammaInit(START);
        setCenter(false);
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 2 || rank > 5 ? null : NormPlan.affine();
    }

    /** Has the name that PyTorch's implementations give it. */
    @Override
    protected NormParameter gamma() {
        return super.gamma().named(NormParameter.GAMMA);
    }

    /** Builds a {@link LayerScale}. */
    public static class Builder extends NormBuilder<Builder, LayerScale> {
        /** Creates a builder with gamma 1e-6 and without beta. */
        public Builder() {
            super(new LayerScale());
        }
    }
}
