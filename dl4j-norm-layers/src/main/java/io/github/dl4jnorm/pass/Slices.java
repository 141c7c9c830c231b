// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.Shape;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Parts of arrays, as views on their memory.
 *
 * <p>{@code INDArray.get} of ND4J 1.0.0-M2.1 compares the offset of a part, counted from the start of the buffer, with the
 * length of the array it is taken from. Where a view begins before its own length and the part behind it, the result is an
 * empty scalar. Here the part is made from buffer, offset, shape and strides.
 */
public final class Slices {
    private Slices() {
    }

    /**
     * A range of an axis.
     *
     * @param array array of any strides
     * @param axis  the axis
     * @param from  first index
     * @param to    last index, exclusive
     * @return a view of the same rank
     * @throws IllegalArgumentException if the range is empty or reaches beyond the axis
     */
    public static INDArray range(INDArray array, int axis, long from, long to) {
        check(array, axis, from, to);
        long[] shape = array.shape().clone();
        shape[axis] = to - from;
        return view(array, axis, from, shape, array.stride().clone());
    }

    /**
     * One index of an axis.
     *
     * @param array array of any strides
     * @param axis  the axis
     * @param index the index
     * @return a view without the axis
     * @throws IllegalArgumentException if the index is beyond the axis
     */
    public static INDArray at(INDArray array, int axis, long index) {
        check(array, axis, index, index + 1);
        return view(array, axis, index, without(array.shape(), axis), without(array.stride(), axis));
    }

    /**
     * A range of a vector's elements.
     *
     * @param vector array of rank 1, or of any rank if its elements follow each other evenly in c order
     * @param from   first element
     * @param to     last element, exclusive
     * @return a view of rank 1
     * @throws IllegalArgumentException if the range is empty or reaches beyond the end
     */
    public static INDArray elements(INDArray vector, long from, long to) {
        return range(vector.reshape(vector.length()), 0, from, to);
    }

    private static INDArray view(INDArray array, int axis, long from, long[] shape, long[] strides) {
        // The offset of a view counts from the start of the buffer, and so does the one that is given here.
        long offset = array.offset() + from * array.stride(axis);
        return Nd4j.create(array.data(), shape, strides, offset, Shape.getOrder(shape, strides, -1));
    }

    private static long[] without(long[] values, int axis) {
        long[] others = new long[values.length - 1];
        System.arraycopy(values, 0, others, 0, axis);
        System.arraycopy(values, axis + 1, others, axis, others.length - axis);
        return others;
    }

    private static void check(INDArray array, int axis, long from, long to) {
        if (from < 0 || from >= to || to > array.size(axis)) {
            throw new IllegalArgumentException("expected a range within the " + array.size(axis) + " elements of dimension "
                    + axis + ", got " + from + " to " + to);
        }
    }
}
