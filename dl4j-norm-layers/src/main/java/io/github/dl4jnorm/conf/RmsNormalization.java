// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.PositionNorm;
import lombok.EqualsAndHashCode;
import lombok.ToString;

/**
 * Root mean square normalization (Zhang and Sennrich 2019, arXiv 1910.07467): the C channels of each position are
 * divided by their root mean square; no mean is subtracted,
 *
 * <pre>
 *   y = act(gamma·x/√(Σ x²/C + eps) + beta)
 * </pre>
 *
 * The sum is over the channels alone, also of sequences, images and volumes. With {@code perPosition(false)} it is over all
 * axes of an image or a volume, {@code C·H·W} numbers, as PyTorch's {@code RMSNorm([C, H, W])} has it. Unless
 * {@code center(true)} is set there is no beta, as in the paper; eps is 1e-6 (as in Keras) unless set. Where all of the
 * numbers are 0, they come out as act(beta).
 */
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class RmsNormalization extends UncenteredNormLayer {
    private static final long serialVersionUID = 1L;
    private static final double EPS = 1e-6;

    /** With gamma and without beta, eps 1e-6. */
    public RmsNormalization() {
        setEps(EPS);
        setCenter(false);
    }

    private RmsNormalization(Builder builder) {
        super(builder);
    }

    @Override
    PositionNorm.Kind kind() {
        return PositionNorm.Kind.ROOT_MEAN_SQUARE;
    }

    /** Options of {@link RmsNormalization}. */
    public static class Builder extends UncenteredNormBuilder<Builder> {
        /** With gamma and without beta, eps 1e-6. */
        public Builder() {
            eps = EPS;
            center = false;
        }

        @Override
        @SuppressWarnings("unchecked")
        public RmsNormalization build() {
            return new RmsNormalization(this);
        }
    }
}
