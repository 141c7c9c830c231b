// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.NormPlan;
import lombok.Data;

/**
 * Normalizes each channel of each example with its mean and variance over the positions (Ulyanov, Vedaldi and Lempitsky
 * 2016, <a href="https://arxiv.org/abs/1607.08022">Instance Normalization</a>, arXiv 1607.08022).
 *
 * <p>With {@code trackRunningStats} running averages over the instances are used at test time, as in PyTorch. With
 * {@code epsOutside} eps is added to the standard deviation, as in keras-contrib. Dense input is rejected, because each
 * statistic would cover a single element.
 */
@Data
public class InstanceNormalization extends RunningNormLayer {
    private static final long serialVersionUID = 1L;

    /** Whether running statistics are tracked and used at test time. */
    private boolean trackRunningStats;
    /** Whether eps is added to the standard deviation instead of the variance. */
    private boolean epsOutside;

    /** Creates a layer without running statistics. */
    public InstanceNormalization() {
        super(RunningStatistics.momentum(0.1));
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
        NormPlan.Channels plan = NormPlan.instance(Math.toIntExact(nOut), trackRunningStats);
        return epsOutside ? plan.by(Divisor.DEVIATION_PLUS_EPS) : plan;
    }

    @Override
    public String expectedRanks() {
        return "rank 3 to 5 (on dense input, each statistic would cover a single element; use LayerNormalization)";
    }

    /** Builds an {@link InstanceNormalization}. */
    public static class Builder extends RunningNormBuilder<Builder, InstanceNormalization> {
        /**
         * Creates a builder without running statistics. If they are turned on, the default is
         * {@code RunningStatistics.momentum(0.1)}.
         */
        public Builder() {
            super(new InstanceNormalization());
        }

        /**
         * Sets whether running statistics are tracked and used at test time instead of those of the instance.
         *
         * @param trackRunningStats default false
         * @return this builder
         */
        public Builder trackRunningStats(boolean trackRunningStats) {
            layer.trackRunningStats = trackRunningStats;
            return this;
        }

        /**
         * Sets whether eps is added to the standard deviation, {@code (x − mean)/(√var + eps)}, instead of the variance.
         *
         * @param epsOutside default false
         * @return this builder
         */
        public Builder epsOutside(boolean epsOutside) {
            layer.epsOutside = epsOutside;
            return this;
        }
    }
}
