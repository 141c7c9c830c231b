// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import java.util.List;
import lombok.Data;

/**
 * Divides each element by the larger of its channel's standard deviation over the batch and a linear function of itself (Liu et
 * al. 2020, <a href="https://arxiv.org/abs/2004.02967">Evolving Normalization-Activation Layers</a>, arXiv 2004.02967):
 *
 * <pre>
 *   y = gamma·x/max(√(var of the batch + eps), v·x + √(var of the instance + eps)) + beta
 * </pre>
 *
 * The variance of the instance is over the positions of a channel of an example. No mean is subtracted. v is learned for each
 * channel and starts at 1. At test time a running variance takes the place of that of the batch. The layer replaces a norm and
 * the activation behind it; an activation, if set, is applied last.
 */
@Data
public class EvoNormB0 extends RunningNormLayer {
    private static final long serialVersionUID = 1L;

    /** Whether statistics of the batch are computed over all workers that train together. */
    private boolean synchronize;

    /** Creates a layer with {@code RunningStatistics.momentum(0.1)}. */
    public EvoNormB0() {
        super(RunningStatistics.momentum(0.1));
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 3 || rank > 5 ? null : new NormPlan.LargerDeviation();
    }

    @Override
    public String expectedRanks() {
        return "rank 3 to 5 (on dense input, the variance of an instance would cover a single element)";
    }

    @Override
    protected boolean tracksMean() {
        return false;
    }

    @Override
    protected void addBeforeStatistics(List<NormParameter> parameters) {
        parameters.add(new NormParameter(NormParameter.V, nOut, 1));
    }

    /** Builds an {@link EvoNormB0}. */
    public static class Builder extends BatchStatisticsBuilder<Builder, EvoNormB0> {
        /** Creates a builder with {@code RunningStatistics.momentum(0.1)}. */
        public Builder() {
            super(new EvoNormB0());
        }
    }
}
