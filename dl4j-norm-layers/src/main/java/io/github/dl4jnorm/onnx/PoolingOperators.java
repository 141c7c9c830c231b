// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ops.impl.layers.convolution.Pooling2D;
import org.nd4j.linalg.api.ops.impl.layers.convolution.Pooling3D;
import org.nd4j.linalg.api.ops.impl.layers.convolution.config.PaddingMode;
import org.nd4j.linalg.api.ops.impl.layers.convolution.config.Pooling2DConfig;
import org.nd4j.linalg.api.ops.impl.layers.convolution.config.Pooling3DConfig;

/** Largest elements and means of windows of one to three spatial axes. */
final class PoolingOperators {
    private static final int PLANE = 4;
    /** Each element of a window with dilations is an operation in the graph. */
    private static final int LARGEST_WINDOW = 1000;

    private PoolingOperators() {
    }

    static void addTo() {
        Operators.add("MaxPool", 1, 1, 2, call -> pool(call, true), "auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads",
                "storage_order", "strides");
        Operators.add("AveragePool", 1, 1, call -> pool(call, false), "auto_pad", "ceil_mode", "count_include_pad", "dilations",
                "kernel_shape", "pads", "strides");
        Operators.add("GlobalAveragePool", 1, 1, call -> global(call, (x, axes) -> x.mean(true, axes)));
        Operators.add("GlobalMaxPool", 1, 1, call -> global(call, (x, axes) -> x.max(true, axes)));
    }

    /** Reduces axes, which stay with one element. */
    @FunctionalInterface
    private interface Reduction {
        SDVariable apply(SDVariable x, int... axes);
    }

    private static List<Value> global(Call call, Reduction reduction) {
        call.requireReal(0);
        call.requireRank(0, 3, Integer.MAX_VALUE);
        long[] shape = call.input(0).shape().clone();
        Arrays.fill(shape, 2, shape.length, 1);
        return Call.one(reduction.apply(call.x(), Call.range(2, shape.length)), shape);
    }

    private static List<Value> pool(Call call, boolean largest) {
        call.requireReal(0);
        call.requireRank(0, 3, 5);
        long[] given = call.input(0).shape();
        Window window = Window.of(call, call.node().integers("kernel_shape"), given);
        // ONNX Runtime leaves the dilations out of the padding then.
        String auto = call.node().text("auto_pad", "NOTSET");
        call.require(!window.isDilated() || !auto.startsWith("SAME"), "pads for dilations above 1", "auto_pad " + auto);
        long[] shape = given.clone();
        System.arraycopy(window.output(call, given), 0, shape, 2, given.length - 2);
        boolean sequence = given.length < PLANE;
        Window flat = sequence ? window.planar() : window;
        Value x = sequence ? ConvolutionOperators.planar(call, call.input(0)) : call.input(0);
        SDVariable y = largest ? pooled(call, flat, flat.padded(call, x, lowest(x.type())), true)
                : means(call, flat, x);
        return List.of(sequence ? call.reaxed(new Value(y, shape[0], shape[1], 1, shape[2]), 0, 1, 3) : new Value(y, shape));
    }

    private static double lowest(DataType type) {
        return type == DataType.HALF ? -65504 : type == DataType.DOUBLE ? -Double.MAX_VALUE : -Float.MAX_VALUE;
    }

    /** Means over the elements of windows, those of the padding counted or not. */
    private static SDVariable means(Call call, Window window, Value x) {
        SDVariable sums = pooled(call, window, window.padded(call, x, 0), false);
        if (!window.isPadded()) {
            return sums;
        }
        boolean included = call.node().integer("count_include_pad", 0) != 0;
        if (included) {
            // Implementations differ in whether they count what ceil_mode adds.
            call.require(Arrays.stream(window.extra()).allMatch(size -> size == 0),
                    "count_include_pad 0, or windows that all lie inside of input and pads",
                    "count_include_pad 1 with ceil_mode 1");
            return sums;
        }
        Value ones = new Value(call.sd().onesLike(x.variable()), x.shape());
        return sums.div(pooled(call, window, window.padded(call, ones, 0), false));
    }

    /** Goes over the elements of a window, each of which is a part of the input with steps of the strides. */
    private static SDVariable dilated(Call call, Window window, Value x, boolean largest) {
        int count = window.kernel().length;
        long length = Arrays.stream(window.kernel()).reduce(1, Math::multiplyExact);
        call.require(length <= LARGEST_WINDOW, "a kernel of at most " + LARGEST_WINDOW + " elements for dilations above 1",
                length);
        SDVariable y = null;
        for (long i = 0; i < length; i++) {
            Value part = x;
            long left = i;
            for (int axis = count - 1; axis >= 0; axis--) {
                long first = left % window.kernel()[axis] * window.dilations()[axis];
                left /= window.kernel()[axis];
                long size = x.shape()[2 + axis];
                call.require(size > 0, "known spatial sizes for dilations above 1", Arrays.toString(x.shape()));
                long last = first + (size - window.span(axis)) / window.strides()[axis] * window.strides()[axis];
                part = SliceOperators.part(call, part, 2 + axis, first, last + 1, window.strides()[axis]);
            }
            y = y == null ? part.variable() : largest ? call.sd().math.max(y, part.variable()) : y.add(part.variable());
        }
        return largest ? y : y.mul(call.number(1.0 / length));
    }

    private static SDVariable pooled(Call call, Window window, Value given, boolean largest) {
        SDVariable x = given.variable();
        if (window.isDilated()) {
            return dilated(call, window, given, largest);
        }
        long[] kernel = window.kernel();
        long[] strides = window.strides();
        if (kernel.length == 2) {
            Pooling2DConfig config = Pooling2DConfig.builder().kH(kernel[0]).kW(kernel[1]).sH(strides[0]).sW(strides[1])
                    .type(largest ? Pooling2D.Pooling2DType.MAX : Pooling2D.Pooling2DType.AVG)
                    .paddingMode(PaddingMode.VALID).isNHWC(false).build();
            return largest ? call.sd().cnn.maxPooling2d(x, config) : call.sd().cnn.avgPooling2d(x, config);
        }
        // ND4J hands height and width over in the wrong order.
        Pooling3DConfig config = Pooling3DConfig.builder().kD(kernel[0]).kW(kernel[1]).kH(kernel[2]).sD(strides[0])
                .sW(strides[1]).sH(strides[2]).type(largest ? Pooling3D.Pooling3DType.MAX
                        : Pooling3D.Pooling3DType.AVG).isSameMode(false).isNCDHW(true).build();
        return largest ? call.sd().cnn.maxPooling3d(x, config) : call.sd().cnn.avgPooling3d(x, config);
    }
}
