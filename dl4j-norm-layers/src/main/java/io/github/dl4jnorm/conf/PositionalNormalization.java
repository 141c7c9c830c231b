// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.NormPlan;
import lombok.Data;

/**
 * Normalizes each position over its channels (PONO; Li et al. 2019, <a href="https://arxiv.org/abs/1907.04312">Positional
 * Normalization</a>, arXiv 1907.04312):
 *
 * <pre>
 *   y = act((x − mean)/√(var + eps))
 * </pre>
 *
 * Mean and deviation of each position hold the structure of an image; a {@link MomentShortcut} gives them to a later layer of a
 * decoder. There is no gamma and no beta; {@code affine(true)} adds them, which is {@link LayerNormalization} with
 * {@code perPosition(true)}.
 */
@Data
public class PositionalNormalization extends NormLayer {
    private static final long serialVersionUID = 1L;

    /** Creates a layer without gamma and beta, with eps 1e-5. */
    public PositionalNormalization() {
        setScale(false);
        setCenter(false);
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 2 || rank > 5 ? null : NormPlan.position(Divisor.DEVIATION);
    }

    /** Builds a {@link PositionalNormalization}. */
    public static class Builder extends NormBuilder<Builder, PositionalNormalization> {
        /** Creates a builder without gamma and beta, with eps 1e-5. */
        public Builder() {
            super(new PositionalNormalization());
        }
    }
}
