// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.PositionNorm;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;
import org.deeplearning4j.nn.conf.inputs.InputType;

/**
 * Layer normalization (Ba, Kiros and Hinton 2016, arXiv 1607.06450): mean and variance over everything that belongs to
 * one example at one time step: C of {@code [N, C]}, C at each t of {@code [N, C, T]}, C, H and W of
 * {@code [N, C, H, W]}. With {@code perPosition} over C alone also in images and volumes, as ConvNeXt does.
 *
 * <p>gamma and beta are for each channel, or with {@code elementwiseAffine} for each element of {@code [C, H, W]}. A
 * sequence handed over step by step (rnnTimeStep) gives what it gives as a whole.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class LayerNormalization extends NormLayer {
    private static final long serialVersionUID = 1L;

    /** Whether each position has a mean and variance of its own. */
    private boolean perPosition;
    /** Whether each element of an image has a gamma and a beta of its own. */
    private boolean elementwiseAffine;
    /** S of images and volumes, as the input type says: so many gammas has a channel if they are elementwise. */
    private long positions;

    /** Over all axes of an image. */
    public LayerNormalization() {
    }

    private LayerNormalization(Builder builder) {
        super(builder);
        perPosition = builder.perPosition;
        elementwiseAffine = builder.elementwiseAffine;
        finish(builder);
    }

    @Override
    public NormPlan plan(int rank) {
        if (rank < 2 || rank > 5) {
            return null;
        }
        if (elementwiseAffine && positions > 0) {
            return rank > 3 ? NormPlan.elements() : null;
        }
        return perPosition ? NormPlan.position(PositionNorm.Kind.STANDARD) : NormPlan.layer(rank);
    }

    @Override
    public String expectedRanks() {
        return elementwiseAffine && positions > 0 ? "an image or a volume, as the input type says" : super.expectedRanks();
    }

    @Override
    public long affineLength() {
        return elementwiseAffine ? nOut * Math.max(1, positions) : nOut;
    }

    @Override
    public void setNIn(InputType inputType, boolean override) {
        super.setNIn(inputType, override);
        InputTypes type = types(inputType);
        positions = elementwiseAffine && type.rank() > 3 ? inputType.arrayElementsPerExample() / type.channels() : 0;
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        if (elementwiseAffine && perPosition) {
            throw invalid("either perPosition or elementwiseAffine", "both");
        }
    }

    /** Options of {@link LayerNormalization}. */
    @Getter
    @Setter
    public static class Builder extends NormBuilder<Builder> {
        private boolean perPosition;
        private boolean elementwiseAffine;

        /** With the defaults. */
        public Builder() {
        }

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

        /**
         * Whether gamma and beta of images and volumes are for each element instead of each channel (as in PyTorch):
         * C·H·W of them, in the order of the input. Needs an input type, which then is the only size of input there is.
         *
         * @param elementwiseAffine default false
         * @return this builder
         */
        public Builder elementwiseAffine(boolean elementwiseAffine) {
            this.elementwiseAffine = elementwiseAffine;
            return this;
        }

        @Override
        @SuppressWarnings("unchecked")
        public LayerNormalization build() {
            return new LayerNormalization(this);
        }
    }
}
