// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.norm.Values;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A pass over the sum of two arrays, which others use as well. */
public final class SumPass extends Wrapped {

    SumPass(Saved inner) {
        super(inner);
    }

    /**
     * Writes the gradient of both arrays: that of the sum.
     *
     * @param sum  the sum
     * @param dy   gradient of the output
     * @param dSum gradient of the sum from elsewhere
     * @param dx   receives the gradient of both arrays
     * @return gradients of all else
     */
    public Values backward(INDArray sum, INDArray dy, INDArray dSum, INDArray dx) {
        if (inner instanceof PositionPass positions) {
            return positions.backward(sum, dy, dSum, dx);
        }
        Values gradients = inner.backward(sum, dy, dx);
        Kernels.get().add(dx, dSum, dx);
        return gradients;
    }
}
