// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import lombok.EqualsAndHashCode;
import lombok.ToString;
import org.deeplearning4j.nn.conf.inputs.InputType;

/**
 * Adaptive instance normalization (Huang and Belongie 2017, arXiv 1703.06868): gives every channel of the content x the mean
 * and the standard deviation that the channel has in the style s,
 *
 * <pre>
 *   y = σ(s)·(x − μ(x))/σ(x) + μ(s)     σ = √(var + eps), var biased, over the positions of an example's channel
 * </pre>
 *
 * Inputs, in this order: content {@code [N, C, …]} and style {@code [N, C, …]}, of one rank and layout, whose sizes beyond N
 * and C may differ. Positions masked in the style do not enter its statistics. Gradients flow into both, through all four
 * statistics.
 *
 * <pre>
 *   graph.addVertex("adain", new AdaptiveInstanceNormalization(), "content", "style")
 * </pre>
 */
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class AdaptiveInstanceNormalization extends ConditionedNorm {
    private static final long serialVersionUID = 1L;

    /** With eps 1e-5. */
    public AdaptiveInstanceNormalization() {
    }

    private AdaptiveInstanceNormalization(Builder builder) {
        super(builder);
    }

    @Override
    public NormPlan plan(int channels) {
        return NormPlan.instance(channels, false);
    }

    @Override
    void checkCondition(InputType type, long contentChannels) {
        if (type.getType() == InputType.Type.FF || type.getType() == InputType.Type.CNNFlat
                || InputTypes.of(type, false).channels() != contentChannels) {
            throw invalid("a style with " + contentChannels + " channels and with positions", type.toString());
        }
    }

    @Override
    public AdaptiveInstanceNormalization clone() {
        return giveOptions(new AdaptiveInstanceNormalization());
    }

    /** Options of {@link AdaptiveInstanceNormalization}. */
    public static class Builder extends ConditionedNorm.Builder<Builder> {
        /** With the defaults. */
        public Builder() {
        }

        /** {@return the vertex} */
        public AdaptiveInstanceNormalization build() {
            return new AdaptiveInstanceNormalization(this);
        }
    }
}
