// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Operators that give the same numbers another shape, repeat them, or make shapes. */
final class ShapeOperators {
    private static final int LARGEST_RANK = 32;

    private ShapeOperators() {
    }

    static void addTo() {
        Operators.add("Shape", 1, 1, ShapeOperators::shape, "start", "end");
        Operators.add("Size", 1, 1, call -> Call.one(call.sd().prod(call.sd().shape(call.x()), false, 0), new long[0]));
        Operators.add("Reshape", 1, 2, ShapeOperators::reshape, "shape", "allowzero");
        Operators.add("Flatten", 1, 1, ShapeOperators::flatten, "axis");
        Operators.add("Transpose", 1, 1, ShapeOperators::transpose, "perm");
        Operators.add("Squeeze", 1, 2, ShapeOperators::squeeze, "axes");
        Operators.add("Unsqueeze", 1, 2, ShapeOperators::unsqueeze, "axes");
        Operators.add("Expand", 2, 2, ShapeOperators::expand);
        Operators.add("Tile", 2, 2, ShapeOperators::tile);
        Operators.add("ConstantOfShape", 1, 1, ShapeOperators::constantOfShape, "value");
        Operators.add("Range", 3, 3, ShapeOperators::range, "stash_type");
    }

    /** The part of a shape that a node asks for: from the first to before the second. */
    static int[] part(OnnxNode node, int rank) {
        int start = within(node.integer("start", 0), rank);
        int end = within(node.integer("end", rank), rank);
        return new int[]{start, end};
    }

    private static int within(long given, int rank) {
        return (int) Math.max(0, Math.min(rank, given < 0 ? given + rank : given));
    }

    private static List<Value> shape(Call call) {
        SDVariable shape = call.sd().shape(call.x());
        if (call.node().attributes().isEmpty()) {
            return Call.one(shape, new long[]{call.input(0).hasRank() ? call.rank(0) : -1});
        }
        int[] part = part(call.node(), call.rank(0));
        return Call.one(call.sd().gather(shape, Call.range(part[0], part[1]), 0), new long[]{part[1] - part[0]});
    }

    private static List<Value> reshape(Call call) {
        boolean zeroIsSize = call.node().integer("allowzero", 0) != 0;
        long[] given = call.has(1) ? call.input(1).integers() : call.node().integers("shape");
        if (given == null || Arrays.stream(given).anyMatch(size -> Sizes.isUnknown(size) && !Sizes.isSize(size))) {
            return computed(call, zeroIsSize);
        }
        call.require(Arrays.stream(given).allMatch(size -> size >= -1 || Sizes.isUnknown(size))
                && Arrays.stream(given).filter(size -> size == -1).count() <= 1,
                "sizes >= 0 and at most one -1", Arrays.toString(given));
        long[] sizes = given.clone();
        List<SDVariable> parts = new ArrayList<>();
        for (int i = 0; i < given.length; i++) {
            if (given[i] == 0 && !zeroIsSize) {
                call.require(i < call.rank(0), "a 0 for a size of the input", Arrays.toString(given) + " for rank "
                        + call.rank(0));
                sizes[i] = call.input(0).shape()[i];
                parts.add(call.size(0, i));
            } else {
                parts.add(given[i] >= -1 ? call.list(given[i]) : call.element(1, i));
            }
        }
        long[] shape = completed(call, given, sizes);
        boolean isPlain = Arrays.stream(shape).filter(size -> size < 0).count() <= 1;
        return Call.one(isPlain ? call.sd().reshape(call.x(), Sizes.plain(shape))
                : call.reshape(call.x(), parts.toArray(SDVariable[]::new)), shape);
    }

    /** The sizes of the output as far as they can be told; unknown ones that input and output have are left out of both. */
    private static long[] completed(Call call, long[] given, long[] sizes) {
        int open = IntStream.range(0, given.length).filter(i -> given[i] == -1).findFirst().orElse(-1);
        if (!call.input(0).hasRank()) {
            return sizes;
        }
        List<Long> unknown = new ArrayList<>();
        long length = 1;
        for (long size : call.input(0).shape()) {
            length *= size < 0 ? 1 : size;
            if (size < 0) {
                unknown.add(size);
            }
        }
        long known = 1;
        for (int i = 0; i < sizes.length; i++) {
            if (i != open && sizes[i] < 0 && !unknown.remove((Long) sizes[i])) {
                return sizes;
            }
            known *= i == open || sizes[i] < 0 ? 1 : sizes[i];
        }
        if (!unknown.isEmpty()) {
            return open >= 0 && unknown.size() == 1 && known == length ? Call.with(sizes, open, unknown.get(0)) : sizes;
        }
        call.require(open < 0 ? known == length : known > 0 && length % known == 0,
                "a shape of as many elements as " + Arrays.toString(call.input(0).shape()), Arrays.toString(given));
        return open < 0 ? sizes : Call.with(sizes, open, length / known);
    }

    /** A shape that is not known before the graph runs: its zeros are replaced then. */
    private static List<Value> computed(Call call, boolean zeroIsSize) {
        long[] length = call.ranked(1).shape();
        call.require(length.length == 1 && length[0] >= 0 && length[0] <= LARGEST_RANK, "a shape of known length",
                Arrays.toString(length));
        int rank = (int) length[0];
        SDVariable shape = call.typed(call.x(1), DataType.LONG);
        if (!zeroIsSize) {
            SDVariable[] sizes = new SDVariable[rank];
            for (int i = 0; i < rank; i++) {
                sizes[i] = i < call.rank(0) ? call.size(0, i) : call.list(0);
            }
            SDVariable isZero = call.typed(call.sd().eq(shape, call.number(0, DataType.LONG)), DataType.LONG);
            shape = shape.add(isZero.mul(rank == 1 ? sizes[0] : call.sd().concat(0, sizes)));
        }
        long[] given = call.input(1).integers();
        long[] sizes = new long[rank];
        Arrays.setAll(sizes, i -> given != null && given[i] > 0 ? given[i] : -1);
        return Call.one(call.sd().reshape(call.x(), shape), sizes);
    }

    private static List<Value> flatten(Call call) {
        int rank = call.rank(0);
        long given = call.node().integer("axis", 1);
        call.require(given >= -rank && given <= rank, "axis from " + -rank + " to " + rank, given);
        int axis = (int) (given < 0 ? given + rank : given);
        long rows = known(call.input(0).shape(), 0, axis);
        long columns = known(call.input(0).shape(), axis, rank);
        SDVariable y = rows >= 0 ? call.sd().reshape(call.x(), rows, columns >= 0 ? columns : -1)
                : columns >= 0 ? call.sd().reshape(call.x(), -1, columns)
                : call.reshape(call.x(), call.product(0, 0, axis), call.list(-1));
        return Call.one(y, new long[]{rows, columns});
    }

    private static long known(long[] shape, int from, int to) {
        return Arrays.stream(shape, from, to).reduce(1, Sizes::product);
    }

    private static List<Value> transpose(Call call) {
        int rank = call.rank(0);
        int[] order = new int[rank];
        long[] given = call.node().attributes().contains("perm") ? call.node().integers("perm") : null;
        if (given == null) {
            Arrays.setAll(order, i -> rank - 1 - i);
        } else {
            call.require(given.length == rank && call.axes(given, rank).length == rank, "a permutation of " + rank + " axes",
                    Arrays.toString(given));
            Arrays.setAll(order, i -> call.axis(given[i], rank));
        }
        long[] shape = Arrays.stream(order).mapToLong(axis -> call.input(0).shape()[axis]).toArray();
        return Call.one(rank < 2 ? call.x() : call.sd().permute(call.x(), order), shape);
    }

    private static List<Value> squeeze(Call call) {
        long[] shape = call.ranked(0).shape();
        long[] given = call.integers(1, "axes");
        call.require(given != null || call.input(0).isSized(), "axes, or input of known shape", Arrays.toString(shape));
        int[] axes = given != null ? call.axes(given, shape.length)
                : IntStream.range(0, shape.length).filter(i -> shape[i] == 1).toArray();
        List<SDVariable> sizes = new ArrayList<>();
        List<Long> left = new ArrayList<>();
        for (int i = 0; i < shape.length; i++) {
            if (Arrays.binarySearch(axes, i) < 0) {
                sizes.add(call.size(0, i));
                left.add(shape[i]);
            } else {
                call.require(shape[i] == 1 || shape[i] < 0, "axis " + i + " of size 1", Arrays.toString(shape));
            }
        }
        return reshaped(call, sizes, left);
    }

    private static List<Value> unsqueeze(Call call) {
        long[] shape = call.ranked(0).shape();
        long[] given = call.integers(1, "axes");
        call.require(given != null, "axes", "none");
        call.require(shape.length + given.length <= LARGEST_RANK, "output of rank " + LARGEST_RANK + " at most",
                shape.length + given.length);
        int[] axes = call.axes(given, shape.length + given.length);
        List<SDVariable> sizes = new ArrayList<>();
        List<Long> all = new ArrayList<>();
        int next = 0;
        for (int i = 0; i < shape.length + axes.length; i++) {
            boolean added = Arrays.binarySearch(axes, i) >= 0;
            sizes.add(added ? call.list(1) : call.size(0, next));
            all.add(added ? 1 : shape[next]);
            next += added ? 0 : 1;
        }
        return reshaped(call, sizes, all);
    }

    /** At most one unknown size can be left to ND4J to find. */
    private static List<Value> reshaped(Call call, List<SDVariable> sizes, List<Long> known) {
        long[] shape = known.stream().mapToLong(Long::longValue).toArray();
        boolean simple = known.stream().filter(size -> size < 0).count() <= 1;
        return Call.one(simple ? call.sd().reshape(call.x(), Sizes.plain(shape))
                : call.reshape(call.x(), sizes.toArray(SDVariable[]::new)), shape);
    }

    private static List<Value> expand(Call call) {
        boolean isTruth = call.input(0).type() == DataType.BOOL;
        DataType type = isTruth ? DataType.INT : call.input(0).type();
        long[] target = sizes(call, 1);
        long[] shape = call.broadcast(List.of(call.ranked(0), new Value(call.x(1), target)));
        SDVariable zeros = target.length == 0 ? call.number(0, type)
                : call.sd().fill(call.typed(call.x(1), DataType.LONG), type, 0);
        SDVariable y = call.typed(call.x(), type).add(zeros);
        return Call.one(isTruth ? call.sd().gt(y, call.number(0, type)) : y, shape);
    }

    /** Sizes that an input lists, of which some or all may be unknown. */
    private static long[] sizes(Call call, int index) {
        long[] length = call.ranked(index).shape();
        call.require(length.length == 1 && length[0] >= 0 && length[0] <= LARGEST_RANK, "a shape of known length",
                Arrays.toString(length));
        long[] sizes = call.input(index).integers();
        return Arrays.stream(sizes == null ? Call.unknown(length[0]) : sizes)
                .map(size -> Sizes.isSize(size) ? size : -1).toArray();
    }

    private static List<Value> tile(Call call) {
        long[] repeats = sizes(call, 1);
        long[] shape = call.ranked(0).shape().clone();
        call.require(repeats.length == shape.length && Arrays.stream(repeats).allMatch(count -> count != 0),
                shape.length + " repeats >= 1", Arrays.toString(repeats));
        Arrays.setAll(shape, i -> Sizes.product(shape[i], repeats[i]));
        boolean isKnown = Arrays.stream(repeats).allMatch(count -> count > 0);
        return Call.one(isKnown ? call.sd().tile(call.x(), Arrays.stream(repeats).mapToInt(Math::toIntExact).toArray())
                : call.sd().tile(call.x(), call.typed(call.x(1), DataType.LONG)), shape);
    }

    private static List<Value> constantOfShape(Call call) {
        INDArray value = call.node().array("value");
        DataType type = value == null ? DataType.FLOAT : value.dataType();
        long[] shape = sizes(call, 0);
        call.require(Arrays.stream(shape).allMatch(size -> size != 0), "sizes > 0", Arrays.toString(shape));
        double number = value == null ? 0 : value.castTo(DataType.DOUBLE).getDouble(0);
        SDVariable y = shape.length == 0 ? call.number(number, type)
                : type == DataType.BOOL ? call.sd().neq(filled(call, DataType.INT, number), call.number(0, DataType.INT))
                : filled(call, type, number);
        return Call.one(y, shape);
    }

    private static SDVariable filled(Call call, DataType type, double number) {
        return call.sd().fill(call.typed(call.x(), DataType.LONG), type, number);
    }

    /** The integers from 0 on, each times the step and behind the start: ND4J's own ranges of integers only rise. */
    private static SDVariable openRange(Call call, DataType type) {
        SDVariable[] numbers = IntStream.range(0, 3).mapToObj(i -> call.sd().reshape(call.typed(call.x(i), DataType.DOUBLE),
                new long[0])).toArray(SDVariable[]::new);
        SDVariable length = call.sd().math.ceil(numbers[1].sub(numbers[0]).div(numbers[2]));
        SDVariable indices = call.sd().range(call.number(0, DataType.DOUBLE), length, call.number(1, DataType.DOUBLE),
                DataType.DOUBLE);
        return call.typed(indices.mul(numbers[2]).add(numbers[0]), type);
    }

    private static List<Value> range(Call call) {
        DataType type = call.input(0).type();
        if (IntStream.range(0, 3).anyMatch(i -> call.input(i).constant() == null)) {
            return Call.one(openRange(call, type), new long[]{-1});
        }
        double start = call.constant(0).getDouble(0);
        double limit = call.constant(1).getDouble(0);
        double step = call.constant(2).getDouble(0);
        long length = step == 0 ? 0 : (long) Math.max(0, Math.ceil((limit - start) / step));
        call.require(length > 0, "a range that is not empty", start + " to " + limit + " by " + step);
        double[] numbers = new double[call.length(length)];
        Arrays.setAll(numbers, i -> start + i * step);
        return Call.one(call.sd().constant(Nd4j.createFromArray(numbers).castTo(type)), new long[]{length});
    }
}
