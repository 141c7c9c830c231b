// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import lombok.Getter;
import lombok.Setter;

/**
 * Options of norms that may keep running statistics.
 *
 * @param <T> the builder itself
 */
@Getter
@Setter
public abstract class RunningNormBuilder<T extends RunningNormBuilder<T>> extends NormBuilder<T> {
    /** How running statistics take up a batch. */
    protected RunningStatistics runningStatistics;

    /**
     * A builder with a default policy.
     *
     * @param runningStatistics the policy, or null if the subclass finds it from other options
     */
    protected RunningNormBuilder(RunningStatistics runningStatistics) {
        this.runningStatistics = runningStatistics;
    }

    /**
     * How running statistics take up a batch.
     *
     * @param runningStatistics the policy
     * @return this builder
     */
    @SuppressWarnings("unchecked")
    public T runningStatistics(RunningStatistics runningStatistics) {
        this.runningStatistics = runningStatistics;
        return (T) this;
    }
}
