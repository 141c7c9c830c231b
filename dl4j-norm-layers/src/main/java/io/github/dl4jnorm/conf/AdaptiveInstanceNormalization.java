// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import lombok.EqualsAndHashCode;
import lombok.ToString;
import org.deeplearning4j.nn.conf.inputs.InputType;

/**
 * Gives each channel of the content x the mean and standard deviation that the channel has in the style s (Huang and Belongie
 * 2017, <a href="https://arxiv.org/abs/1703.06868">Adaptive Instance Normalization</a>, arXiv 1703.06868):
 *
 * <pre>
 *   y = σ(s)·(x − μ(x))/σ(x) + μ(s)     σ = √(var + eps), var biased, over the positions of an example's channel
 * </pre>
 *
 * Takes two inputs: the content {@code [N, C, …]} and the style {@code [N, C, …]}. They have the same rank and data format;
 * sizes other than N and C may differ. Masked positions of the style are ignored when computing its statistics. Gradients
 * flow into both inputs, through all four statistics.
 *
 * <pre>
 *   graph.addVertex("adain", new AdaptiveInstanceNormalization(), "content", "style")
 * </pre>
 */
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class AdaptiveInstanceNormalization extends ConditionedNorm {
    private static final long serialVersionUID = 1L;

    /** Creates a vertex with eps 1e-5. */
    public AdaptiveInstanceNormalization() {
    }

    @Override
    public NormPlan plan(int channels, int rank) {
        return rank < 3 ? null : NormPlan.instance(channels, false);
    }

    @Override
    void checkCondition(InputType type, InputTypes content) {
        if (type.getType() == InputType.Type.FF || type.getType() == InputType.Type.CNNFlat
                || InputTypes.of(type, false).channels() != content.channels()) {
            throw invalid("a sequence, image or volume with " + content.channels() + " channels as style", type.toString());
        }
    }

    @Override
    public AdaptiveInstanceNormalization clone() {
        return giveOptions(new AdaptiveInstanceNormalization());
    }

    /** Builds an {@link AdaptiveInstanceNormalization}. */
    public static class Builder extends ConditionedNorm.Builder<Builder, AdaptiveInstanceNormalization> {
        /** Creates a builder with the default options. */
        public Builder() {
            super(new AdaptiveInstanceNormalization());
        }
    }
}
