// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Values;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What a forward pass leaves behind for the backward pass of the same input: tables of statistics, but no array. */
public interface Saved {
    /**
     * Writes the output once more, with the statistics that are known, and without a ReLU.
     *
     * @param x input
     * @param y receives the output
     */
    void again(INDArray x, INDArray y);

    /**
     * Writes the gradient of the input.
     *
     * @param x  input
     * @param dy gradient of the output
     * @param dx receives the gradient of the input
     * @return gradients of all else
     */
    Values backward(INDArray x, INDArray dy, INDArray dx);

    /** {@return statistics of the batch as running statistics take them up, or null if none were computed} */
    default ChannelStatistics batchStatistics() {
        return null;
    }

    /** {@return whether a statistic that the norm uses, and computes itself, is not a finite number} */
    default boolean overflowed() {
        return false;
    }

    /** {@return statistics that running statistics take up one after the other} */
    default List<ChannelStatistics> updates() {
        return List.of(batchStatistics());
    }
}
