// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import org.bytedeco.pytorch.Tensor;

/** Runs a normalization in libtorch. */
interface LibtorchOp {
    /**
     * Runs the forward pass in training mode.
     *
     * @param x input
     * @return the output, followed by whatever the backward pass needs
     */
    Tensor[] forward(Tensor x);

    /**
     * Runs the backward pass.
     *
     * @param dy      gradient of the output
     * @param x       input
     * @param forward result of the forward pass
     * @return gradients of the input and of the parameters
     */
    Tensor[] backward(Tensor dy, Tensor x, Tensor[] forward);
}
