// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.enums.WeightsFormat;
import org.nd4j.linalg.api.ops.impl.layers.convolution.config.Conv2DConfig;
import org.nd4j.linalg.api.ops.impl.layers.convolution.config.Conv3DConfig;
import org.nd4j.linalg.api.ops.impl.layers.convolution.config.DeConv2DConfig;
import org.nd4j.linalg.api.ops.impl.layers.convolution.config.DeConv3DConfig;
import org.nd4j.linalg.api.ops.impl.layers.convolution.config.PaddingMode;

/** Convolutions of one to three spatial axes. All padding is done before, so that ND4J's own rules for it do not matter. */
final class ConvolutionOperators {
    private static final int PLANE = 4;

    private ConvolutionOperators() {
    }

    static void addTo() {
        Operators.add("Conv", 2, 3, call -> {
            check(call);
            return call.rank(0) < PLANE ? sequences(call, false) : conv(call, call.input(0), call.input(1));
        }, "auto_pad", "dilations", "group", "kernel_shape", "pads", "strides");
        Operators.add("ConvTranspose", 2, 3, call -> {
            check(call);
            return call.rank(0) < PLANE ? sequences(call, true) : transposed(call, call.input(0), call.input(1));
        }, "auto_pad", "dilations", "group", "kernel_shape", "output_padding", "output_shape", "pads", "strides");
    }

    private static void check(Call call) {
        call.requireReal(0);
        call.requireRank(0, 3, 5);
        long[] shape = call.input(0).shape();
        long[] w = call.ranked(1).shape();
        call.require(call.input(1).isSized() && w.length == shape.length, "weights of known shape and rank " + shape.length,
                Arrays.toString(w));
        call.require(call.input(1).type() == call.input(0).type(), "weights of type " + call.input(0).type(),
                call.input(1).type());
        long[] kernel = call.node().attributes().contains("kernel_shape") ? call.node().integers("kernel_shape") : kernel(w);
        call.require(Arrays.equals(kernel, kernel(w)), "kernel_shape " + Arrays.toString(kernel(w)), Arrays.toString(kernel));
        long groups = call.node().integer("group", 1);
        boolean isTransposed = call.node().proto().getOpType().equals("ConvTranspose");
        call.require(groups >= 1 && w[0] % groups == 0, "group that divides " + w[0], groups);
        long channels = isTransposed ? w[0] : w[1] * groups;
        call.require(shape[1] < 0 || shape[1] == channels, channels + " channels", shape[1]);
        if (call.has(2)) {
            long outputs = isTransposed ? w[1] * groups : w[0];
            call.require(Arrays.equals(call.ranked(2).shape(), new long[]{outputs}), "a bias of " + outputs,
                    Arrays.toString(call.input(2).shape()));
        }
    }

    private static long[] kernel(long[] weights) {
        return Arrays.copyOfRange(weights, 2, weights.length);
    }

    private static List<Value> sequences(Call call, boolean isTransposed) {
        Value x = planar(call, call.input(0));
        Value w = planar(call, call.input(1));
        Value y = (isTransposed ? transposed(call, x, w) : conv(call, x, w)).get(0);
        return List.of(call.reaxed(y, 0, 1, 3));
    }

    static Value planar(Call call, Value x) {
        return call.reaxed(x, 0, 1, -1, 2);
    }

    private static Window window(Call call, Value x) {
        Window window = Window.of(call, kernel(call.input(1).shape()), call.input(0).shape());
        return x.rank() > call.rank(0) ? window.planar() : window;
    }

    private static List<Value> conv(Call call, Value given, Value w) {
        Window window = window(call, given);
        boolean inside = window.isSymmetric();
        Value x = inside ? given : window.padded(call, given, 0);
        long[] pads = inside ? window.before() : new long[window.before().length];
        long[] sizes = window.output(call, given.shape());
        long[] shape = new long[given.rank()];
        shape[0] = given.shape()[0];
        shape[1] = w.shape()[0];
        System.arraycopy(sizes, 0, shape, 2, sizes.length);
        int groups = (int) call.node().integer("group", 1);
        SDVariable bias = call.has(2) ? call.x(2) : null;
        if (groups == 1) {
            return Call.one(conv(call, window, pads, x.variable(), w.variable(), bias), shape);
        }
        if (w.shape()[1] == 1 && given.rank() == PLANE) {
            return Call.one(depthwise(call, window, pads, x.variable(), w, groups, bias), shape);
        }
        List<SDVariable> parts = new ArrayList<>();
        long inputs = w.shape()[1];
        long outputs = w.shape()[0] / groups;
        long[] known = Call.with(x.shape(), 1, inputs * groups);
        for (int i = 0; i < groups; i++) {
            parts.add(conv(call, window, pads, call.part(x.variable(), known, 1, i * inputs, (i + 1) * inputs),
                    call.part(w.variable(), w.shape(), 0, i * outputs, (i + 1) * outputs), null));
        }
        return Call.one(biased(call, call.sd().concat(1, parts.toArray(SDVariable[]::new)), bias, shape), shape);
    }

    private static SDVariable biased(Call call, SDVariable y, SDVariable bias, long[] shape) {
        if (bias == null) {
            return y;
        }
        long[] spread = new long[shape.length];
        Arrays.fill(spread, 1);
        spread[1] = shape[1];
        return y.add(call.sd().reshape(bias, spread));
    }

    private static Conv2DConfig plane(Window window, long[] pads) {
        return Conv2DConfig.builder().kH(window.kernel()[0]).kW(window.kernel()[1]).sH(window.strides()[0])
                .sW(window.strides()[1]).dH(window.dilations()[0]).dW(window.dilations()[1]).pH(pads[0]).pW(pads[1])
                .paddingMode(PaddingMode.VALID).dataFormat(Conv2DConfig.NCHW).weightsFormat(WeightsFormat.YXIO).build();
    }

    private static SDVariable conv(Call call, Window window, long[] pads, SDVariable x, SDVariable w, SDVariable bias) {
        if (window.kernel().length == 2) {
            SDVariable ordered = call.sd().permute(w, 2, 3, 1, 0);
            Conv2DConfig config = plane(window, pads);
            return bias == null ? call.sd().cnn.conv2d(x, ordered, config) : call.sd().cnn.conv2d(x, ordered, bias, config);
        }
        SDVariable ordered = call.sd().permute(w, 2, 3, 4, 1, 0);
        Conv3DConfig config = Conv3DConfig.builder().kD(window.kernel()[0]).kH(window.kernel()[1]).kW(window.kernel()[2])
                .sD(window.strides()[0]).sH(window.strides()[1]).sW(window.strides()[2]).dD(window.dilations()[0])
                .dH(window.dilations()[1]).dW(window.dilations()[2]).pD(pads[0]).pH(pads[1]).pW(pads[2])
                .paddingMode(PaddingMode.VALID).dataFormat(Conv3DConfig.NCDHW).biasUsed(bias != null).build();
        return bias == null ? call.sd().cnn.conv3d(x, ordered, config) : call.sd().cnn.conv3d(x, ordered, bias, config);
    }

    private static SDVariable depthwise(Call call, Window window, long[] pads, SDVariable x, Value w, int groups,
                                        SDVariable bias) {
        SDVariable parts = call.sd().reshape(w.variable(), groups, w.shape()[0] / groups, w.shape()[2], w.shape()[3]);
        SDVariable ordered = call.sd().permute(parts, 2, 3, 0, 1);
        Conv2DConfig config = plane(window, pads);
        return bias == null ? call.sd().cnn.depthWiseConv2d(x, ordered, config)
                : call.sd().cnn.depthWiseConv2d(x, ordered, bias, config);
    }

    private static List<Value> transposed(Call call, Value x, Value w) {
        boolean widened = x.rank() > call.rank(0);
        int count = x.rank() - 2;
        Crop crop = Crop.of(call);
        Window window = widened ? crop.window().planar() : crop.window();
        int groups = (int) call.node().integer("group", 1);
        long inputs = w.shape()[0] / groups;
        List<SDVariable> parts = new ArrayList<>();
        long[] known = Call.with(x.shape(), 1, w.shape()[0]);
        for (int i = 0; i < groups; i++) {
            parts.add(transposed(call, window, call.part(x.variable(), known, 1, i * inputs, (i + 1) * inputs),
                    call.part(w.variable(), w.shape(), 0, i * inputs, (i + 1) * inputs)));
        }
        long[] full = new long[x.rank()];
        full[0] = x.shape()[0];
        full[1] = w.shape()[1] * groups;
        for (int i = 0; i < count; i++) {
            long size = x.shape()[2 + i];
            full[2 + i] = size < 0 ? -1 : (size - 1) * window.strides()[i] + window.span(i);
        }
        SDVariable whole = parts.size() == 1 ? parts.get(0) : call.sd().concat(1, parts.toArray(SDVariable[]::new));
        Value y = crop.applied(call, new Value(whole, full), widened ? 1 : 0);
        return Call.one(biased(call, y.variable(), call.has(2) ? call.x(2) : null, y.shape()), y.shape());
    }

    private static SDVariable transposed(Call call, Window window, SDVariable x, SDVariable w) {
        if (window.kernel().length == 2) {
            return call.sd().cnn.deconv2d(x, call.sd().permute(w, 2, 3, 1, 0), DeConv2DConfig.builder().kH(window.kernel()[0])
                    .kW(window.kernel()[1]).sH(window.strides()[0]).sW(window.strides()[1]).dH(window.dilations()[0])
                    .dW(window.dilations()[1]).isSameMode(false).dataFormat(DeConv2DConfig.NCHW).build());
        }
        return call.sd().cnn.deconv3d(x, call.sd().permute(w, 2, 3, 4, 1, 0), DeConv3DConfig.builder().kD(window.kernel()[0])
                .kH(window.kernel()[1]).kW(window.kernel()[2]).sD(window.strides()[0]).sH(window.strides()[1])
                .sW(window.strides()[2]).dD(window.dilations()[0]).dH(window.dilations()[1]).dW(window.dilations()[2])
                .isSameMode(false).dataFormat(DeConv3DConfig.NCDHW).build());
    }

    /**
     * What of the whole output of a transposed convolution is cut off, or added, at each spatial axis.
     *
     * @param window kernel, strides and dilations
     * @param before elements cut off in front
     * @param after  elements cut off behind, or added if negative
     */
    private record Crop(Window window, long[] before, long[] after) {

        static Crop of(Call call) {
            OnnxNode node = call.node();
            long[] shape = call.input(0).shape();
            long[] kernel = kernel(call.input(1).shape());
            int count = kernel.length;
            String auto = node.text("auto_pad", "NOTSET");
            Window window = Window.transposed(call, kernel, shape);
            long[] more = node.attributes().contains("output_padding") ? node.integers("output_padding") : new long[count];
            call.require(more.length == count, count + " output_padding", Arrays.toString(more));
            long[] before = window.before().clone();
            long[] after = window.after().clone();
            long[] sizes = node.attributes().contains("output_shape") ? node.integers("output_shape") : null;
            call.require(sizes == null || sizes.length == count, count + " sizes of output_shape", Arrays.toString(sizes));
            boolean same = auto.startsWith("SAME");
            for (int i = 0; i < count; i++) {
                if (sizes != null || same) {
                    long size = shape[2 + i];
                    call.require(size > 0, "input of known spatial sizes", Arrays.toString(shape));
                    long target = sizes != null ? sizes[i] : size * window.strides()[i];
                    long total = (size - 1) * window.strides()[i] + window.span(i) + more[i] - target;
                    call.require(total >= 0, "output_shape of at most " + (target + total), target);
                    before[i] = auto.equals("SAME_UPPER") ? total / 2 : total - total / 2;
                    after[i] = total - before[i];
                }
                after[i] -= more[i];
            }
            return new Crop(window, before, after);
        }

        /** The output as it is to be; the first axes have been put in and stay. */
        Value applied(Call call, Value full, int first) {
            Value y = full;
            long[] none = new long[full.rank()];
            long[] added = new long[full.rank()];
            for (int i = 0; i < before.length; i++) {
                int axis = 2 + first + i;
                y = SliceOperators.cropped(call, y, axis, before[i], Math.max(0, after[i]));
                added[axis] = Math.max(0, -after[i]);
            }
            return PartOperators.padded(call, y, none, added, 0);
        }
    }
}
