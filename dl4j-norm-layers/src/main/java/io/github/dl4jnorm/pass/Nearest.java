// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import java.util.stream.IntStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.shape.Gather;
import org.nd4j.linalg.factory.Nd4j;

/** Arrays resized to the nearest element: {@code y[i] = x[⌊i·from/to⌋]} along each axis whose size differs. */
final class Nearest {
    private Nearest() {
    }

    private static int source(int i, long from, long to) {
        return (int) (i * from / to);
    }

    static INDArray resized(INDArray array, long[] shape) {
        INDArray result = array;
        for (int axis = 0; axis < shape.length; axis++) {
            long from = result.size(axis);
            long to = shape[axis];
            if (from != to) {
                int[] sources = IntStream.range(0, (int) to).map(i -> source(i, from, to)).toArray();
                result = Nd4j.exec(new Gather(result.dup('c'), sources, axis))[0];
            }
        }
        return result;
    }

    /** The gradient of what was resized: the sum over all elements that were made of one. */
    static INDArray gradient(INDArray gradient, long[] shape) {
        INDArray result = gradient;
        for (int axis = 0; axis < shape.length; axis++) {
            if (result.size(axis) != shape[axis]) {
                result = summed(result, axis, shape[axis]);
            }
        }
        return result;
    }

    private static INDArray summed(INDArray array, int axis, long size) {
        long from = array.size(axis);
        double[] values = new double[Math.toIntExact(from * size)];
        for (int i = 0; i < from; i++) {
            values[Math.toIntExact(i * size + source(i, size, from))] = 1;
        }
        INDArray takers = Nd4j.createFromArray(values).castTo(array.dataType()).reshape('c', from, size);
        int last = array.rank() - 1;
        int[] swapped = IntStream.rangeClosed(0, last).map(i -> i == axis ? last : i == last ? axis : i).toArray();
        INDArray rows = array.permute(swapped).dup('c');
        long[] shape = rows.shape().clone();
        shape[last] = size;
        return rows.reshape('c', -1, from).mmul(takers).reshape('c', shape).permute(swapped);
    }
}
