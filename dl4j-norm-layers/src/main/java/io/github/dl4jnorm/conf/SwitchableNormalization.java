// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import static io.github.dl4jnorm.conf.NormParameter.MEAN_WEIGHT;
import static io.github.dl4jnorm.conf.NormParameter.VAR_WEIGHT;

import io.github.dl4jnorm.norm.NormPlan;
import java.util.List;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;
import org.deeplearning4j.nn.conf.inputs.InputType;

/**
 * Switchable normalization (Luo, Ren and Peng 2018, arXiv 1806.10779): learns how much of instance, layer and batch
 * statistics to use,
 *
 * <pre>
 *   mean = Σ softmax(meanWeight)ₖ·meanₖ   var = Σ softmax(varWeight)ₖ·varₖ   k = instance, layer, batch
 * </pre>
 *
 * with biased variances, as in the paper. At test time the batch part comes from running statistics, the others from
 * the example. On sequences the layer part is over C and T. Dense input has no instance part.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class SwitchableNormalization extends RunningNormLayer {
    private static final long serialVersionUID = 1L;
    private static final RunningStatistics DEFAULT = RunningStatistics.decay(0.9).unbiased(false);

    /** Whether there is a batch part. */
    private boolean useBatch = true;
    /** Whether test statistics are recomputed over data instead of averaged. */
    private boolean batchAverage;
    /** Whether the batch part is that of all workers that train together. */
    private boolean synchronize;
    /** Whether the input type says that input is dense: then there is no instance weight. */
    private boolean dense;

    /** With all three parts and a moving average. */
    public SwitchableNormalization() {
        super(DEFAULT);
    }

    private SwitchableNormalization(Builder builder) {
        super(builder, builder.getRunningStatistics());
        useBatch = builder.useBatch;
        batchAverage = builder.batchAverage;
        synchronize = builder.synchronize;
        finish(builder);
    }

    @Override
    public boolean tracksStatistics() {
        return useBatch;
    }

    @Override
    public boolean updatesStatistics() {
        return useBatch && !batchAverage;
    }

    @Override
    public boolean sharesStatistics() {
        return useBatch && synchronize;
    }

    @Override
    public NormPlan plan(int rank) {
        if (rank < 2 || rank > (dense ? 2 : 5)) {
            return null;
        }
        return NormPlan.switchable(Math.toIntExact(nOut), rank, useBatch, dense);
    }

    @Override
    public String expectedRanks() {
        return dense ? "rank 2, as the input type says" : super.expectedRanks();
    }

    @Override
    public void setNIn(InputType inputType, boolean override) {
        super.setNIn(inputType, override);
        dense = inputType.getType() == InputType.Type.FF;
    }

    @Override
    protected void addBeforeStatistics(List<NormParameter> parameters) {
        int weights = (dense ? 1 : 2) + (useBatch ? 1 : 0);
        parameters.add(new NormParameter(MEAN_WEIGHT, weights, 1));
        parameters.add(new NormParameter(VAR_WEIGHT, weights, 1));
    }

    /** Options of {@link SwitchableNormalization}. */
    @Getter
    @Setter
    public static class Builder extends RunningNormBuilder<Builder> {
        private boolean useBatch = true;
        private boolean batchAverage;
        private boolean synchronize;

        /** With all three parts and the moving average {@code decay(0.9).unbiased(false)}. */
        public Builder() {
            super(DEFAULT);
        }

        /**
         * Whether batch statistics are one of the parts.
         *
         * @param useBatch default true
         * @return this builder
         */
        public Builder useBatch(boolean useBatch) {
            this.useBatch = useBatch;
            return this;
        }

        /**
         * Whether the batch part of test time is recomputed over data after training
         * ({@code PopulationStatistics.recompute}), which the paper found better than a moving average.
         *
         * @param batchAverage default false: moving average
         * @return this builder
         */
        public Builder batchAverage(boolean batchAverage) {
            this.batchAverage = batchAverage;
            return this;
        }

        /**
         * Whether, in training by the workers of a {@code ParallelWrapper}, the batch part is that of all their batches
         * together, as in {@link SyncBatchNormalization}. ({@code synchronized} is a word of the language.)
         *
         * @param synchronize default false: each worker's own batch
         * @return this builder
         */
        public Builder synchronize(boolean synchronize) {
            this.synchronize = synchronize;
            return this;
        }

        @Override
        @SuppressWarnings("unchecked")
        public SwitchableNormalization build() {
            return new SwitchableNormalization(this);
        }
    }
}
