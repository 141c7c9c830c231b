// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * An array of type FLOAT in the order of axes that oneDNN wants: examples, channels, positions for activations; outputs,
 * inputs, kernel for weights, with groups before that where there are groups.
 *
 * @param array  what owns the memory
 * @param shape  size of each axis
 * @param stride elements from one index to the next, for each axis
 */
record Tensor(INDArray array, long[] shape, long[] stride) {
    private static final int BYTES = DataType.FLOAT.width();

    /**
     * Takes an array with its axes in this order.
     *
     * @param array array of type FLOAT; copied if elements share memory, as those of a broadcast array do
     * @param axes  for each axis of the tensor that of the array, or -1 for one of size 1
     */
    static Tensor of(INDArray array, int... axes) {
        INDArray own = sharesElements(array) ? array.dup('c') : array;
        long[] shape = new long[axes.length];
        long[] stride = new long[axes.length];
        for (int i = axes.length - 1; i >= 0; i--) {
            shape[i] = axes[i] < 0 ? 1 : own.size(axes[i]);
            // The stride of an axis of size 1 means nothing: as in c order, so that more arrays look alike.
            boolean any = shape[i] == 1;
            long dense = i == axes.length - 1 ? 1 : shape[i + 1] * stride[i + 1];
            stride[i] = any ? dense : own.stride(axes[i]);
        }
        return new Tensor(own, shape, stride);
    }

    private static boolean sharesElements(INDArray array) {
        for (int i = 0; i < array.rank(); i++) {
            if (array.size(i) > 1 && array.stride(i) < 1) {
                return true;
            }
        }
        return false;
    }

    /** {@return where the first element lies; valid while the array is reachable} */
    long address() {
        return array.data().pointer().address() + array.offset() * BYTES;
    }
}
