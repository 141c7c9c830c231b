// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;

/** Parts of arrays between two places, of which some may only show when the graph runs; and triangles of matrices. */
final class SliceOperators {
    /** No node has as many inputs. */
    private static final int MISSING = 1000;

    private SliceOperators() {
    }

    static void addTo() {
        Operators.add("Slice", 1, 5, SliceOperators::slice, "starts", "ends", "axes");
        Operators.add("Trilu", 1, 2, SliceOperators::triangle, "upper");
    }

    private static List<Value> slice(Call call) {
        boolean old = call.node().opset() < 10;
        call.require(old ? call.node().inputs().size() == 1 : call.has(1) && call.has(2), old ? "1 input" : "starts and ends",
                call.node().inputs());
        Bounds starts = old ? new Bounds(-1, call.node().integers("starts")) : Bounds.of(call, 1);
        Bounds ends = old ? new Bounds(-1, call.node().integers("ends")) : Bounds.of(call, 2);
        long[] axes = old ? call.integers(MISSING, "axes") : call.has(3) ? call.integers(3) : null;
        long[] steps = !old && call.has(4) ? call.integers(4) : null;
        Value x = call.ranked(0);
        int count = starts.numbers().length;
        call.require(ends.numbers().length == count && (axes == null || axes.length == count)
                && (steps == null || steps.length == count) && count <= x.rank(),
                "as many starts, ends, axes and steps", count + ", " + ends.numbers().length);
        for (int i = 0; i < count; i++) {
            int axis = call.axis(axes == null ? i : axes[i], x.rank());
            x = part(call, x, axis, starts, ends, i, steps == null ? 1 : steps[i]);
        }
        return List.of(x);
    }

    /**
     * Where parts start or end.
     *
     * @param index   the input that says so, negative if an attribute does
     * @param numbers what is known of it
     */
    private record Bounds(int index, long[] numbers) {
        static Bounds of(Call call, int index) {
            long[] known = call.input(index).integers();
            long[] length = call.ranked(index).shape();
            call.require(length.length == 1 && (known != null || length[0] >= 0), "a list of known length",
                    Arrays.toString(length));
            return new Bounds(index, known != null ? known : LongStream.generate(Sizes::unknown).limit(length[0]).toArray());
        }
    }

    private static Value part(Call call, Value x, int axis, Bounds starts, Bounds ends, int place, long step) {
        long size = x.shape()[axis];
        long start = starts.numbers()[place];
        long end = ends.numbers()[place];
        call.require(step != 0, "steps other than 0", step);
        if (start == 0 && (end >= Integer.MAX_VALUE || end == size) && step == 1) {
            return x;
        }
        if (size < 0 || Sizes.isUnknown(start) || Sizes.isUnknown(end)) {
            return openPart(call, x, axis, starts, ends, place, step);
        }
        return part(call, x, axis, start, end, step);
    }

    /** A part of an axis of known size, from start to before end. */
    static Value part(Call call, Value x, int axis, long start, long end, long step) {
        long size = x.shape()[axis];
        long[] span = span(start, end, step, size);
        call.require(span[1] > 0, "a part that is not empty", start + " to " + end + " of " + size);
        long[] shape = Call.with(x.shape(), axis, span[1]);
        if (step == 1) {
            return new Value(call.part(x.variable(), x.shape(), axis, span[0], span[0] + span[1]), shape);
        }
        int[] indices = new int[call.length(span[1])];
        Arrays.setAll(indices, i -> (int) (span[0] + i * step));
        return new Value(call.sd().gather(x.variable(), indices, axis), shape);
    }

    /** Without elements in front and behind. */
    static Value cropped(Call call, Value x, int axis, long before, long after) {
        return part(call, x, axis, new Bounds(-1, new long[]{before}), new Bounds(-1, new long[]{after == 0 ? Long.MAX_VALUE
                : -after}), 0, 1);
    }

    /** Where a part of an axis starts, and how many elements it has. */
    static long[] span(long start, long end, long step, long size) {
        long from = bounded(start, size, 0, step > 0 ? size : size - 1);
        long to = bounded(end, size, step > 0 ? 0 : -1, step > 0 ? size : size - 1);
        long count = Math.max(0, step > 0 ? (to - from + step - 1) / step : (from - to - step - 1) / -step);
        return new long[]{from, count};
    }

    private static long bounded(long given, long size, long least, long most) {
        long from = given < 0 ? given + size : given;
        return Math.max(least, Math.min(most, from));
    }

    /** Of an axis whose size only shows when the graph runs, by the indices that it has then. */
    private static Value openPart(Call call, Value x, int axis, Bounds starts, Bounds ends, int place, long step) {
        call.require(step > 0, "steps > 0 along an axis of unknown size", step);
        SDVariable size = call.sd().gather(call.sd().shape(x.variable()), new int[]{axis}, 0);
        SDVariable from = openBound(call, size, starts, place);
        SDVariable to = openBound(call, size, ends, place);
        SDVariable indices = call.sd().range(call.sd().reshape(from, new long[0]), call.sd().reshape(to, new long[0]),
                call.number(step, DataType.LONG), DataType.LONG);
        return new Value(call.sd().gather(x.variable(), indices, axis), Call.with(x.shape(), axis, -1));
    }

    private static SDVariable openBound(Call call, SDVariable size, Bounds bounds, int place) {
        long given = bounds.numbers()[place];
        if (Sizes.isUnknown(given)) {
            SDVariable bound = call.element(bounds.index(), place);
            SDVariable isNegative = call.typed(call.sd().lt(bound, call.number(0, DataType.LONG)), DataType.LONG);
            return bounded(call, bound.add(isNegative.mul(size)), size);
        }
        return bounded(call, given < 0 ? size.add(call.list(Math.max(given, Integer.MIN_VALUE)))
                : call.list(Math.min(given, Integer.MAX_VALUE)), size);
    }

    private static SDVariable bounded(Call call, SDVariable bound, SDVariable size) {
        return call.sd().math.max(call.sd().math.min(bound, size), call.list(0));
    }

    /** The upper or lower triangle of matrices, with zeros instead of the rest. */
    private static List<Value> triangle(Call call) {
        int rank = call.rank(0);
        call.requireRank(0, 2, Integer.MAX_VALUE);
        long first = call.has(1) ? call.integers(1)[0] : 0;
        SDVariable places = indices(call, rank - 1, 1, -1).sub(indices(call, rank - 2, -1, 1));
        SDVariable border = call.number(first, DataType.LONG);
        SDVariable mask = call.node().integer("upper", 1) != 0 ? call.sd().gte(places, border) : call.sd().lte(places, border);
        long[] shape = call.input(0).shape();
        return ArithmeticOperators.choice(new Call(call.sd(), call.node(), List.of(new Value(mask, shape[rank - 2],
                shape[rank - 1]), call.input(0), new Value(call.sd().zerosLike(call.x()), shape))));
    }

    /** 0, 1, … of an axis. */
    private static SDVariable indices(Call call, int axis, long... shape) {
        SDVariable size = call.sd().reshape(call.size(0, axis), new long[0]);
        return call.sd().reshape(call.sd().range(call.number(0, DataType.LONG), size, call.number(1, DataType.LONG),
                DataType.LONG), shape);
    }
}
