// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import java.util.Arrays;
import org.deeplearning4j.nn.conf.ConvolutionMode;

/**
 * How a kernel moves over positions: one number for each spatial axis.
 *
 * @param kernel     size of the kernel
 * @param stride     positions from one window to the next
 * @param dilation   positions from one element of the kernel to the next
 * @param padding    positions before and after the input; not used by the modes Same and Causal
 * @param mode       Deeplearning4j's mode
 * @param transposed whether outputs are where a convolution has its inputs
 */
record Geometry(int[] kernel, int[] stride, int[] dilation, int[] padding, ConvolutionMode mode, boolean transposed) {
    private static final int FEW = 3;

    /**
     * Computes the output size as Deeplearning4j does.
     *
     * @param in sizes of the input
     * @return sizes of the output, or null where Deeplearning4j refuses the input or leaves the convolution's definition
     */
    long[] out(long[] in) {
        long[] out = new long[in.length];
        for (int i = 0; i < in.length; i++) {
            out[i] = windows(i, in[i]);
            if (out[i] < 1) {
                return null;
            }
        }
        return out;
    }

    /** {@return the size of the output along an axis, 0 where there is none} */
    private long windows(int axis, long in) {
        long size = transposed ? transposedOut(axis, in) : out(axis, in);
        return size < 1 || before(axis, in, size) < 0 || after(axis, in, size) < 0 ? 0 : size;
    }

    /** {@return small sizes of an input that has some windows, another number along each axis; null if no input has any} */
    long[] sample() {
        long[] in = new long[kernel.length];
        for (int i = 0; i < in.length; i++) {
            in[i] = 2;
            // An input that the kernel fits into at once is large enough, whatever the padding takes away.
            long enough = extent(i) + 2L * padding[i] + (FEW + i + 1L) * stride[i] + 2;
            while (windows(i, in[i]) < FEW + i) {
                in[i]++;
                if (in[i] > enough) {
                    return null;
                }
            }
        }
        return in;
    }

    private long out(int axis, long in) {
        long s = stride[axis];
        return switch (mode) {
            case Same -> (in + s - 1) / s;
            case Causal -> (in - 1) / s + 1;
            case Strict -> room(axis, in) % s == 0 ? room(axis, in) / s + 1 : 0;
            case Truncate -> room(axis, in) < 0 ? 0 : room(axis, in) / s + 1;
        };
    }

    /** How far the first window can move. */
    private long room(int axis, long in) {
        return in + 2L * padding[axis] - extent(axis);
    }

    private long transposedOut(int axis, long in) {
        return mode == ConvolutionMode.Same ? in * stride[axis]
                : stride[axis] * (in - 1) + extent(axis) - 2L * padding[axis];
    }

    /** Positions that a window spans. */
    private long extent(int axis) {
        return (kernel[axis] - 1L) * dilation[axis] + 1;
    }

    /** {@return the padding before the first position of each axis} */
    long[] before(long[] in, long[] out) {
        long[] before = new long[in.length];
        for (int i = 0; i < in.length; i++) {
            before[i] = before(i, in[i], out[i]);
        }
        return before;
    }

    private long before(int axis, long in, long out) {
        return switch (mode) {
            case Same -> total(axis, in, out) / 2;
            case Causal -> extent(axis) - 1;
            default -> padding[axis];
        };
    }

    /** {@return the padding behind the last position of each axis that a window reaches} */
    long[] after(long[] in, long[] out) {
        long[] after = new long[in.length];
        for (int i = 0; i < in.length; i++) {
            after[i] = after(i, in[i], out[i]);
        }
        return after;
    }

    private long after(int axis, long in, long out) {
        return total(axis, in, out) - before(axis, in, out);
    }

    /** Positions that the windows span beyond the input; none where they leave a rest of it. */
    private long total(int axis, long in, long out) {
        long windows = transposed ? in : out;
        long spanned = (windows - 1) * stride[axis] + extent(axis);
        long available = transposed ? out : in;
        long least = mode == ConvolutionMode.Same ? 0 : before(axis, in, out);
        // A transposed convolution with Same may span less than its output: that is no padding oneDNN knows.
        return transposed ? spanned - available : Math.max(least, spanned - available);
    }

    /** {@return the distance of a kernel's elements as oneDNN counts it} */
    long[] gaps() {
        long[] gaps = new long[dilation.length];
        for (int i = 0; i < gaps.length; i++) {
            gaps[i] = dilation[i] - 1L;
        }
        return gaps;
    }

    long[] strides() {
        return longs(stride);
    }

    long[] kernels() {
        return longs(kernel);
    }

    private static long[] longs(int[] numbers) {
        return Arrays.stream(numbers).asLongStream().toArray();
    }
}
