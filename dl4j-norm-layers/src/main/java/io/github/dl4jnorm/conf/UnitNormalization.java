// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
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
 * The sum is over the channels alone, also of sequences, images and volumes. There are no gamma and beta unless
 * {@code scale(true)} or {@code center(true)} is set; eps is 1e-12 unless set. Where the norm is below eps, eps is a
 * constant divisor, through which no gradient flows.
 */
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class UnitNormalization extends NormLayer {
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
        finish(builder);
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 2 || rank > 5 ? null : NormPlan.position(PositionNorm.Kind.LENGTH);
    }

    /** Options of {@link UnitNormalization}. */
    public static class Builder extends NormBuilder<Builder> {
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
