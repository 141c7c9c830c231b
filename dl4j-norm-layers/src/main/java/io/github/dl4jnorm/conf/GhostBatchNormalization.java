// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;

/**
 * Ghost batch normalization (Hoffer, Hubara and Soudry 2017, arXiv 1705.08741): in training, batch normalization of
 * parts of a batch, so that large batches train as small ones do. At test time running statistics, which take up the
 * parts one after the other.
 *
 * <p>A batch of N examples becomes ⌈N/virtualBatchSize⌉ parts of neighbouring examples, whose sizes differ by one at most.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class GhostBatchNormalization extends RunningNormLayer {
    private static final long serialVersionUID = 1L;
    private static final RunningStatistics DEFAULT = RunningStatistics.momentum(0.1);

    /** Examples in a slice. */
    private int virtualBatchSize = 128;

    /** With parts of 128 examples. */
    public GhostBatchNormalization() {
        super(DEFAULT);
    }

    private GhostBatchNormalization(Builder builder) {
        super(builder, builder.getRunningStatistics());
        virtualBatchSize = builder.virtualBatchSize;
        finish(builder);
    }

    @Override
    public boolean tracksStatistics() {
        return true;
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

    /** Options of {@link GhostBatchNormalization}. */
    @Getter
    @Setter
    public static class Builder extends RunningNormBuilder<Builder> {
        private int virtualBatchSize = 128;

        /** With parts of 128 examples. */
        public Builder() {
            super(DEFAULT);
        }

        /**
         * With a size of the parts.
         *
         * @param virtualBatchSize most examples of a part
         */
        public Builder(int virtualBatchSize) {
            this();
            this.virtualBatchSize = virtualBatchSize;
        }

        /**
         * Size of the parts.
         *
         * @param virtualBatchSize most examples of a part; default 128
         * @return this builder
         */
        public Builder virtualBatchSize(int virtualBatchSize) {
            this.virtualBatchSize = virtualBatchSize;
            return this;
        }

        @Override
        @SuppressWarnings("unchecked")
        public GhostBatchNormalization build() {
            return new GhostBatchNormalization(this);
        }
    }
}
