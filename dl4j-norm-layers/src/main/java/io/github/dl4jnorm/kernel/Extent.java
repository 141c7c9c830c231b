// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Whether the elements of an array lie within its buffer. Neither ND4J nor, from JDK 22 on, the vectors of {@link Lanes} check
 * that: an array may have any offset and strides.
 */
final class Extent {
    /** Beyond every buffer; a sum of some of them is still a number. */
    private static final long FAR = Long.MAX_VALUE >> 6;

    private Extent() {
    }

    /**
     * Checks all elements of an array, by the first and the last of them.
     *
     * @throws IllegalArgumentException if one lies outside of the buffer
     */
    static void requireWithinBuffer(INDArray array) {
        long first = array.offset();
        long last = first;
        for (int axis = 0; axis < array.rank(); axis++) {
            long size = array.size(axis);
            if (size == 0) {
                return;
            }
            long reach = reach(size, array.stride(axis));
            first += Math.min(0, reach);
            last += Math.max(0, reach);
        }
        requireWithinBuffer(array, first, last);
    }

    /**
     * Checks a range of elements that are counted from the start of the buffer.
     *
     * @throws IllegalArgumentException if one lies outside of the buffer
     */
    static void requireWithinBuffer(INDArray array, long first, long last) {
        long capacity = capacity(array.data());
        if (first < 0 || last >= capacity) {
            throw new IllegalArgumentException("expected an array whose elements lie within its buffer of " + capacity
                    + " elements, got elements " + first + " to " + last + " of shape " + Arrays.toString(array.shape())
                    + ", strides " + Arrays.toString(array.stride()) + ", offset " + array.offset());
        }
    }

    /** Elements from the first to the last one of an axis. */
    static long reach(long size, long stride) {
        long reach = (size - 1) * stride;
        boolean overflow = Math.multiplyHigh(size - 1, stride) != reach >> Long.SIZE - 1;
        return overflow ? stride < 0 ? -FAR : FAR : Math.max(-FAR, Math.min(FAR, reach));
    }

    /**
     * Elements of the buffer that all views of it share, whose start offsets are counted from. Of a buffer that was read from a
     * stream only the length is right, of one that has an offset itself only the underlying length.
     */
    private static long capacity(DataBuffer view) {
        DataBuffer root = view;
        while (root.underlyingDataBuffer() != null && root.underlyingDataBuffer() != root) {
            root = root.underlyingDataBuffer();
        }
        return Math.max(root.length(), root.underlyingLength());
    }
}
