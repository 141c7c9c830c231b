// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

/**
 * Sets the options of norms that can track running statistics.
 *
 * @param <T> type of the builder itself
 * @param <L> type of the layer
 */
public abstract class RunningNormBuilder<T extends RunningNormBuilder<T, L>, L extends RunningNormLayer>
        extends NormBuilder<T, L> {
    /**
     * Creates a builder with the default options.
     *
     * @param layer a layer with the default options
     */
    protected RunningNormBuilder(L layer) {
        super(layer);
    }

    /**
     * Sets how running statistics are updated.
     *
     * @param runningStatistics the update policy
     * @return this builder
     */
    public T runningStatistics(RunningStatistics runningStatistics) {
        layer.setRunningStatistics(runningStatistics);
        return self();
    }
}
