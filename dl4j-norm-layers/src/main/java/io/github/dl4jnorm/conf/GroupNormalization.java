// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;

/**
 * Group normalization (Wu and He 2018, arXiv 1803.08494): mean and variance over the channels of a group and all
 * positions of one example, so an example's output depends on that example alone, whatever the size of the batch.
 *
 * <p>Dense input has one position: the statistics are over the C/groups values of a group. One group is
 * {@link LayerNormalization} over the whole example, as many groups as channels are {@link InstanceNormalization}.
 * With {@code epsOutside} eps is added to the deviation; this is not for dense input.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class GroupNormalization extends NormLayer {
    private static final long serialVersionUID = 1L;

    /** Number of groups. */
    private int groups = 32;
    /** Channels of a group, or 0 if {@link #groups} says how many groups there are. */
    private int groupSize;
    /** Whether eps is added to the deviation instead of the variance. */
    private boolean epsOutside;

    /** With 32 groups. */
    public GroupNormalization() {
    }

    private GroupNormalization(Builder builder) {
        super(builder);
        groups = builder.groups;
        groupSize = builder.groupSize;
        epsOutside = builder.epsOutside;
        finish(builder);
    }

    @Override
    public NormPlan plan(int rank) {
        if (rank < (epsOutside ? 3 : 2) || rank > 5) {
            return null;
        }
        int count = groupSize > 0 ? Math.toIntExact(nOut / groupSize) : groups;
        return epsOutside ? NormPlan.channelGroups(count).epsOutside() : NormPlan.group(count, rank);
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
            throw invalid("groupSize >= 1, or 0 for a number of groups", "groupSize " + groupSize);
        }
        if (getNOut() > 0) {
            validateChannels();
        }
    }

    @Override
    protected void validateChannels() {
        super.validateChannels();
        if (groupSize > 0 && nOut % groupSize != 0) {
            throw invalid("a number of channels that groups of " + groupSize + " divide", nOut + " channels");
        }
        if (groupSize == 0 && nOut % groups != 0) {
            throw invalid("a number of channels that " + groups + " groups divide", nOut + " channels");
        }
    }

    /** Options of {@link GroupNormalization}. */
    @Getter
    @Setter
    public static class Builder extends NormBuilder<Builder> {
        private int groups = 32;
        private int groupSize;
        private boolean epsOutside;

        /** With 32 groups. */
        public Builder() {
        }

        /**
         * With a number of groups.
         *
         * @param groups number of groups, a divisor of the number of channels
         */
        public Builder(int groups) {
            this.groups = groups;
        }

        /**
         * Number of groups, in place of a {@link #groupSize(int)} set before.
         *
         * @param groups a divisor of the number of channels; default 32
         * @return this builder
         */
        public Builder groups(int groups) {
            this.groups = groups;
            groupSize = 0;
            return this;
        }

        /**
         * Channels of a group, however many groups that makes; in place of a number of groups.
         *
         * @param groupSize a divisor of the number of channels
         * @return this builder
         */
        public Builder groupSize(int groupSize) {
            this.groupSize = groupSize;
            return this;
        }

        /**
         * Whether eps is added to the deviation, {@code (x − mean)/(√var + eps)}, instead of to the variance.
         *
         * @param epsOutside default false; not for dense input
         * @return this builder
         */
        public Builder epsOutside(boolean epsOutside) {
            this.epsOutside = epsOutside;
            return this;
        }

        @Override
        @SuppressWarnings("unchecked")
        public GroupNormalization build() {
            return new GroupNormalization(this);
        }
    }
}
