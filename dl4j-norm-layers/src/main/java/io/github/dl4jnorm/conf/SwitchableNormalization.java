// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import static io.github.dl4jnorm.conf.NormParameter.MEAN_WEIGHT;
import static io.github.dl4jnorm.conf.NormParameter.VAR_WEIGHT;

import io.github.dl4jnorm.norm.NormPlan;
import java.util.List;
import lombok.Data;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.nd4j.shade.jackson.annotation.JsonInclude;

/**
 * Normalizes with a learned mixture of instance, layer and batch statistics (Luo, Ren and Peng 2018,
 * <a href="https://arxiv.org/abs/1806.10779">Switchable Normalization</a>, arXiv 1806.10779):
 *
 * <pre>
 *   mean = Σ softmax(meanWeight)ₖ·meanₖ   var = Σ softmax(varWeight)ₖ·varₖ   k = instance, layer, batch
 * </pre>
 *
 * All variances are biased, as in the paper. At test time the batch part comes from running statistics; the other parts
 * are still computed from the example. For sequences the layer part is computed over C and T. Dense input has no instance
 * part.
 */
@Data
public class SwitchableNormalization extends RunningNormLayer {
    private static final long serialVersionUID = 1L;

    /** Whether batch statistics are part of the mixture. */
    private boolean useBatch = true;
    /** Whether test-time statistics are recomputed over a data set instead of averaged during training. */
    private boolean batchAverage;
    /** Whether the batch part is computed over all workers that train together. */
    private boolean synchronize;
    /** Whether the input type is dense; the instance part is then left out. */
    private boolean dense;

    /** Creates a layer with all three parts and a moving average. */
    public SwitchableNormalization() {
        super(RunningStatistics.decay(0.9).unbiased(false));
    }

    @Override
    public boolean tracksStatistics() {
        return useBatch;
    }

    @Override
    public boolean updatesStatistics() {
        return useBatch && !batchAverage;
    }

    /** Saved even if false, as it was when no other norm had the option. */
    @Override
    @JsonInclude(JsonInclude.Include.ALWAYS)
    public boolean isSynchronize() {
        return synchronize;
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
        return dense ? "rank 2 (the input type is dense)" : super.expectedRanks();
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

    /** Builds a {@link SwitchableNormalization}. */
    public static class Builder extends BatchStatisticsBuilder<Builder, SwitchableNormalization> {
        /**
         * Creates a builder with all three parts and the moving average
         * {@code RunningStatistics.decay(0.9).unbiased(false)}.
         */
        public Builder() {
            super(new SwitchableNormalization());
        }

        /**
         * Sets whether batch statistics are part of the mixture.
         *
         * @param useBatch default true
         * @return this builder
         */
        public Builder useBatch(boolean useBatch) {
            layer.useBatch = useBatch;
            return this;
        }

        /**
         * Sets whether the batch part used at test time is recomputed over a data set after training, with
         * {@code PopulationStatistics.recompute}. The paper found this better than a moving average.
         *
         * @param batchAverage default false, a moving average
         * @return this builder
         */
        public Builder batchAverage(boolean batchAverage) {
            layer.batchAverage = batchAverage;
            return this;
        }
    }
}
