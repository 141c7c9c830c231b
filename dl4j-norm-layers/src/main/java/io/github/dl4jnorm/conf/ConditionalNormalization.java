// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;
import org.deeplearning4j.nn.conf.inputs.InputType;

/**
 * Normalizes each channel with gamma and beta taken from a vector v, such as the output of a dense layer that sees a label or
 * a style:
 *
 * <pre>
 *   y = (gammaOffset + v[n, c])·(x − mean)/√(var + eps) + v[n, C + c]
 * </pre>
 *
 * By default this is conditional instance normalization (Dumoulin, Shlens and Kudlur 2017,
 * <a href="https://arxiv.org/abs/1610.07629">A Learned Representation For Artistic Style</a>, arXiv 1610.07629). With
 * {@code groups} it is adaptive group normalization (Dhariwal and Nichol 2021,
 * <a href="https://arxiv.org/abs/2105.05233">Diffusion Models Beat GANs</a>, arXiv 2105.05233).
 *
 * <p>Takes two inputs: the content {@code [N, C, …]} and the vectors {@code [N, 2C]}, which hold gamma of all channels
 * followed by beta of all channels. With {@code gammaOffset(1)} and v = 0 the vertex is the unconditional norm. This suits a
 * preceding layer whose output starts near 0. Gradients flow into both inputs.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class ConditionalNormalization extends ConditionedNorm {
    private static final long serialVersionUID = 1L;

    /** Number of groups, or 0 to normalize each channel separately. */
    private int groups;
    /** Value added to the first half of the vector to give gamma. */
    private double gammaOffset;

    /** Creates a conditional instance normalization with gammaOffset 0. */
    public ConditionalNormalization() {
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        if (groups < 0) {
            throw invalid("groups >= 0", "groups " + groups);
        }
        if (!Double.isFinite(gammaOffset)) {
            throw invalid("a finite gammaOffset", "gammaOffset " + gammaOffset);
        }
    }

    @Override
    public NormPlan plan(int channels) {
        if (groups == 0) {
            return NormPlan.instance(channels, false);
        }
        return channels % groups == 0 ? NormPlan.group(groups, 3) : null;
    }

    @Override
    public String expectedContent() {
        return super.expectedContent() + (groups == 0 ? "" : " with a number of channels divisible by groups = " + groups);
    }

    @Override
    void checkCondition(InputType type, long contentChannels) {
        InputTypes vectors = InputTypes.of(type, false);
        if (vectors.rank() != 2 || vectors.channels() != 2 * contentChannels) {
            throw invalid("vectors of size " + 2 * contentChannels + " (gamma and beta for " + contentChannels + " channels)",
                    type.toString());
        }
    }

    @Override
    public ConditionalNormalization clone() {
        ConditionalNormalization copy = giveOptions(new ConditionalNormalization());
        copy.setGroups(groups);
        copy.setGammaOffset(gammaOffset);
        return copy;
    }

    /** Builds a {@link ConditionalNormalization}. */
    public static class Builder extends ConditionedNorm.Builder<Builder, ConditionalNormalization> {
        /** Creates a builder with the default options. */
        public Builder() {
            super(new ConditionalNormalization());
        }

        /**
         * Sets the number of channel groups that share statistics.
         *
         * @param groups must divide C; 1 normalizes over all channels of an example; default 0, each channel separately
         * @return this builder
         */
        public Builder groups(int groups) {
            vertex.groups = groups;
            return this;
        }

        /**
         * Sets the value added to the first half of the vector to give gamma.
         *
         * @param gammaOffset default 0
         * @return this builder
         */
        public Builder gammaOffset(double gammaOffset) {
            vertex.gammaOffset = gammaOffset;
            return this;
        }
    }
}
