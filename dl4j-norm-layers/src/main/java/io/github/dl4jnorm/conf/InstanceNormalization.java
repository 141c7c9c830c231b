// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;

/**
 * Instance normalization (Ulyanov, Vedaldi and Lempitsky 2016, arXiv 1607.08022): mean and variance of every channel of
 * every example over its positions.
 *
 * <p>With {@code trackRunningStats} running averages over the instances take their place at test time, as in PyTorch.
 * Dense input is rejected: every statistic would hold one element.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class InstanceNormalization extends RunningNormLayer {
    private static final long serialVersionUID = 1L;
    private static final RunningStatistics DEFAULT = RunningStatistics.momentum(0.1);

    private boolean trackRunningStats;

    /** Without running statistics. */
    public InstanceNormalization() {
        super(DEFAULT);
    }

    private InstanceNormalization(Builder builder) {
        super(builder, builder.getRunningStatistics());
        trackRunningStats = builder.trackRunningStats;
        finish(builder);
    }

    @Override
    public boolean tracksStatistics() {
        return trackRunningStats;
    }

    @Override
    public NormPlan plan(int rank) {
        if (rank < 3 || rank > 5) {
            return null;
        }
        return NormPlan.instance(Math.toIntExact(nOut), trackRunningStats);
    }

    @Override
    public String expectedRanks() {
        return "rank 3 to 5 (on dense input every statistic would hold one element; use LayerNormalization there)";
    }

    /** Options of {@link InstanceNormalization}. */
    @Getter
    @Setter
    public static class Builder extends RunningNormBuilder<Builder> {
        private boolean trackRunningStats;

        /** Without running statistics; if they are switched on, {@code momentum(0.1)}. */
        public Builder() {
            super(DEFAULT);
        }

        /**
         * Whether running averages replace the statistics of an instance at test time.
         *
         * @param trackRunningStats default false
         * @return this builder
         */
        public Builder trackRunningStats(boolean trackRunningStats) {
            this.trackRunningStats = trackRunningStats;
            return this;
        }

        @Override
        @SuppressWarnings("unchecked")
        public InstanceNormalization build() {
            return new InstanceNormalization(this);
        }
    }
}
