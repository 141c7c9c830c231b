// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.Divisor;
import lombok.Data;

/**
 * Scales the channels of each position to one learned length (Nguyen and Salazar 2019,
 * <a href="https://arxiv.org/abs/1910.05895">Transformers without Tears</a>, arXiv 1910.05895):
 *
 * <pre>
 *   y = act(gamma·x/max(√(Σ x²), eps) + beta)
 * </pre>
 *
 * gamma is a single number that starts at {@code gammaInit·√C}, so that elements have a mean square of 1, as in the paper. With
 * a gammaOffset, {@code gammaOffset + gamma} starts at {@code (gammaOffset + gammaInit)·√C}. With
 * {@code perPosition(false)} the sum is over all axes of an image or volume. There is no beta unless {@code center(true)} is set.
 */
@Data
public class ScaleNormalization extends UncenteredNormLayer {
    private static final long serialVersionUID = 1L;

    /** Creates a layer with one gamma, without beta, and with eps 1e-5. */
    public ScaleNormalization() {
    }

    @Override
    Divisor divisor() {
        return Divisor.LENGTH;
    }

    @Override
    protected NormParameter gamma() {
        double offset = getGammaOffset();
        return new NormParameter(NormParameter.GAMMA, 1, (offset + getGammaInit()) * Math.sqrt(nOut) - offset);
    }

    /** Builds a {@link ScaleNormalization}. */
    public static class Builder extends UncenteredNormBuilder<Builder, ScaleNormalization> {
        /** Creates a builder with one gamma, without beta, and with eps 1e-5. */
        public Builder() {
            super(new ScaleNormalization());
        }
    }
}
