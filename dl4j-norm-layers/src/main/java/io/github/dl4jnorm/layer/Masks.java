// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Reads the mask arrays of Deeplearning4j: {@code [N, 1]} for whole examples (also {@code [N·T, 1]} of sequences seen
 * as dense input), {@code [N, T]} for sequences, and arrays of the input's rank, always channels first, whose other
 * dimensions are those of the input or 1. A value of 0 masks.
 */
final class Masks {
    private Masks() {
    }

    /**
     * The mask of a view.
     *
     * @param array   mask array, or null
     * @param view    view of the input, nothing folded
     * @param layerId what to call the layer in messages
     * @return the mask, or null if nothing is masked
     * @throws DL4JInvalidInputException if the shape does not fit
     */
    static Mask of(INDArray array, View view, String layerId) {
        if (array == null) {
            return null;
        }
        long[] strides = strides(array.shape(), view, layerId);
        double[] values = array.dup('c').data().asDouble();
        int channels = strides[1] == 0 ? 1 : view.channels();
        int positions = view.positions();
        boolean[] keep = new boolean[view.examples() * channels * positions];
        long[] spatial = spatial(view);
        boolean all = true;
        int i = 0;
        for (int n = 0; n < view.examples(); n++) {
            for (int c = 0; c < channels; c++) {
                for (int s = 0; s < positions; s++) {
                    long at = n * strides[0] + c * strides[1];
                    long rest = s;
                    for (int axis = spatial.length - 1; axis >= 0; axis--) {
                        at += rest % spatial[axis] * strides[2 + axis];
                        rest /= spatial[axis];
                    }
                    keep[i] = values[(int) at] != 0;
                    all &= keep[i++];
                }
            }
        }
        return all ? null : new Mask(view.examples(), channels, positions, keep);
    }

    /** Strides into the mask for example, channel and each axis of positions; 0 where it is broadcast. */
    private static long[] strides(long[] mask, View view, String layerId) {
        long[] spatial = spatial(view);
        long[] full = new long[2 + spatial.length];
        full[0] = view.examples();
        full[1] = view.channels();
        System.arraycopy(spatial, 0, full, 2, spatial.length);
        long[] channelsFirst = channelsFirst(mask, full.length);
        if (channelsFirst == null || channelsFirst[0] != full[0]) {
            throw mismatch(mask, view, layerId);
        }
        long[] strides = new long[full.length];
        long stride = 1;
        for (int axis = full.length - 1; axis >= 0; axis--) {
            if (channelsFirst[axis] != 1 && channelsFirst[axis] != full[axis]) {
                throw mismatch(mask, view, layerId);
            }
            strides[axis] = channelsFirst[axis] == 1 ? 0 : stride;
            stride *= channelsFirst[axis];
        }
        return strides;
    }

    private static long[] channelsFirst(long[] mask, int rank) {
        if (mask.length == rank) {
            return mask;
        }
        if (mask.length != 2) {
            return null;
        }
        if (rank == 3) {
            return new long[]{mask[0], 1, mask[1]};
        }
        long[] perExample = new long[rank];
        Arrays.fill(perExample, 1);
        perExample[0] = mask[0];
        return mask[1] == 1 ? perExample : null;
    }

    private static long[] spatial(View view) {
        long[] shape = view.shape();
        return Arrays.stream(view.positionAxes()).mapToLong(axis -> shape[axis]).toArray();
    }

    private static String oneOr(long size) {
        return size == 1 ? "1" : "1 or " + size;
    }

    private static DL4JInvalidInputException mismatch(long[] mask, View view, String layerId) {
        long n = view.examples();
        String forRank = switch (view.shape().length) {
            case 2 -> "[" + n + ", 1]";
            case 3 -> "[" + n + ", " + view.positions() + "]";
            default -> "[" + n + ", " + oneOr(view.channels()) + Arrays.stream(spatial(view))
                    .mapToObj(size -> ", " + oneOr(size)).collect(Collectors.joining()) + "]";
        };
        return new DL4JInvalidInputException(layerId + ": expected a mask of shape " + forRank + " for input of shape "
                + Arrays.toString(view.shape()) + ", got " + Arrays.toString(mask));
    }
}
