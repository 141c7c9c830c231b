// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import lombok.Getter;
import lombok.Setter;

/**
 * Holds the options of norms that can track running statistics.
 *
 * @param <T> type of the builder itself
 */
@Getter
@Setter
public abstract class RunningNormBuilder<T extends RunningNormBuilder<T>> extends NormBuilder<T> {
    /** How running statistics are updated. */
    protected RunningStatistics runningStatistics;

    /**
     * Creates a builder with a default update policy.
     *
     * @param runningStatistics the policy, or null if the subclass derives it from other options
     */
    protected RunningNormBuilder(RunningStatistics runningStatistics) {
        this.runningStatistics = runningStatistics;
    }

    /**
     * Sets how running statistics are updated.
     *
     * @param runningStatistics the update policy
     * @return this builder
     */
    @SuppressWarnings("unchecked")
    public T runningStatistics(RunningStatistics runningStatistics) {
        this.runningStatistics = runningStatistics;
        return (T) this;
    }
}
