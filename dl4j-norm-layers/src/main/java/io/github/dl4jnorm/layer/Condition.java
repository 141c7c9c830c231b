// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.pass.NormPass;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What a vertex's second input does to the normalized first one. */
interface Condition {

    /** Normalizes x by a norm without gamma and beta, and applies the condition. */
    void forward(NormPass norm, INDArray x, INDArray y);

    /** Writes the gradients of both inputs, which are handed over again: copies may have been lost with their workspace. */
    void backward(INDArray x, INDArray condition, INDArray dy, INDArray dx, INDArray toCondition);
}
