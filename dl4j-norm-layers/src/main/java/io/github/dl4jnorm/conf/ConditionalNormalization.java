// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.inputs.InputType;

/**
 * Conditional instance normalization (Dumoulin, Shlens and Kudlur 2017, arXiv 1610.07629) and, with {@code groups}, its
 * sibling by groups of channels (Dhariwal and Nichol 2021, arXiv 2105.05233): gamma and beta come from a vector v, such as
 * the output of a dense layer that sees a label or a style,
 *
 * <pre>
 *   y = (gammaOffset + v[n, c])·(x − mean)/√(var + eps) + v[n, C + c]
 * </pre>
 *
 * Inputs, in this order: content {@code [N, C, …]} and vectors {@code [N, 2C]}, first gamma of every channel, then beta of
 * every channel. With {@code gammaOffset(1)} the vertex is the plain norm where v is 0, which suits a layer in front of it
 * that starts near 0. Gradients flow into both inputs.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class ConditionalNormalization extends ConditionedNorm {
    private static final long serialVersionUID = 1L;

    /** Number of groups, or 0: each channel by itself. */
    private int groups;
    /** Added to the first half of the vector to give gamma. */
    private double gammaOffset;

    /** Of instances, with gamma as it stands in the vector. */
    public ConditionalNormalization() {
    }

    private ConditionalNormalization(Builder builder) {
        super(builder);
        groups = builder.groups;
        gammaOffset = builder.gammaOffset;
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
        return super.expectedContent() + (groups == 0 ? "" : " with channels that " + groups + " groups divide");
    }

    @Override
    void checkCondition(InputType type, long contentChannels) {
        if (type.getType() != InputType.Type.FF
                || ((InputType.InputTypeFeedForward) type).getSize() != 2 * contentChannels) {
            throw invalid("vectors of " + 2 * contentChannels + " numbers, gamma and beta of " + contentChannels + " channels",
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

    /** Options of {@link ConditionalNormalization}. */
    @Getter
    @Setter
    public static class Builder extends ConditionedNorm.Builder<Builder> {
        private int groups;
        private double gammaOffset;

        /** With the defaults. */
        public Builder() {
        }

        /**
         * Groups of channels that share statistics.
         *
         * @param groups a divisor of C; 1 for all channels of an example; default 0, for each channel alone
         * @return this builder
         */
        public Builder groups(int groups) {
            this.groups = groups;
            return this;
        }

        /**
         * What is added to the first half of the vector to give gamma.
         *
         * @param gammaOffset default 0
         * @return this builder
         */
        public Builder gammaOffset(double gammaOffset) {
            this.gammaOffset = gammaOffset;
            return this;
        }

        /**
         * The vertex.
         *
         * @return the vertex
         * @throws DL4JInvalidConfigException if an option is out of range
         */
        public ConditionalNormalization build() {
            return new ConditionalNormalization(this);
        }
    }
}
