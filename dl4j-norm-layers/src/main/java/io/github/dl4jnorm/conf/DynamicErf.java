// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.Curve;
import java.util.List;
import lombok.Data;

/**
 * Replaces a normalization by the error function of each element (Derf; Chen et al. 2025,
 * <a href="https://arxiv.org/abs/2512.10938">Stronger Normalization-Free Transformers</a>, arXiv 2512.10938):
 *
 * <pre>
 *   y = act(gamma·erf(alpha·x + shift) + beta)
 * </pre>
 *
 * alpha and shift are single numbers that start at {@code alphaInit} and {@code shiftInit}. No statistics are computed, so eps
 * has no effect.
 */
@Data
public class DynamicErf extends CurvedNormLayer {
    private static final long serialVersionUID = 1L;

    /** Initial value of shift. */
    private double shiftInit;

    /** Creates a layer with alpha 0.5, shift 0, gamma and beta. */
    public DynamicErf() {
    }

    @Override
    Curve curve() {
        return Curve.ERF;
    }

    @Override
    public List<NormParameter> parameters() {
        List<NormParameter> parameters = super.parameters();
        parameters.add(new NormParameter(NormParameter.SHIFT, 1, shiftInit));
        return parameters;
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        if (!Double.isFinite(shiftInit)) {
            throw invalid("a finite shiftInit", "shiftInit " + shiftInit);
        }
    }

    /** Builds a {@link DynamicErf}. */
    public static class Builder extends CurvedNormBuilder<Builder, DynamicErf> {
        /** Creates a builder with alpha 0.5, shift 0, gamma and beta. */
        public Builder() {
            super(new DynamicErf());
        }

        /**
         * Sets the initial value of shift, which is added to alpha·x.
         *
         * @param shiftInit default 0
         * @return this builder
         */
        public Builder shiftInit(double shiftInit) {
            layer.shiftInit = shiftInit;
            return this;
        }
    }
}
