// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Where examples, channels and positions are in a layer's activations. */
final class Axes {
    private final boolean channelsLast;
    private final int[] axes;

    /**
     * Describes activations.
     *
     * @param rank         their rank
     * @param channelsLast whether channels come last, or after the examples
     */
    Axes(int rank, boolean channelsLast) {
        this.channelsLast = channelsLast;
        axes = new int[rank];
        for (int i = 2; i < rank; i++) {
            axes[i] = channelsLast ? i - 1 : i;
        }
        axes[1] = channelsLast ? rank - 1 : 1;
    }

    boolean channelsLast() {
        return channelsLast;
    }

    int rank() {
        return axes.length;
    }

    /** {@return whether activations of this shape have the rank, and elements} */
    boolean fit(long[] shape) {
        return shape.length == axes.length && Arrays.stream(shape).allMatch(size -> size > 0);
    }

    long channels(long[] shape) {
        return shape[axes[1]];
    }

    long[] spatial(long[] shape) {
        return Arrays.stream(axes).skip(2).mapToLong(axis -> shape[axis]).toArray();
    }

    long[] shape(long examples, long channels, long[] positions) {
        long[] shape = new long[axes.length];
        shape[0] = examples;
        shape[axes[1]] = channels;
        for (int i = 0; i < positions.length; i++) {
            shape[axes[i + 2]] = positions[i];
        }
        return shape;
    }

    Tensor tensor(INDArray activations) {
        return Tensor.of(activations, axes);
    }
}
