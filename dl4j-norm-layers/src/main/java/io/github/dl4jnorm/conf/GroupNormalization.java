// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.NormPlan;
import lombok.Data;

/**
 * Normalizes each group of channels with its mean and variance over the group's channels and all positions of an example
 * (Wu and He 2018, <a href="https://arxiv.org/abs/1803.08494">Group Normalization</a>, arXiv 1803.08494). The output of
 * an example does not depend on the rest of the batch or on the batch size.
 *
 * <p>For dense input the statistics are computed over the C/groups values of a group. With one group the layer equals
 * {@link LayerNormalization} over the whole example; with one group per channel it equals {@link InstanceNormalization}.
 * With {@code epsOutside} eps is added to the standard deviation; dense input is then rejected.
 */
@Data
public class GroupNormalization extends NormLayer {
    private static final long serialVersionUID = 1L;

    /** Number of groups the channels are split into. */
    private int groups = 32;
    /** Number of channels per group, or 0 to use {@link #groups}. */
    private int groupSize;
    /** Whether eps is added to the standard deviation instead of the variance. */
    private boolean epsOutside;

    /** Creates a layer with 32 groups. */
    public GroupNormalization() {
    }

    @Override
    public NormPlan plan(int rank) {
        if (rank < (epsOutside ? 3 : 2) || rank > 5) {
            return null;
        }
        int count = groupSize > 0 ? Math.toIntExact(nOut / groupSize) : groups;
        return epsOutside ? NormPlan.channelGroups(count).by(Divisor.DEVIATION_PLUS_EPS) : NormPlan.group(count, rank);
    }

    @Override
    public String expectedRanks() {
        return epsOutside ? "rank 3 to 5 with epsOutside" : super.expectedRanks();
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        if (groups < 1) {
            throw invalid("groups >= 1", "groups " + groups);
        }
        if (groupSize < 0) {
            throw invalid("groupSize >= 1, or 0 to set the number of groups", "groupSize " + groupSize);
        }
        if (getNOut() > 0) {
            validateChannels();
        }
    }

    @Override
    protected void validateChannels() {
        super.validateChannels();
        if (groupSize > 0 && nOut % groupSize != 0) {
            throw invalid("a number of channels divisible by groupSize = " + groupSize, nOut + " channels");
        }
        if (groupSize == 0 && nOut % groups != 0) {
            throw invalid("a number of channels divisible by groups = " + groups, nOut + " channels");
        }
    }

    /** Builds a {@link GroupNormalization}. */
    public static class Builder extends NormBuilder<Builder, GroupNormalization> {
        /** Creates a builder with 32 groups. */
        public Builder() {
            super(new GroupNormalization());
        }

        /**
         * Creates a builder with the given number of groups.
         *
         * @param groups number of groups; must divide the number of channels
         */
        public Builder(int groups) {
            this();
            layer.groups = groups;
        }

        /**
         * Sets the number of groups. Replaces a {@link #groupSize(int)} set before.
         *
         * @param groups must divide the number of channels; default 32
         * @return this builder
         */
        public Builder groups(int groups) {
            layer.groups = groups;
            layer.groupSize = 0;
            return this;
        }

        /**
         * Sets the number of channels per group. Replaces a number of groups set before.
         *
         * @param groupSize must divide the number of channels
         * @return this builder
         */
        public Builder groupSize(int groupSize) {
            layer.groupSize = groupSize;
            return this;
        }

        /**
         * Sets whether eps is added to the standard deviation, {@code (x − mean)/(√var + eps)}, instead of the variance.
         *
         * @param epsOutside default false; true is not supported for dense input
         * @return this builder
         */
        public Builder epsOutside(boolean epsOutside) {
            layer.epsOutside = epsOutside;
            return this;
        }
    }
}
