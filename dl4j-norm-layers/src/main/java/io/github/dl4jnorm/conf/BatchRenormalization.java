// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Renorm;
import io.github.dl4jnorm.norm.RunningValues;
import lombok.Data;

/**
 * Normalizes each channel like batch normalization, but corrects the training output towards the test-time output (Ioffe
 * 2017, <a href="https://arxiv.org/abs/1702.03275">Batch Renormalization</a>, arXiv 1702.03275). With running mean m and
 * running variance v:
 *
 * <pre>
 *   y = act(gamma·((x − mean)/√(var + eps)·r + d) + beta)
 *   r = clip(√(var + eps)/√(v + eps), 1/rMax, rMax)     d = clip((mean − m)/√(v + eps), −dMax, dMax)
 * </pre>
 *
 * r and d are treated as constants in the backward pass. For the first {@code warmupSteps} training steps the layer is
 * plain batch normalization (rMax = 1, dMax = 0). Then both limits grow linearly and reach rMax at step {@code rSteps}
 * and dMax at step {@code dSteps}. The step count is saved with the model as the parameter {@code batches}.
 */
@Data
public class BatchRenormalization extends RunningNormLayer {
    private static final long serialVersionUID = 1L;

    /** Largest r; the smallest is 1/rMax. */
    private double rMax = 3;
    /** Largest absolute value of d. */
    private double dMax = 5;
    /** Number of initial training steps with r = 1 and d = 0. */
    private long warmupSteps = 5_000;
    /** Training step at which the limit of r reaches rMax. */
    private long rSteps = 40_000;
    /** Training step at which the limit of d reaches dMax. */
    private long dSteps = 25_000;
    /** Whether statistics are computed over all workers that train together. */
    private boolean synchronize;

    /** Creates a layer with the schedule of the paper. */
    public BatchRenormalization() {
        super(RunningStatistics.momentum(0.01).unbiased(false));
    }

    @Override
    protected boolean countsBatches() {
        return true;
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 2 || rank > 5 ? null : NormPlan.batch();
    }

    @Override
    public NormPlan trainingPlan(NormPlan plan, RunningValues running) {
        return NormPlan.batch().corrected(renorm(running.mean(), running.variance(), running.batches()));
    }

    /**
     * Returns the correction at a training step.
     *
     * @param mean     running mean of each channel
     * @param variance running variance of each channel
     * @param step     number of batches seen so far
     * @return the correction
     */
    public Renorm renorm(double[] mean, double[] variance, double step) {
        return new Renorm(mean, variance, 1 + (rMax - 1) * share(step, rSteps), dMax * share(step, dSteps));
    }

    private double share(double step, long end) {
        return step >= end ? 1 : step <= warmupSteps ? 0 : (step - warmupSteps) / (end - warmupSteps);
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        if (!(rMax >= 1 && dMax >= 0) || Double.isInfinite(rMax) || Double.isInfinite(dMax)) {
            throw invalid("rMax >= 1 and dMax >= 0", "rMax " + rMax + " and dMax " + dMax);
        }
        if (warmupSteps < 0 || rSteps < warmupSteps || dSteps < warmupSteps) {
            throw invalid("0 <= warmupSteps <= rSteps and dSteps",
                    "warmupSteps " + warmupSteps + ", rSteps " + rSteps + " and dSteps " + dSteps);
        }
    }

    /** Builds a {@link BatchRenormalization}. */
    public static class Builder extends BatchStatisticsBuilder<Builder, BatchRenormalization> {
        /**
         * Creates a builder with the schedule of the paper and {@code RunningStatistics.momentum(0.01).unbiased(false)}.
         */
        public Builder() {
            super(new BatchRenormalization());
        }

        /**
         * Sets the final limit of r.
         *
         * @param rMax r is clipped to [1/rMax, rMax], at least 1; default 3
         * @return this builder
         */
        public Builder rMax(double rMax) {
            layer.rMax = rMax;
            return this;
        }

        /**
         * Sets the final limit of d.
         *
         * @param dMax d is clipped to [−dMax, dMax], at least 0; default 5
         * @return this builder
         */
        public Builder dMax(double dMax) {
            layer.dMax = dMax;
            return this;
        }

        /**
         * Sets how the limits of r and d grow.
         *
         * @param warmupSteps number of training steps of plain batch normalization; default 5,000
         * @param rSteps      step at which r reaches its final limit; default 40,000
         * @param dSteps      step at which d reaches its final limit; default 25,000
         * @return this builder
         */
        public Builder schedule(long warmupSteps, long rSteps, long dSteps) {
            layer.warmupSteps = warmupSteps;
            layer.rSteps = rSteps;
            layer.dSteps = dSteps;
            return this;
        }
    }
}
