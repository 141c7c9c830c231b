// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Describes one normalization of one array of type FLOAT.
 *
 * @param norm     normalization
 * @param layout   data format of the array
 * @param examples number of examples in the batch
 * @param channels number of channels
 * @param height   height, 1 for input without one
 * @param width    width, 1 for input without one
 */
record Case(Norm norm, Layout layout, int examples, int channels, int height, int width) {
    private static final Pattern NAME = Pattern.compile("(.+)-([a-z]+)-([0-9x]+)");

    /** The case of a {@link #name}. */
    static Case parse(String name) {
        Matcher parts = NAME.matcher(name);
        if (!parts.matches()) {
            throw new IllegalArgumentException("unknown case " + name);
        }
        Layout layout = Layout.valueOf(parts.group(2).toUpperCase(Locale.ROOT));
        Norm norm = Arrays.stream(Norm.values()).filter(each -> each.toString().equals(parts.group(1))
                && each == Norm.ROWS == (layout == Layout.ROWS)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("unknown case " + name));
        int[] size = Arrays.stream(parts.group(3).split("x")).mapToInt(Integer::parseInt).toArray();
        int last = size.length - 1;
        return new Case(norm, layout, size[0], size[1], last > 2 ? size[2] : 1, last > 1 ? size[last] : 1);
    }

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
