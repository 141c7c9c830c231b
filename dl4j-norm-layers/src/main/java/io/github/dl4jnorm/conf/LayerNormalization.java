// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.PositionNorm;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;

/**
 * Layer normalization (Ba, Kiros and Hinton 2016, arXiv 1607.06450): mean and variance over everything that belongs to
 * one example at one time step: C of {@code [N, C]}, C at each t of {@code [N, C, T]}, C, H and W of
 * {@code [N, C, H, W]}. With {@code perPosition} over C alone also in images and volumes, as ConvNeXt does.
 *
 * <p>gamma and beta are for each channel. A sequence handed over step by step (rnnTimeStep) gives what it gives as a
 * whole.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class LayerNormalization extends NormLayer {
    private static final long serialVersionUID = 1L;

    private boolean perPosition;

    /** Over all axes of an image. */
    public LayerNormalization() {
    }

    private LayerNormalization(Builder builder) {
        super(builder);
        perPosition = builder.perPosition;
        finish(builder);
    }

    @Override
    public NormPlan plan(int rank) {
        if (rank < 2 || rank > 5) {
            return null;
        }
        return perPosition ? NormPlan.position(PositionNorm.Kind.STANDARD) : NormPlan.layer(rank);
    }

    /** Options of {@link LayerNormalization}. */
    @Getter
    @Setter
    public static class Builder extends NormBuilder<Builder> {
        private boolean perPosition;

        /**
         * Whether statistics are over the channels of one position alone also in images and volumes.
         *
         * @param perPosition default false
         * @return this builder
         */
        public Builder perPosition(boolean perPosition) {
            this.perPosition = perPosition;
            return this;
        }

        @Override
        @SuppressWarnings("unchecked")
        public LayerNormalization build() {
            return new LayerNormalization(this);
        }
    }
}
