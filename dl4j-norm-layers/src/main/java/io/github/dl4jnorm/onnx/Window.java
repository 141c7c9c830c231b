// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;

/**
 * How a convolution or a pooling goes over its input, for each spatial axis.
 *
 * @param kernel    elements of a window
 * @param strides   steps between windows
 * @param dilations steps between elements of a window
 * @param before    elements added in front
 * @param after     elements added behind
 * @param extra     elements added behind these so that the last window is whole
 */
record Window(long[] kernel, long[] strides, long[] dilations, long[] before, long[] after, long[] extra) {
    private static final int AXES = 2;

    /** That of a node for input of a shape. */
    static Window of(Call call, long[] kernel, long[] shape) {
        Window window = of(call, kernel, shape, true);
        window.output(call, shape);
        return window;
    }

    /** That of a transposed convolution, whose padding takes away from the output. */
    static Window transposed(Call call, long[] kernel, long[] shape) {
        return of(call, kernel, shape, false);
    }

    private static Window of(Call call, long[] kernel, long[] shape, boolean filled) {
        OnnxNode node = call.node();
        int count = shape.length - AXES;
        call.require(kernel.length == count && Arrays.stream(kernel).allMatch(size -> size > 0), "a kernel of " + count
                + " sizes",
                Arrays.toString(kernel));
        long[] strides = positive(call, "strides", count);
        long[] dilations = positive(call, "dilations", count);
        long[] before = new long[count];
        long[] after = new long[count];
        String auto = node.text("auto_pad", "NOTSET");
        if (auto.equals("NOTSET")) {
            long[] pads = node.attributes().contains("pads") ? node.integers("pads") : new long[2 * count];
            call.require(pads.length == 2 * count && Arrays.stream(pads).allMatch(pad -> pad >= 0), 2 * count + " pads >= 0",
                    Arrays.toString(pads));
            before = Arrays.copyOf(pads, count);
            after = Arrays.copyOfRange(pads, count, 2 * count);
        } else if (!auto.equals("VALID")) {
            call.require(auto.equals("SAME_UPPER") || auto.equals("SAME_LOWER"),
                    "auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER",
                    auto);
            for (int i = 0; i < count && filled; i++) {
                long span = dilations[i] * (kernel[i] - 1) + 1;
                long size = shape[AXES + i];
                call.require(size >= 0 || strides[i] == 1, "known sizes for " + auto + " with strides above 1",
                        Arrays.toString(shape));
                long total = strides[i] == 1 ? span - 1
                        : Math.max(0, ((size + strides[i] - 1) / strides[i] - 1) * strides[i] + span - size);
                before[i] = auto.equals("SAME_UPPER") ? total / 2 : total - total / 2;
                after[i] = total - before[i];
            }
        }
        Window window = new Window(kernel, strides, dilations, before, after, new long[count]);
        if (node.integer("ceil_mode", 0) != 0) {
            window.addExtra(call, shape);
        }
        return window;
    }

    private static long[] positive(Call call, String attribute, int count) {
        long[] given = call.node().attributes().contains(attribute) ? call.node().integers(attribute) : null;
        if (given == null) {
            long[] ones = new long[count];
            Arrays.fill(ones, 1);
            return ones;
        }
        call.require(given.length == count && Arrays.stream(given).allMatch(each -> each > 0), count + " " + attribute + " > 0",
                Arrays.toString(given));
        return given;
    }

    private void addExtra(Call call, long[] shape) {
        for (int i = 0; i < kernel.length; i++) {
            long size = shape[AXES + i];
            call.require(size >= 0 || strides[i] == 1, "known sizes for ceil_mode", Arrays.toString(shape));
            if (strides[i] > 1) {
                long room = size + before[i] + after[i] - span(i);
                long steps = (room + strides[i] - 1) / strides[i];
                // A window that would begin behind the input is left out.
                if (steps * strides[i] >= size + before[i]) {
                    steps--;
                }
                extra[i] = Math.max(0, steps * strides[i] - room);
            }
        }
    }

    long span(int axis) {
        return dilations[axis] * (kernel[axis] - 1) + 1;
    }

    /** Spatial sizes of the output. */
    long[] output(Call call, long[] shape) {
        long[] sizes = new long[kernel.length];
        for (int i = 0; i < sizes.length; i++) {
            long size = shape[AXES + i];
            boolean isEqual = strides[i] == 1 && before[i] + after[i] + extra[i] == span(i) - 1;
            sizes[i] = size < 0 ? isEqual ? size : -1 : (size + before[i] + after[i] + extra[i] - span(i)) / strides[i] + 1;
            call.require(size < 0 || size + before[i] + after[i] + extra[i] >= span(i), "input of at least " + span(i)
                    + " along spatial axis " + i + " with its padding", Arrays.toString(shape));
        }
        return sizes;
    }

    boolean isDilated() {
        return Arrays.stream(dilations).anyMatch(step -> step != 1);
    }

    boolean isPadded() {
        return sum(before) + sum(after) + sum(extra) > 0;
    }

    boolean isSymmetric() {
        return Arrays.equals(before, after) && sum(extra) == 0;
    }

    private static long sum(long[] values) {
        return Arrays.stream(values).sum();
    }

    /** Input with its padding. */
    Value padded(Call call, Value x, double value) {
        long[] front = new long[x.rank()];
        long[] back = new long[x.rank()];
        for (int i = 0; i < kernel.length; i++) {
            front[AXES + i] = before[i];
            back[AXES + i] = after[i] + extra[i];
        }
        return PartOperators.padded(call, x, front, back, value);
    }

    /** The same with a first spatial axis of one element, as ND4J has no operation for sequences in this layout. */
    Window planar() {
        return new Window(prepended(kernel, 1), prepended(strides, 1), prepended(dilations, 1), prepended(before, 0),
                prepended(after, 0), prepended(extra, 0));
    }

    private static long[] prepended(long[] values, long first) {
        return new long[]{first, values[0]};
    }
}
