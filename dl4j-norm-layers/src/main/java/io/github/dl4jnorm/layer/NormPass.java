// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.norm.ChannelStatistics;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What a forward pass leaves behind for the backward pass of the same input. Holds no array of a workspace. */
interface NormPass {
    /** Statistics of the batch as running statistics take them up, or null if none were computed. */
    ChannelStatistics batchStatistics();

    /** Writes the output. */
    void forward(INDArray x, boolean relu, INDArray y);

    /** Writes the gradient of the input and gives those of the parameters. */
    Gradients backward(INDArray x, INDArray dy, boolean relu, INDArray dx);

    /** Gradients of the parameters; logits may be null. */
    record Gradients(double[] gamma, double[] beta, double[] meanLogits, double[] varLogits) {
    }
}
