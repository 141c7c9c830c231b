// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import lombok.Data;
import org.nd4j.shade.jackson.annotation.JsonIgnore;

/**
 * Applies batch normalization with statistics computed over all workers that train together: {@link BatchNormalization} with
 * {@code synchronize(true)}. k workers with batches of size B produce the same outputs, gradients and running statistics as one
 * worker with a batch of size k·B. The forward pass merges the count, mean and Σ(x − mean)² of each channel; the backward pass
 * sums the gradients of mean and variance.
 *
 * <p>The workers belong to a {@code ParallelWrapper} that was passed to
 * {@link io.github.dl4jnorm.parallel.SynchronizedTraining#install}. A model that trains without one, and every model in
 * test mode, behaves like {@link BatchNormalization}. Options and parameters are the same as there, so models can be
 * converted in both directions.
 */
@Data
public class SyncBatchNormalization extends BatchNormalization {
    private static final long serialVersionUID = 1L;

    /** Creates a layer with Deeplearning4j's defaults: decay 0.9, eps 1e-5, gamma 1 and beta 0, both learned. */
    public SyncBatchNormalization() {
    }

    /** Returns true, also for models saved before batch normalization had the option. */
    @Override
    @JsonIgnore
    public boolean isSynchronize() {
        return true;
    }

    @Override
    public void setSynchronize(boolean synchronize) {
        if (!synchronize) {
            throw invalid("synchronize true (BatchNormalization has it as an option)", "false");
        }
    }

    /** Builds a {@link SyncBatchNormalization}. The options are those of {@link BatchNormalization}. */
    public static class Builder extends StockBatchBuilder<Builder, SyncBatchNormalization> {
        /** Creates a builder with the default options: decay 0.9, eps 1e-5, gamma 1 and beta 0, both learned. */
        public Builder() {
            super(new SyncBatchNormalization());
        }
    }
}
