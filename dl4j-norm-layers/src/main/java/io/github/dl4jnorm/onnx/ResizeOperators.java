// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/** Resizing by the nearest element or linearly, axis by axis. */
final class ResizeOperators {
    private static final String SCALES = "scales";
    private static final int SIZES = 3;
    private static final int TAPS = 4;

    private ResizeOperators() {
    }

    static void addTo() {
        Operators.add("Upsample", 1, 2, call -> {
            float[] scales = call.has(1) ? call.constant(1).castTo(DataType.FLOAT).toFloatVector() : call.node().floats(SCALES);
            return resized(call, scales, null, "asymmetric", "floor");
        }, "mode", SCALES);
        Operators.add("Resize", 1, 4, ResizeOperators::resize, "antialias", "axes", "coordinate_transformation_mode",
                "cubic_coeff_a", "exclude_outside", "extrapolation_value", "keep_aspect_ratio_policy", "mode", "nearest_mode");
    }

    private static List<Value> resize(Call call) {
        OnnxNode node = call.node();
        boolean first = node.opset() < 11;
        int index = first ? 1 : 2;
        float[] scales = call.has(index) && call.constant(index).length() > 0
                ? call.constant(index).castTo(DataType.FLOAT).reshape(-1).toFloatVector() : null;
        long[] sizes = call.has(SIZES) ? call.input(SIZES).integers() : null;
        call.require(!call.has(SIZES) || sizes != null, "sizes that are known at least in part", "none");
        call.require((scales == null) != (sizes == null || sizes.length == 0), "either scales or sizes", node.inputs());
        call.require(node.integer("antialias", 0) == 0, "antialias 0", 1);
        long[] axes = node.attributes().contains("axes") ? node.integers("axes") : null;
        int rank = call.rank(0);
        float[] allScales = scales;
        long[] allSizes = sizes;
        if (axes != null) {
            allScales = scales == null ? null : new float[rank];
            allSizes = scales == null ? call.input(0).shape().clone() : null;
            for (int i = 0; i < rank && scales != null; i++) {
                allScales[i] = 1;
            }
            call.require((scales == null ? sizes.length : scales.length) == axes.length, axes.length + " scales or sizes",
                    scales == null ? sizes.length : scales.length);
            for (int i = 0; i < axes.length; i++) {
                int axis = call.axis(axes[i], rank);
                if (scales != null) {
                    allScales[axis] = scales[i];
                } else {
                    allSizes[axis] = sizes[i];
                }
            }
        }
        String policy = node.text("keep_aspect_ratio_policy", "stretch");
        if (allSizes != null && !policy.equals("stretch")) {
            allSizes = proportional(call, allSizes, axes == null ? Call.range(0, rank) : call.axes(axes, rank), policy);
        }
        return resized(call, allScales, allSizes, node.text("coordinate_transformation_mode", first ? "asymmetric"
                : "half_pixel"),
                node.text("nearest_mode", first ? "floor" : "round_prefer_floor"));
    }

    /** Sizes in the proportions of the input: none larger than asked for, or none smaller. */
    private static long[] proportional(Call call, long[] sizes, int[] axes, String policy) {
        long[] shape = call.input(0).shape();
        boolean isLess = policy.equals("not_larger");
        call.require(isLess || policy.equals("not_smaller"), "keep_aspect_ratio_policy stretch, not_larger or not_smaller",
                policy);
        double scale = isLess ? Double.MAX_VALUE : 0;
        for (int axis : axes) {
            call.require(shape[axis] > 0 && sizes.length == shape.length && sizes[axis] > 0, "known sizes",
                    Arrays.toString(shape));
            double each = (double) sizes[axis] / shape[axis];
            scale = isLess ? Math.min(scale, each) : Math.max(scale, each);
        }
        long[] result = shape.clone();
        for (int axis : axes) {
            result[axis] = (long) Math.floor(scale * shape[axis] + 0.5);
        }
        return result;
    }

    private static List<Value> resized(Call call, float[] scales, long[] sizes, String transformation, String nearest) {
        String mode = call.node().text("mode", "nearest");
        call.require(mode.equals("nearest") || mode.equals("linear") || mode.equals("cubic"),
                "mode nearest, linear or cubic", mode);
        call.requireReal(0);
        long[] shape = call.ranked(0).shape();
        int given = scales != null ? scales.length : sizes.length;
        call.require(given == shape.length, shape.length + " scales or sizes", given);
        Value y = call.input(0);
        for (int axis = 0; axis < shape.length; axis++) {
            float scale = scales != null ? scales[axis] : sizes[axis] == shape[axis] ? 1 : (float) sizes[axis] / shape[axis];
            if (scale != 1 || sizes != null && sizes[axis] != shape[axis]) {
                long size = shape[axis];
                call.require(size > 0 && (sizes == null || sizes[axis] > 0), "input and sizes that are known along axis " + axis,
                        Arrays.toString(shape) + " and " + Arrays.toString(sizes));
                long result = sizes != null ? sizes[axis] : (long) Math.floor(size * (double) scale);
                call.require(scale > 0, "scales > 0", scale);
                // The definition has a size that is not whole there; implementations do not.
                call.require(!transformation.equals("align_corners") || sizes != null || result == size * (double) scale,
                        "scales that give whole sizes for align_corners", scale);
                float factor = scale;
                double[] places = IntStream.range(0, call.length(result))
                        .mapToDouble(i -> place(call, i, size, result, factor, transformation)).toArray();
                SDVariable part = mode.equals("nearest") ? nearest(call, y, axis, places, nearest)
                        : mode.equals("linear") ? linear(call, y, axis, places) : cubic(call, y, axis, places);
                y = new Value(part, Call.with(y.shape(), axis, result));
            }
        }
        return List.of(y);
    }

    /** Where in the input an element of the output is. */
    private static double place(Call call, long i, long size, long result, float scale, String transformation) {
        return switch (transformation) {
            case "half_pixel" -> (i + 0.5f) / scale - 0.5f;
            case "half_pixel_symmetric" -> size / 2f * (1 - result / (scale * size)) + (i + 0.5f) / scale - 0.5f;
            case "pytorch_half_pixel" -> result > 1 ? (i + 0.5f) / scale - 0.5f : 0;
            case "asymmetric" -> i / scale;
            case "align_corners" -> result > 1 ? (float) i * (size - 1) / (result - 1) : 0;
            default -> throw call.node().error("coordinate_transformation_mode half_pixel, half_pixel_symmetric, "
                    + "pytorch_half_pixel, asymmetric or align_corners", transformation);
        };
    }

    private static SDVariable nearest(Call call, Value x, int axis, double[] places, String mode) {
        long last = x.shape()[axis] - 1;
        int[] indices = Arrays.stream(places).mapToInt(place -> (int) Math.max(0, Math.min(last, rounded(call, place, mode))))
                .toArray();
        return call.sd().gather(x.variable(), indices, axis);
    }

    private static long rounded(Call call, double place, String mode) {
        return (long) switch (mode) {
            case "round_prefer_floor" -> Math.ceil(place - 0.5);
            case "round_prefer_ceil" -> Math.floor(place + 0.5);
            case "floor" -> Math.floor(place);
            case "ceil" -> Math.ceil(place);
            default -> throw call.node().error("nearest_mode round_prefer_floor, round_prefer_ceil, floor or ceil", mode);
        };
    }

    private static SDVariable linear(Call call, Value x, int axis, double[] places) {
        int last = (int) x.shape()[axis] - 1;
        int[] lower = new int[places.length];
        int[] upper = new int[places.length];
        double[] weights = new double[places.length];
        for (int i = 0; i < places.length; i++) {
            double place = Math.max(0, Math.min(last, places[i]));
            lower[i] = (int) Math.floor(place);
            upper[i] = Math.min(last, lower[i] + 1);
            weights[i] = place - lower[i];
        }
        SDVariable low = call.sd().gather(x.variable(), lower, axis);
        return low.add(call.sd().gather(x.variable(), upper, axis).sub(low).mul(along(call, x, axis, weights)));
    }

    /** Numbers for the elements of an axis. */
    private static SDVariable along(Call call, Value x, int axis, double... numbers) {
        long[] spread = new long[x.rank()];
        Arrays.fill(spread, 1);
        spread[axis] = numbers.length;
        return call.sd().constant(Nd4j.createFromArray(numbers).castTo(x.type()).reshape(spread));
    }

    /** By the four elements around; those outside are the last ones, or left out. */
    private static SDVariable cubic(Call call, Value x, int axis, double... places) {
        int last = (int) x.shape()[axis] - 1;
        double a = call.node().number("cubic_coeff_a", -0.75f);
        boolean isOutsideLeftOut = call.node().integer("exclude_outside", 0) != 0;
        double[] sums = new double[places.length];
        double[][] weights = new double[TAPS][places.length];
        int[][] indices = new int[TAPS][places.length];
        for (int tap = 0; tap < TAPS; tap++) {
            for (int i = 0; i < places.length; i++) {
                int index = (int) Math.floor(places[i]) + tap - 1;
                indices[tap][i] = Math.max(0, Math.min(last, index));
                weights[tap][i] = isOutsideLeftOut && index != indices[tap][i] ? 0 : cubic(Math.abs(places[i] - index), a);
                sums[i] += weights[tap][i];
            }
        }
        SDVariable y = null;
        for (int tap = 0; tap < TAPS; tap++) {
            for (int i = 0; i < places.length; i++) {
                weights[tap][i] /= isOutsideLeftOut ? sums[i] : 1;
            }
            SDVariable part = call.sd().gather(x.variable(), indices[tap], axis).mul(along(call, x, axis, weights[tap]));
            y = y == null ? part : y.add(part);
        }
        return y;
    }

    private static double cubic(double distance, double a) {
        return distance <= 1 ? ((a + 2) * distance - (a + 3)) * distance * distance + 1
                : ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a;
    }
}
