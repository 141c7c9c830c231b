// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.NormPlan;
import lombok.Data;

/**
 * Subtracts the mean of each channel over the examples and positions of the batch, and the running mean at test time (Salimans
 * and Kingma 2016, <a href="https://arxiv.org/abs/1602.07868">Weight Normalization</a>, arXiv 1602.07868, section 4):
 *
 * <pre>
 *   y = act(x − mean + beta)
 * </pre>
 *
 * Nothing is divided, so eps has no effect: the scale is left to the preceding layer, best one with {@link WeightNormalization}.
 * {@code scale(true)} adds gamma.
 */
@Data
public class MeanOnlyBatchNormalization extends RunningNormLayer {
    private static final long serialVersionUID = 1L;

    /** Whether statistics are computed over all workers that train together. */
    private boolean synchronize;

    /** Creates a layer with beta, without gamma, and with {@code RunningStatistics.momentum(0.1)}. */
    public MeanOnlyBatchNormalization() {
        super(RunningStatistics.momentum(0.1));
        setScale(false);
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 2 || rank > 5 ? null : NormPlan.batch().by(Divisor.NOTHING);
    }

    /** Builds a {@link MeanOnlyBatchNormalization}. */
    public static class Builder extends BatchStatisticsBuilder<Builder, MeanOnlyBatchNormalization> {
        /** Creates a builder with beta, without gamma. */
        public Builder() {
            super(new MeanOnlyBatchNormalization());
        }
    }
}
