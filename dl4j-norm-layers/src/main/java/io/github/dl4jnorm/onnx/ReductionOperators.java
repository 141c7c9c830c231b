// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;

/** Operators that reduce axes, or normalize along them. */
final class ReductionOperators {
    private static final int SOFTMAX_OF_ONE_AXIS = 13;
    /** Each term of LRN's sum is an operation in the graph. */
    private static final int LARGEST_SUM = 1000;

    /** The reduction of a node. */
    @FunctionalInterface
    private interface Reducer {
        SDVariable apply(Call call, SDVariable x, boolean keep, int... axes);
    }

    private ReductionOperators() {
    }

    static void addTo() {
        add("ReduceSum", (call, x, keep, axes) -> x.sum(keep, axes));
        add("ReduceMean", (call, x, keep, axes) -> x.mean(keep, axes));
        add("ReduceMax", (call, x, keep, axes) -> x.max(keep, axes));
        add("ReduceMin", (call, x, keep, axes) -> x.min(keep, axes));
        add("ReduceProd", (call, x, keep, axes) -> x.prod(keep, axes));
        add("ReduceL1", (call, x, keep, axes) -> call.sd().math.abs(x).sum(keep, axes));
        add("ReduceL2", (call, x, keep, axes) -> call.sd().math.sqrt(x.mul(x).sum(keep, axes)));
        add("ReduceLogSum", (call, x, keep, axes) -> call.sd().math.log(x.sum(keep, axes)));
        add("ReduceSumSquare", (call, x, keep, axes) -> x.mul(x).sum(keep, axes));
        add("ReduceLogSumExp", ReductionOperators::logSumExp);
        Operators.add("ArgMax", 1, 1, call -> position(call, true), "axis", "keepdims", "select_last_index");
        Operators.add("ArgMin", 1, 1, call -> position(call, false), "axis", "keepdims", "select_last_index");
        Operators.add("Softmax", 1, 1, call -> softmax(call, false), "axis");
        Operators.add("LogSoftmax", 1, 1, call -> softmax(call, true), "axis");
        Operators.add("LRN", 1, 1, ReductionOperators::responses, "alpha", "beta", "bias", "size");
    }

    private static void add(String type, Reducer reduction) {
        Operators.add(type, 1, 2, call -> reduced(call, reduction), "axes", "keepdims", "noop_with_empty_axes");
    }

    private static List<Value> reduced(Call call, Reducer reduction) {
        long[] shape = call.ranked(0).shape();
        DataType type = call.input(0).type();
        long[] given = call.integers(1, "axes");
        boolean none = given == null || given.length == 0;
        if (none && call.node().integer("noop_with_empty_axes", 0) != 0) {
            call.require(call.node().proto().getOpType().matches("Reduce(Sum|Mean|Max|Min|Prod)"), "axes", "none");
            return List.of(call.input(0));
        }
        int[] axes = none ? Call.range(0, shape.length) : call.axes(given, shape.length);
        boolean keep = call.node().integer("keepdims", 1) != 0;
        long[] result = reducedShape(shape, axes, keep);
        if (axes.length == 0) {
            return Call.one(reduction.apply(call, call.sd().reshape(call.x(), 1, 1, 1), false, 0, 1, 2), result);
        }
        boolean isTruth = type == DataType.BOOL && call.node().proto().getOpType().matches("Reduce(Max|Min)");
        SDVariable y = Reduction.of((x, kept, all) -> reduction.apply(call, x, kept, all), call.sd(), isTruth
                ? call.typed(call.x(), DataType.INT) : call.x(), shape.length, keep, axes);
        return Call.one(isTruth ? call.sd().gt(y, call.number(0, DataType.INT)) : call.typed(y, type), result);
    }

    private static long[] reducedShape(long[] shape, int[] axes, boolean keep) {
        long[] sizes = shape.clone();
        for (int axis : axes) {
            sizes[axis] = keep ? 1 : Long.MIN_VALUE;
        }
        return Arrays.stream(sizes).filter(size -> size != Long.MIN_VALUE).toArray();
    }

    private static SDVariable logSumExp(Call call, SDVariable x, boolean keep, int... axes) {
        SDVariable largest = x.max(true, axes);
        SDVariable sum = call.sd().math.exp(x.sub(largest)).sum(keep, axes);
        return call.sd().math.log(sum).add(keep ? largest : x.max(false, axes));
    }

    private static List<Value> position(Call call, boolean largest) {
        int axis = call.axis(call.node().integer("axis", 0), call.rank(0));
        boolean keep = call.node().integer("keepdims", 1) != 0;
        boolean isLast = call.node().integer("select_last_index", 0) != 0;
        SDVariable x = isLast ? call.sd().reverse(call.x(), axis) : call.x();
        SDVariable y = call.typed(largest ? call.sd().argmax(x, keep, axis) : call.sd().argmin(x, keep, axis), DataType.LONG);
        if (isLast) {
            y = call.sd().reshape(call.size(0, axis), new long[0]).sub(call.number(1, DataType.LONG)).sub(y);
        }
        return Call.one(y, reducedShape(call.input(0).shape(), new int[]{axis}, keep));
    }

    /** Before operator set 13 all axes from the given one on are taken together. */
    private static List<Value> softmax(Call call, boolean log) {
        call.requireReal(0);
        int rank = call.rank(0);
        boolean together = call.node().opset() < SOFTMAX_OF_ONE_AXIS;
        int axis = call.axis(call.node().integer("axis", together ? 1 : -1), rank);
        SDVariable x = call.x();
        if (!together || axis == rank - 1) {
            return Call.one(softmax(call, x, log, axis, rank), call.input(0).shape());
        }
        SDVariable rows = call.reshape(x, call.product(0, 0, axis), call.list(-1));
        return Call.one(call.sd().reshape(softmax(call, rows, log, 1, 2), call.sd().shape(x)), call.input(0).shape());
    }

    private static SDVariable softmax(Call call, SDVariable x, boolean log, int axis, int rank) {
        SDVariable centered = x.sub(Reduction.of(SDVariable::max, call.sd(), x, rank, true, axis));
        SDVariable powers = call.sd().math.exp(centered);
        SDVariable sum = Reduction.of(SDVariable::sum, call.sd(), powers, rank, true, axis);
        if (log) {
            return centered.sub(call.sd().math.log(sum));
        }
        return axis == rank - 1 ? call.sd().nn.softmax(x, axis) : powers.div(sum);
    }

    /** y = x / (bias + alpha / size · Σ x²)^beta, the sum over as many channels around each as size says. */
    private static List<Value> responses(Call call) {
        call.requireReal(0);
        long[] shape = call.ranked(0).shape();
        long size = call.node().integer("size", 0);
        call.require(size >= 1 && size <= LARGEST_SUM, "size from 1 to " + LARGEST_SUM, size);
        call.require(shape.length >= 2 && shape[1] > 0, "input whose number of channels is known", Arrays.toString(shape));
        long[] before = new long[shape.length];
        long[] after = new long[shape.length];
        before[1] = (size - 1) / 2;
        after[1] = size - 1 - before[1];
        SDVariable squares = call.x().mul(call.x());
        Value padded = PartOperators.padded(call, new Value(squares, shape), before, after, 0);
        SDVariable sum = null;
        for (long i = 0; i < size; i++) {
            SDVariable part = call.part(padded.variable(), padded.shape(), 1, i, i + shape[1]);
            sum = sum == null ? part : sum.add(part);
        }
        SDVariable base = sum.mul(call.number(call.node().number("alpha", 1e-4f) / size)).add(
                call.number(call.node().number("bias", 1)));
        return Call.one(call.x().div(call.sd().math.pow(base, call.number(call.node().number("beta", 0.75)))), shape);
    }
}
