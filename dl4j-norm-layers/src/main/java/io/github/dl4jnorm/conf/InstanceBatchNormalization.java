// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import lombok.Data;

/**
 * Applies instance normalization to the first half of the channels and batch normalization to the others (IBN-a; Pan et al. 2018,
 * <a href="https://arxiv.org/abs/1807.09441">Two at Once</a>, arXiv 1807.09441): removes the style of an image from some features
 * and keeps it in others.
 *
 * <pre>
 *   y = act(gamma·(x − mean)/√(var + eps) + beta)
 * </pre>
 *
 * The first ⌊C/2⌋ channels use mean and variance of each example, the others those of the batch, and running statistics at test
 * time. Running statistics have an entry for every channel; those of the first half are tracked, but not used.
 */
@Data
public class InstanceBatchNormalization extends RunningNormLayer {
    private static final long serialVersionUID = 1L;

    /** Whether statistics of the batch are computed over all workers that train together. */
    private boolean synchronize;

    /** Creates a layer with {@code RunningStatistics.momentum(0.1)}. */
    public InstanceBatchNormalization() {
        super(RunningStatistics.momentum(0.1));
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 3 || rank > 5 ? null : new NormPlan.InstanceAndBatch(Math.toIntExact(nOut / 2));
    }

    @Override
    public String expectedRanks() {
        return "rank 3 to 5 (on dense input, each statistic of an instance would cover a single element)";
    }

    @Override
    protected void validateChannels() {
        super.validateChannels();
        if (nOut < 2) {
            throw invalid("at least two channels, one for each half", nOut + " channels");
        }
    }

    /** Builds an {@link InstanceBatchNormalization}. */
    public static class Builder extends BatchStatisticsBuilder<Builder, InstanceBatchNormalization> {
        /** Creates a builder with {@code RunningStatistics.momentum(0.1)}. */
        public Builder() {
            super(new InstanceBatchNormalization());
        }
    }
}
