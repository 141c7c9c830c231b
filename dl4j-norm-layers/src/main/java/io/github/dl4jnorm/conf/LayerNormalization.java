// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Divisor;
import lombok.Data;
import org.deeplearning4j.nn.conf.inputs.InputType;

/**
 * Normalizes each example with its mean and variance at each timestep (Ba, Kiros and Hinton 2016,
 * <a href="https://arxiv.org/abs/1607.06450">Layer Normalization</a>, arXiv 1607.06450). The statistics are computed over
 * C for {@code [N, C]}, over C at each t for {@code [N, C, T]}, and over C, H and W for {@code [N, C, H, W]}. With
 * {@code perPosition} they are computed over C only, also for images and volumes, as in ConvNeXt.
 *
 * <p>gamma and beta have one element per channel, or with {@code elementwiseAffine} one per element of {@code [C, H, W]}.
 * Feeding a sequence one timestep at a time ({@code rnnTimeStep}) gives the same output as feeding it at once.
 */
@Data
public class LayerNormalization extends NormLayer {
    private static final long serialVersionUID = 1L;

    /** Whether each position of an image or volume is normalized separately, over its channels. */
    private boolean perPosition;
    /** Whether gamma and beta have one element per element of an image instead of one per channel. */
    private boolean elementwiseAffine;
    /**
     * Number of positions of an image or volume, from the input type; with elementwise gamma, the number of gammas per
     * channel.
     */
    private long positions;

    /** Creates a layer that normalizes images over all their axes. */
    public LayerNormalization() {
    }

    @Override
    public NormPlan plan(int rank) {
        if (rank < 2 || rank > 5) {
            return null;
        }
        if (elementwiseAffine && positions > 0) {
            return rank > 3 ? NormPlan.elements() : null;
        }
        return perPosition ? NormPlan.position(Divisor.DEVIATION) : NormPlan.layer(rank);
    }

    @Override
    public String expectedRanks() {
        return elementwiseAffine && positions > 0 ? "rank 4 or 5 (the input type is an image or volume)" : super.expectedRanks();
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

    /** Builds a {@link LayerNormalization}. */
    public static class Builder extends NormBuilder<Builder, LayerNormalization> {
        /** Creates a builder with the default options. */
        public Builder() {
            super(new LayerNormalization());
        }

        /**
         * Sets whether each position of an image or volume is normalized separately, over its channels.
         *
         * @param perPosition default false
         * @return this builder
         */
        public Builder perPosition(boolean perPosition) {
            layer.perPosition = perPosition;
            return this;
        }

        /**
         * Sets whether gamma and beta of images and volumes have one element per input element instead of one per
         * channel, as in PyTorch: C·H·W elements in the order of the input. Requires an input type; the layer then
         * accepts only that input size.
         *
         * @param elementwiseAffine default false
         * @return this builder
         */
        public Builder elementwiseAffine(boolean elementwiseAffine) {
            layer.elementwiseAffine = elementwiseAffine;
            return this;
        }
    }
}
