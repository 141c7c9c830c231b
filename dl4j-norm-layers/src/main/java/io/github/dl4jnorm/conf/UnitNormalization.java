// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.PositionNorm;
import lombok.EqualsAndHashCode;
import lombok.ToString;

/**
 * Normalization to unit length: the C channels of each position are divided by their Euclidean norm, as Keras's
 * {@code UnitNormalization} over the channels and PyTorch's {@code normalize} do,
 *
 * <pre>
 *   y = act(gamma·x/max(√(Σ x²), eps) + beta)
 * </pre>
 *
 * The sum is over the channels alone, also of sequences, images and volumes. With {@code perPosition(false)} it is over all
 * axes of an image or a volume, so that each example has length 1. There are no gamma and beta unless {@code scale(true)} or
 * {@code center(true)} is set; eps is 1e-12 unless set. Where the norm is at most eps, eps is a constant divisor, through
 * which no gradient flows.
 */
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class UnitNormalization extends UncenteredNormLayer {
    private static final long serialVersionUID = 1L;
    private static final double EPS = 1e-12;

    /** Without gamma and beta, eps 1e-12. */
    public UnitNormalization() {
        setEps(EPS);
        setScale(false);
        setCenter(false);
    }

    private UnitNormalization(Builder builder) {
        super(builder);
    }

    @Override
    PositionNorm.Kind kind() {
        return PositionNorm.Kind.LENGTH;
    }

    /** Options of {@link UnitNormalization}. */
    public static class Builder extends UncenteredNormBuilder<Builder> {
        /** Without gamma and beta, eps 1e-12. */
        public Builder() {
            eps = EPS;
            scale = false;
            center = false;
        }

        @Override
        @SuppressWarnings("unchecked")
        public UnitNormalization build() {
            return new UnitNormalization(this);
        }
    }
}
