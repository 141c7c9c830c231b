// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import lombok.EqualsAndHashCode;
import lombok.ToString;

/**
 * Batch normalization whose statistics are those of all workers that train together: k workers with batches of B
 * examples each have the outputs, gradients and running statistics of one with a batch of k·B. Count, mean and
 * Σ(x − mean)² of each channel are merged in the forward pass, and what mean and variance receive is added up in the
 * backward pass.
 *
 * <p>The workers are those of a {@code ParallelWrapper} that was passed to
 * {@link io.github.dl4jnorm.parallel.SynchronizedTraining#install}. A model that trains alone, and every model in test
 * mode, has {@link BatchNormalization}, whose options and parameters these are; models can be converted either way.
 */
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class SyncBatchNormalization extends BatchNormalization {
    private static final long serialVersionUID = 1L;

    /** With the defaults of the builder. */
    public SyncBatchNormalization() {
    }

    private SyncBatchNormalization(Builder builder) {
        super(builder);
    }

    @Override
    public boolean sharesStatistics() {
        return true;
    }

    /** Options of {@link SyncBatchNormalization}: those of {@link BatchNormalization}. */
    public static class Builder extends StockBatchBuilder<Builder> {
        /** With the defaults: decay 0.9, eps 1e-5, gamma 1, beta 0, both learned. */
        public Builder() {
        }

        @Override
        @SuppressWarnings("unchecked")
        public SyncBatchNormalization build() {
            return new SyncBatchNormalization(this);
        }
    }
}
