// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import java.util.ArrayList;
import java.util.List;
import lombok.Data;

/**
 * Applies batch normalization to equal parts of each training batch, each with its own statistics, gamma and beta (auxiliary
 * batch norm of AdvProp; Xie et al. 2020, <a href="https://arxiv.org/abs/1911.09665">Adversarial Examples Improve Image
 * Recognition</a>, arXiv 1911.09665). timm calls it {@code SplitBatchNorm2d}.
 *
 * <p>A training batch of N examples consists of {@code splits} parts of N/splits consecutive examples, such as clean examples
 * followed by adversarial ones, or source followed by target domain. The first part uses and updates the main parameters, with
 * the keys of {@link BatchNormalization}: gamma, beta, mean, var. Part i uses and updates gamma<i>i</i>, beta<i>i</i>,
 * mean<i>i</i>, var<i>i</i>: gamma1 and so on. Test mode, and training with frozen statistics, uses the main parameters for all
 * examples.
 *
 * <p>A training batch whose size is not divisible by {@code splits} throws
 * {@link org.deeplearning4j.exception.DL4JInvalidInputException}.
 */
@Data
public class SplitBatchNormalization extends RunningNormLayer {
    private static final long serialVersionUID = 1L;

    /** Number of parts of a training batch. */
    private int splits = 2;

    /** Creates a layer with two parts and {@code RunningStatistics.momentum(0.1)}. */
    public SplitBatchNormalization() {
        super(RunningStatistics.momentum(0.1));
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 2 || rank > 5 ? null : new NormPlan.Split(splits);
    }

    @Override
    public int batchParts() {
        return splits;
    }

    @Override
    public List<NormParameter> parameters() {
        List<NormParameter> main = super.parameters();
        List<NormParameter> all = new ArrayList<>(main);
        for (int part = 1; part < splits; part++) {
            int auxiliary = part;
            main.forEach(parameter -> all.add(parameter.ofPart(auxiliary, "aux_bn." + (auxiliary - 1) + ".")));
        }
        return all;
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        if (splits < 1) {
            throw invalid("splits >= 1", "splits " + splits);
        }
    }

    /** Builds a {@link SplitBatchNormalization}. */
    public static class Builder extends RunningNormBuilder<Builder, SplitBatchNormalization> {
        /** Creates a builder with two parts and {@code RunningStatistics.momentum(0.1)}. */
        public Builder() {
            super(new SplitBatchNormalization());
        }

        /**
         * Creates a builder with the given number of parts.
         *
         * @param splits number of parts of a training batch
         */
        public Builder(int splits) {
            this();
            layer.splits = splits;
        }

        /**
         * Sets the number of parts.
         *
         * @param splits number of parts of a training batch, at least 1; default 2
         * @return this builder
         */
        public Builder splits(int splits) {
            layer.splits = splits;
            return this;
        }
    }
}
