// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

/**
 * Sets the options of norms whose statistics cover the whole batch, which several workers can share.
 *
 * @param <T> type of the builder itself
 * @param <L> type of the layer
 */
public abstract class BatchStatisticsBuilder<T extends BatchStatisticsBuilder<T, L>, L extends RunningNormLayer>
        extends RunningNormBuilder<T, L> {
    /**
     * Creates a builder with the default options.
     *
     * @param layer a layer with the default options
     */
    protected BatchStatisticsBuilder(L layer) {
        super(layer);
    }

    /**
     * Sets whether training computes batch statistics over the batches of all workers of a {@code ParallelWrapper} that was
     * passed to {@link io.github.dl4jnorm.parallel.SynchronizedTraining#install}. A network that trains alone is not affected.
     * (The name {@code synchronized} is reserved in Java.)
     *
     * @param synchronize default false, each worker uses only its own batch; always true in {@link SyncBatchNormalization}
     * @return this builder
     * @throws org.deeplearning4j.exception.DL4JInvalidConfigException if false for {@link SyncBatchNormalization}
     */
    public T synchronize(boolean synchronize) {
        layer.setSynchronize(synchronize);
        return self();
    }
}
