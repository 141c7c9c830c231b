// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import java.util.List;
import lombok.Data;

/**
 * Applies a gate to each element and divides by the standard deviation of a group of channels of the example (Liu et al. 2020,
 * <a href="https://arxiv.org/abs/2004.02967">Evolving Normalization-Activation Layers</a>, arXiv 2004.02967):
 *
 * <pre>
 *   y = gamma·x·sigmoid(v·x)/√(var + eps) + beta
 * </pre>
 *
 * The variance is over the group's channels and all positions; no mean is subtracted. v is learned for each channel and starts at
 * 1. The layer replaces a norm and the activation behind it; an activation, if set, is applied last.
 */
@Data
public class EvoNormS0 extends NormLayer {
    private static final long serialVersionUID = 1L;

    /** Number of groups the channels are split into. */
    private int groups = 32;

    /** Creates a layer with 32 groups. */
    public EvoNormS0() {
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 2 || rank > 5 ? null : new NormPlan.Gated(groups);
    }

    @Override
    public List<NormParameter> parameters() {
        List<NormParameter> parameters = super.parameters();
        parameters.add(new NormParameter(NormParameter.V, nOut, 1));
        return parameters;
    }

    /** Returns false: the gate takes the place of the ReLU. */
    @Override
    public boolean fusesRelu() {
        return false;
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        if (groups < 1 || nOut > 0 && nOut % groups != 0) {
            throw invalid("groups >= 1 that divide the number of channels", "groups " + groups + " and " + nOut + " channels");
        }
    }

    @Override
    protected void validateChannels() {
        super.validateChannels();
        validateOptions();
    }

    /** Builds an {@link EvoNormS0}. */
    public static class Builder extends NormBuilder<Builder, EvoNormS0> {
        /** Creates a builder with 32 groups. */
        public Builder() {
            super(new EvoNormS0());
        }

        /**
         * Creates a builder with the given number of groups.
         *
         * @param groups number of groups; must divide the number of channels
         */
        public Builder(int groups) {
            this();
            groups(groups);
        }

        /**
         * Sets the number of groups.
         *
         * @param groups must divide the number of channels; default 32
         * @return this builder
         */
        public Builder groups(int groups) {
            layer.groups = groups;
            return this;
        }
    }
}
