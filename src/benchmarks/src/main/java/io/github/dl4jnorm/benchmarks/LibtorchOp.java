// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import org.bytedeco.pytorch.Tensor;

/** A normalization by libtorch. */
interface LibtorchOp {
    /**
     * Forward pass in training mode.
     *
     * @param x input
     * @return the output, and behind it whatever the backward pass needs
     */
    Tensor[] forward(Tensor x);

    /**
     * Backward pass.
     *
     * @param dy      gradient of the output
     * @param x       input
     * @param forward what the forward pass gave
     * @return gradients of the input and of the parameters
     */
    Tensor[] backward(Tensor dy, Tensor x, Tensor[] forward);
}
