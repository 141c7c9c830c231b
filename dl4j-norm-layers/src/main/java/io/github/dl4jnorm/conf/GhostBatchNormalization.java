// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import lombok.Data;

/**
 * Applies batch normalization to parts of each training batch, so that large batches train like small ones (Hoffer,
 * Hubara and Soudry 2017, <a href="https://arxiv.org/abs/1705.08741">Train longer, generalize better</a>, arXiv
 * 1705.08741). At test time it uses running statistics, which are updated with one part after the other.
 *
 * <p>A batch of N examples is split into ⌈N/virtualBatchSize⌉ parts of consecutive examples. Their sizes differ by at
 * most 1.
 */
@Data
public class GhostBatchNormalization extends RunningNormLayer {
    private static final long serialVersionUID = 1L;

    /** Maximum number of examples per part. */
    private int virtualBatchSize = 128;

    /** Creates a layer with parts of at most 128 examples. */
    public GhostBatchNormalization() {
        super(RunningStatistics.momentum(0.1));
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 2 || rank > 5 ? null : NormPlan.ghost(virtualBatchSize);
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        if (virtualBatchSize < 1) {
            throw invalid("virtualBatchSize >= 1", "virtualBatchSize " + virtualBatchSize);
        }
    }

    /** Builds a {@link GhostBatchNormalization}. */
    public static class Builder extends RunningNormBuilder<Builder, GhostBatchNormalization> {
        /** Creates a builder with parts of at most 128 examples. */
        public Builder() {
            super(new GhostBatchNormalization());
        }

        /**
         * Creates a builder with the given part size.
         *
         * @param virtualBatchSize maximum number of examples per part
         */
        public Builder(int virtualBatchSize) {
            this();
            layer.virtualBatchSize = virtualBatchSize;
        }

        /**
         * Sets the part size.
         *
         * @param virtualBatchSize maximum number of examples per part, at least 1; default 128
         * @return this builder
         */
        public Builder virtualBatchSize(int virtualBatchSize) {
            layer.virtualBatchSize = virtualBatchSize;
            return this;
        }
    }
}
