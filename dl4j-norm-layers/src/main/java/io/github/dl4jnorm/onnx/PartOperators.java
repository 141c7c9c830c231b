// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/** Operators that put arrays together or take parts of them. */
final class PartOperators {

    private PartOperators() {
    }

    static void addTo() {
        Operators.add("Concat", 1, Operators.MANY, PartOperators::concat, "axis");
        Operators.add("Split", 1, 2, Operators.MANY, PartOperators::split, "axis", "split", "num_outputs");
        Operators.add("Gather", 2, 2, PartOperators::gather, "axis");
        Operators.add("Pad", 1, 4, PartOperators::pad, "pads", "paddings", "mode", "value");
        Operators.add("DepthToSpace", 1, 1, PartOperators::depthToSpace, "blocksize", "mode");
        Operators.add("SpaceToDepth", 1, 1, PartOperators::spaceToDepth, "blocksize", "mode");
    }

    private static List<Value> concat(Call call) {
        int rank = call.rank(0);
        boolean old = call.node().opset() < 4;
        call.require(old || call.node().attributes().contains("axis"), "attribute axis", "none");
        int axis = call.axis(call.node().integer("axis", 1), rank);
        long[] shape = call.input(0).shape().clone();
        for (int i = 1; i < call.inputs().size(); i++) {
            long[] other = call.ranked(i).shape();
            call.require(other.length == rank && call.input(i).type() == call.input(0).type(),
                    call.input(0).type() + " of rank " + rank, call.input(i).type() + " of rank " + other.length);
            for (int j = 0; j < rank; j++) {
                if (j == axis) {
                    shape[j] = shape[j] < 0 || other[j] < 0 ? -1 : shape[j] + other[j];
                } else {
                    call.require(shape[j] == other[j] || shape[j] < 0 || other[j] < 0, "inputs of equal sizes but along axis "
                            + axis,
                            Arrays.toString(call.input(0).shape()) + " and " + Arrays.toString(other));
                    shape[j] = Math.max(shape[j], other[j]);
                }
            }
        }
        SDVariable[] all = call.inputs().stream().map(Value::variable).toArray(SDVariable[]::new);
        return Call.one(all.length == 1 ? all[0] : call.sd().concat(axis, all), shape);
    }

    private static List<Value> split(Call call) {
        long[] shape = call.ranked(0).shape();
        int axis = call.axis(call.node().integer("axis", 0), shape.length);
        call.require(shape[axis] >= 0, "input whose size along axis " + axis + " is known", Arrays.toString(shape));
        int count = call.node().outputs().size();
        long[] sizes = call.integers(1, "split");
        if (sizes == null) {
            long number = call.node().integer("num_outputs", count);
            call.require(number == count, "num_outputs " + count, number);
            long each = (shape[axis] + count - 1) / count;
            call.require(call.node().opset() >= 18 || each * count == shape[axis], "a size that " + count + " divides",
                    shape[axis]);
            sizes = new long[count];
            Arrays.fill(sizes, each);
            sizes[count - 1] = shape[axis] - each * (count - 1);
        }
        call.require(sizes.length == count && Arrays.stream(sizes).allMatch(size -> size > 0)
                && Arrays.stream(sizes).sum() == shape[axis], count + " sizes > 0 with the sum " + shape[axis],
                Arrays.toString(sizes));
        List<Value> parts = new ArrayList<>();
        long start = 0;
        for (long size : sizes) {
            parts.add(new Value(call.part(call.x(), shape, axis, start, start + size), Call.with(shape, axis, size)));
            start += size;
        }
        return parts;
    }

    private static List<Value> gather(Call call) {
        long[] shape = call.ranked(0).shape();
        int axis = call.axis(call.node().integer("axis", 0), shape.length);
        long[] picked = call.ranked(1).shape();
        SDVariable indices;
        if (call.input(1).constant() != null) {
            long[] given = call.integers(1);
            call.require(shape[axis] < 0 || Arrays.stream(given).allMatch(i -> i >= -shape[axis] && i < shape[axis]),
                    "indices of " + shape[axis], Arrays.toString(given));
            indices = Arrays.stream(given).allMatch(i -> i >= 0) || shape[axis] < 0 ? wrapped(call, axis)
                    : call.sd().constant(Nd4j.createFromArray(Arrays.stream(given).map(i -> i < 0 ? i + shape[axis]
                    : i).toArray())
                            .reshape(picked));
        } else {
            indices = wrapped(call, axis);
        }
        long[] result = new long[shape.length - 1 + picked.length];
        System.arraycopy(shape, 0, result, 0, axis);
        System.arraycopy(picked, 0, result, axis, picked.length);
        System.arraycopy(shape, axis + 1, result, axis + picked.length, shape.length - axis - 1);
        return Call.one(call.sd().gather(call.x(), indices, axis), result);
    }

    /** Negative indices count from the end. */
    private static SDVariable wrapped(Call call, int axis) {
        SDVariable indices = call.typed(call.x(1), DataType.LONG);
        if (call.input(1).constant() != null && Arrays.stream(call.integers(1)).allMatch(i -> i >= 0)) {
            return indices;
        }
        SDVariable isNegative = call.typed(call.sd().lt(indices, call.number(0, DataType.LONG)), DataType.LONG);
        return indices.add(isNegative.mul(call.sd().reshape(call.size(0, axis), new long[0])));
    }

    private static List<Value> pad(Call call) {
        long[] shape = call.ranked(0).shape();
        int rank = shape.length;
        long[] given = call.integers(1, call.node().attributes().contains("paddings") ? "paddings" : "pads");
        call.require(given != null, "pads", "none");
        long[] axes = call.has(3) ? call.integers(3) : null;
        int count = axes == null ? rank : axes.length;
        call.require(given.length == 2 * count, 2 * count + " pads", Arrays.toString(given));
        long[] before = new long[rank];
        long[] after = new long[rank];
        for (int i = 0; i < count; i++) {
            int axis = axes == null ? i : call.axis(axes[i], rank);
            before[axis] = given[i];
            after[axis] = given[count + i];
        }
        String mode = call.node().text("mode", "constant");
        double value = call.has(2) ? call.constant(2).getDouble(0) : call.node().number("value", 0);
        Value x = call.input(0);
        for (int axis = 0; axis < rank; axis++) {
            if (before[axis] < 0 || after[axis] < 0 || !mode.equals("constant") && (before[axis] != 0 || after[axis] != 0)) {
                x = repadded(call, x, axis, before, after, mode);
            }
        }
        return List.of(mode.equals("constant") ? padded(call, x, before, after, value) : x);
    }

    static Value padded(Call call, Value x, long[] before, long[] after, double value) {
        if (Arrays.stream(before).allMatch(pad -> pad == 0) && Arrays.stream(after).allMatch(pad -> pad == 0)) {
            return x;
        }
        DataType type = x.type();
        call.require(type.isFPType() || value == (long) value, "an integer", value);
        long[] shape = x.shape().clone();
        SDVariable y = x.variable();
        for (int axis = 0; axis < shape.length; axis++) {
            List<SDVariable> parts = new ArrayList<>();
            if (before[axis] > 0) {
                parts.add(filler(call, y, shape, axis, before[axis], value));
            }
            parts.add(y);
            if (after[axis] > 0) {
                parts.add(filler(call, y, shape, axis, after[axis], value));
            }
            if (parts.size() > 1) {
                y = call.sd().concat(axis, parts.toArray(SDVariable[]::new));
                shape[axis] = shape[axis] < 0 ? -1 : shape[axis] + before[axis] + after[axis];
            }
        }
        return new Value(y, shape);
    }

    private static SDVariable filler(Call call, SDVariable x, long[] shape, int axis, long size, double value) {
        SDVariable[] sizes = new SDVariable[shape.length];
        Arrays.setAll(sizes, i -> i == axis ? call.list(size) : call.size(x, shape, i));
        return call.sd().fill(sizes.length == 1 ? sizes[0] : call.sd().concat(0, sizes), x.dataType(), value);
    }

    /** Crops, mirrors, repeats or wraps along one axis, whose size has to be known. */
    private static Value repadded(Call call, Value x, int axis, long[] before, long[] after, String mode) {
        long size = x.shape()[axis];
        call.require(size > 0, "input whose size along axis " + axis + " is known", Arrays.toString(x.shape()));
        boolean constant = mode.equals("constant");
        long first = constant ? Math.min(0, before[axis]) : before[axis];
        long last = constant ? Math.min(0, after[axis]) : after[axis];
        long length = size + first + last;
        int[] indices = new int[call.length(length)];
        Arrays.setAll(indices, i -> (int) index(call, i - first, size, mode));
        before[axis] = Math.max(0, before[axis]);
        after[axis] = Math.max(0, after[axis]);
        return new Value(call.sd().gather(x.variable(), indices, axis), Call.with(x.shape(), axis, length));
    }

    private static long index(Call call, long i, long size, String mode) {
        return switch (mode) {
            case "constant" -> i;
            case "edge" -> Math.max(0, Math.min(size - 1, i));
            case "wrap" -> Math.floorMod(i, size);
            case "reflect" -> {
                call.require(size > 1 && i > -size && i < 2 * size - 1, "pads smaller than the size " + size, i);
                yield i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
            }
            default -> throw call.node().error("mode constant, edge, reflect or wrap", mode);
        };
    }

    private static List<Value> depthToSpace(Call call) {
        call.requireRank(0, 4, 4);
        long block = call.node().integer("blocksize", 0);
        long[] shape = call.input(0).shape();
        call.require(block > 0 && shape[1] > 0 && shape[1] % (block * block) == 0, "channels that blocksize² divides",
                shape[1] + " and blocksize " + block);
        long channels = shape[1] / (block * block);
        boolean depthFirst = isDepthFirst(call);
        SDVariable b = call.list(block);
        SDVariable c = call.list(channels);
        SDVariable parts = depthFirst ? call.reshape(call.x(), call.size(0, 0), b, b, c, call.size(0, 2), call.size(0, 3))
                : call.reshape(call.x(), call.size(0, 0), c, b, b, call.size(0, 2), call.size(0, 3));
        SDVariable ordered = depthFirst ? call.sd().permute(parts, 0, 3, 4, 1, 5, 2) : call.sd().permute(parts, 0, 1, 4, 2, 5, 3);
        return Call.one(call.reshape(ordered, call.size(0, 0), c, call.size(0, 2).mul(b), call.size(0, 3).mul(b)),
                new long[]{shape[0], channels, scaled(shape[2], block), scaled(shape[3], block)});
    }

    private static boolean isDepthFirst(Call call) {
        String mode = call.node().text("mode", "DCR");
        call.require(mode.equals("DCR") || mode.equals("CRD"), "mode DCR or CRD", mode);
        return mode.equals("DCR");
    }

    private static long scaled(long size, long factor) {
        return size < 0 ? -1 : size * factor;
    }

    private static List<Value> spaceToDepth(Call call) {
        call.requireRank(0, 4, 4);
        long block = call.node().integer("blocksize", 0);
        long[] shape = call.input(0).shape();
        call.require(block > 0 && shape[1] > 0 && shape[2] > 0 && shape[3] > 0 && shape[2] % block == 0 && shape[3] % block == 0,
                "known sizes that blocksize divides", Arrays.toString(shape) + " and blocksize " + block);
        SDVariable b = call.list(block);
        SDVariable parts = call.reshape(call.x(), call.size(0, 0), call.list(shape[1]), call.list(shape[2] / block), b,
                call.list(shape[3] / block), b);
        long[] result = {shape[0], shape[1] * block * block, shape[2] / block, shape[3] / block};
        SDVariable ordered = isDepthFirst(call) ? call.sd().permute(parts, 0, 3, 5, 1, 2, 4)
                : call.sd().permute(parts, 0, 1, 3, 5, 2, 4);
        return Call.one(call.reshape(ordered, call.size(0, 0), call.list(result[1]),
                call.list(result[2]), call.list(result[3])), result);
    }
}
