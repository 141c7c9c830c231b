// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A weight computed from an array of the same shape and further parameters, which it holds. Arrays are
 * {@code [outer, units, inner]}: what belongs to one output unit is at its place on the middle axis.
 */
public interface WeightPass {
    /**
     * Sets the further parameters of a new weight.
     *
     * @param v    what the weight is computed from
     * @param seed seed of what is drawn
     */
    void initialize(INDArray v, long seed);

    /**
     * Computes the weight.
     *
     * @param v        what it is computed from
     * @param training whether this is a training step; state is taken up in the backward pass of one
     * @param w        receives the weight
     */
    void forward(INDArray v, boolean training, INDArray w);

    /**
     * Computes the gradients of the weight last computed.
     *
     * @param v         what it was computed from
     * @param dw        gradient of the weight
     * @param gradients receive the gradients of the further parameters; those that are not trained are left alone
     * @param dv        receives the gradient of v, another array than dw
     */
    void backward(INDArray v, INDArray dw, List<INDArray> gradients, INDArray dv);
}
