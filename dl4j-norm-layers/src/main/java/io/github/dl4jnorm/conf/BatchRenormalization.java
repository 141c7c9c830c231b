// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Renorm;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;

/**
 * Batch renormalization (Ioffe 2017, arXiv 1702.03275): batch normalization that in training already gives nearly what
 * its running mean and variance, m and v, will give at test time,
 *
 * <pre>
 *   y = act(gamma·((x − mean)/√(var + eps)·r + d) + beta)
 *   r = clip(√(var + eps)/√(v + eps), 1/rMax, rMax)     d = clip((mean − m)/√(v + eps), −dMax, dMax)
 * </pre>
 *
 * No gradient flows through r and d. It starts as batch normalization (rMax = 1, dMax = 0) and stays so for
 * {@code warmupSteps} steps; then rMax and dMax grow linearly until steps {@code rSteps} and {@code dSteps}. The number of
 * steps is saved with the model, as parameter {@code batches}.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class BatchRenormalization extends RunningNormLayer {
    private static final long serialVersionUID = 1L;
    private static final RunningStatistics DEFAULT = RunningStatistics.momentum(0.01).unbiased(false);

    /** Largest r; the smallest is 1/rMax. */
    private double rMax = 3;
    /** Largest d, either way. */
    private double dMax = 5;
    /** Steps with r = 1 and d = 0. */
    private long warmupSteps = 5_000;
    /** The step at which the limit of r has reached rMax. */
    private long rSteps = 40_000;
    /** The step at which the limit of d has reached dMax. */
    private long dSteps = 25_000;

    /** With the schedule of the paper. */
    public BatchRenormalization() {
        super(DEFAULT);
    }

    private BatchRenormalization(Builder builder) {
        super(builder, builder.getRunningStatistics());
        rMax = builder.rMax;
        dMax = builder.dMax;
        warmupSteps = builder.warmupSteps;
        rSteps = builder.rSteps;
        dSteps = builder.dSteps;
        finish(builder);
    }

    @Override
    public boolean tracksStatistics() {
        return true;
    }

    @Override
    protected boolean countsBatches() {
        return true;
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 2 || rank > 5 ? null : NormPlan.batch();
    }

    /**
     * The correction at a step.
     *
     * @param mean     running mean of each channel
     * @param variance running variance of each channel
     * @param step     how many batches have been taken up
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

    /** Options of {@link BatchRenormalization}. */
    @Getter
    @Setter
    public static class Builder extends RunningNormBuilder<Builder> {
        private double rMax = 3;
        private double dMax = 5;
        private long warmupSteps = 5_000;
        private long rSteps = 40_000;
        private long dSteps = 25_000;

        /** With the schedule of the paper, and running statistics {@code momentum(0.01).unbiased(false)}. */
        public Builder() {
            super(DEFAULT);
        }

        /**
         * How far r may be from 1 in the end.
         *
         * @param rMax r lies between 1/rMax and rMax; default 3
         * @return this builder
         */
        public Builder rMax(double rMax) {
            this.rMax = rMax;
            return this;
        }

        /**
         * How far d may be from 0 in the end.
         *
         * @param dMax d lies between −dMax and dMax; default 5
         * @return this builder
         */
        public Builder dMax(double dMax) {
            this.dMax = dMax;
            return this;
        }

        /**
         * When the limits of r and d grow.
         *
         * @param warmupSteps training steps of plain batch normalization; default 5,000
         * @param rSteps      the step at which r has its last limit; default 40,000
         * @param dSteps      the step at which d has its last limit; default 25,000
         * @return this builder
         */
        public Builder schedule(long warmupSteps, long rSteps, long dSteps) {
            this.warmupSteps = warmupSteps;
            this.rSteps = rSteps;
            this.dSteps = dSteps;
            return this;
        }

        @Override
        @SuppressWarnings("unchecked")
        public BatchRenormalization build() {
            return new BatchRenormalization(this);
        }
    }
}
