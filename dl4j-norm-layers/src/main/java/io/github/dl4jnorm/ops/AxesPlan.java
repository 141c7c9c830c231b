// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * How an array is normalized over any axes: which array of the same elements some operation of {@link NormOps} takes, in which
 * gamma and beta have one element for each channel. Axes that follow each other take a reshape, and so do those in front and
 * behind of the kept ones, as in batch normalization; other axes take a copy in another order.
 *
 * @param kind     the operation
 * @param layout   layout of what it takes
 * @param order    axes in the order in which it takes them, or null if that is theirs
 * @param cube     shape of what it takes
 * @param channels axes that are its channels: gamma and beta of others are applied afterwards
 */
record AxesPlan(NormOps.Kind kind, Layout layout, int[] order, long[] cube, int[] channels) {

    /** The plan for axes of a rank, counted from the start. */
    static AxesPlan of(boolean rms, Axes axes, long[] shape) {
        int rank = shape.length;
        int[] reduced = axes.reduced();
        int[] kept = Axes.others(reduced, rank);
        NormOps.Kind rows = rms ? NormOps.Kind.RMS_NORM : NormOps.Kind.LAYER_NORM;
        if (Axes.adjacent(reduced)) {
            int[] behind = IntStream.range(reduced[reduced.length - 1] + 1, rank).toArray();
            long[] cube = cube(shape, reduced);
            boolean ofInstances = behind.length > 0 && Arrays.equals(axes.features(), behind);
            return ofInstances ? new AxesPlan(rms ? NormOps.Kind.FILTER_RESPONSE_NORM : NormOps.Kind.INSTANCE_NORM,
                    Layout.CHANNELS_LAST, null, cube, behind)
                    : new AxesPlan(rows, Layout.CHANNELS_FIRST, null, cube, reduced);
        }
        if (!rms && Axes.adjacent(kept)) {
            return new AxesPlan(NormOps.Kind.BATCH_NORM, Layout.CHANNELS_FIRST, null, cube(shape, kept), kept);
        }
        int[] order = IntStream.concat(Arrays.stream(kept), Arrays.stream(reduced)).toArray();
        long[] matrix = {product(shape, kept), product(shape, reduced)};
        return new AxesPlan(rows, Layout.CHANNELS_FIRST, order, matrix, reduced);
    }

    /** Some axes as one, and those before and behind them as one each. */
    private static long[] cube(long[] shape, int[] middle) {
        int last = middle[middle.length - 1];
        long before = product(shape, IntStream.range(0, middle[0]).toArray());
        long behind = product(shape, IntStream.range(last + 1, shape.length).toArray());
        return last == shape.length - 1 ? new long[]{before, product(shape, middle)}
                : new long[]{before, product(shape, middle), behind};
    }

    private static long product(long[] shape, int[] axes) {
        return Arrays.stream(axes).mapToLong(axis -> shape[axis]).reduce(1, (a, b) -> a * b);
    }

    /** What the operation takes: a copy if memory is in another order. */
    INDArray seen(INDArray array) {
        return order == null ? array.reshape('c', cube) : array.permute(order).dup('c').reshape('c', cube);
    }

    /** Whether the operation can write into the memory of an array. */
    private boolean fits(INDArray array) {
        return order == null && array.ordering() == 'c' && (array.elementWiseStride() == 1 || array.length() == 1);
    }

    /** Memory for what the operation gives: that of an array if it has that order. */
    INDArray room(INDArray array) {
        return fits(array) ? array.reshape('c', cube) : Nd4j.createUninitialized(array.dataType(), cube, 'c');
    }

    /** Writes into an array what is in its {@link #room}. */
    void deliver(INDArray room, INDArray array) {
        if (!fits(array)) {
            INDArray ordered = order == null ? array : array.permute(order);
            ordered.assign(room.reshape('c', ordered.shape()));
        }
    }

    /** Numbers of feature axes as an array that broadcasts. */
    static INDArray broadcast(double[] numbers, Axes axes, long[] shape, DataType type) {
        return Nd4j.createFromArray(numbers).castTo(type).reshape('c', broadcastShape(axes, shape));
    }

    /** The sizes of feature axes, and 1 for the others. */
    static long[] broadcastShape(Axes axes, long[] shape) {
        long[] sizes = new long[shape.length];
        Arrays.fill(sizes, 1);
        for (int axis : axes.features()) {
            sizes[axis] = shape[axis];
        }
        return sizes;
    }
}
