// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * One normalization of one array of type FLOAT.
 *
 * @param norm     what is computed
 * @param layout   how the array lies in memory
 * @param examples examples in the batch
 * @param channels channels of each position
 * @param height   rows of positions, 1 where there are none
 * @param width    positions in a row, 1 where there are none
 */
record Case(Norm norm, Layout layout, int examples, int channels, int height, int width) {
    long[] shape() {
        return layout.shape(this);
    }

    int elements() {
        return Math.multiplyExact(Math.multiplyExact(examples, channels), height * width);
    }

    /** Such as 32x64x56x56: always with the channels second, so that both layouts of an image have the same. */
    String size() {
        Layout order = layout == Layout.NHWC ? Layout.NCHW : layout;
        return Arrays.stream(order.shape(this)).mapToObj(String::valueOf).collect(Collectors.joining("x"));
    }

    /** Such as batch-nchw-32x64x56x56. */
    String name() {
        return norm + "-" + layout.name().toLowerCase(Locale.ROOT) + "-" + size();
    }
}
