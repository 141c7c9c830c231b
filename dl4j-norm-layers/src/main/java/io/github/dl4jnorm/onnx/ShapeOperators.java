// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
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
        if (start >= end) {
            throw node.error("a non-empty part of the shape of input of rank " + rank, start + " to " + end);
        }
        return new int[]{start, end};
    }

    /** What a node says of the shape of its input, if all of that is known; or null. */
    static INDArray known(OnnxNode node, Value x) {
        if (!x.isSized() || !node.proto().getOpType().matches("Shape|Size")) {
            return null;
        }
        if (node.proto().getOpType().equals("Size")) {
            return Nd4j.scalar(DataType.LONG, Arrays.stream(x.shape()).reduce(1, (a, b) -> a * b));
        }
        int[] part = part(node, x.rank());
        return Nd4j.createFromArray(Arrays.copyOfRange(x.shape(), part[0], part[1]));
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
        if (call.has(1) && call.input(1).constant() == null) {
            return computed(call, zeroIsSize);
        }
        long[] given = call.has(1) ? call.integers(1) : call.node().integers("shape");
        call.require(Arrays.stream(given).allMatch(size -> size >= -1)
                && Arrays.stream(given).filter(size -> size < 0).count() <= 1,
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
                parts.add(call.list(given[i]));
            }
        }
        long[] shape = completed(call, given, sizes);
        SDVariable y = Arrays.stream(given).noneMatch(size -> size == 0) || call.input(0).isSized() || zeroIsSize
                ? call.sd().reshape(call.x(), Arrays.stream(shape).filter(size -> size < 0).count() <= 1 ? shape : given)
                : call.reshape(call.x(), parts.toArray(SDVariable[]::new));
        return Call.one(y, shape);
    }

    /** The sizes of the output as far as they can be told. */
    private static long[] completed(Call call, long[] given, long[] sizes) {
        int open = IntStream.range(0, given.length).filter(i -> given[i] == -1).findFirst().orElse(-1);
        if (!call.input(0).isSized()) {
            return sizes;
        }
        long length = Arrays.stream(call.input(0).shape()).reduce(1, (a, b) -> a * b);
        long known = IntStream.range(0, sizes.length).filter(i -> i != open).mapToLong(i -> sizes[i]).reduce(1, (a, b) -> a * b);
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
        long[] unknown = new long[rank];
        Arrays.fill(unknown, -1);
        return Call.one(call.sd().reshape(call.x(), shape), unknown);
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
        long product = 1;
        for (int i = from; i < to; i++) {
            if (shape[i] < 0) {
                return -1;
            }
            product *= shape[i];
        }
        return product;
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
        boolean simple = Collections.frequency(known, -1L) <= 1;
        return Call.one(simple ? call.sd().reshape(call.x(), shape) : call.reshape(call.x(), sizes.toArray(SDVariable[]::new)),
                shape);
    }

    private static List<Value> expand(Call call) {
        DataType type = call.input(0).type();
        call.require(type.isNumerical(), "numbers", type);
        if (call.input(1).constant() == null) {
            long[] length = call.ranked(1).shape();
            call.require(length.length == 1 && length[0] >= 0, "a shape of known length", Arrays.toString(length));
            long[] unknown = new long[(int) Math.max(length[0], call.rank(0))];
            Arrays.fill(unknown, -1);
            return Call.one(call.x().add(call.sd().fill(call.typed(call.x(1), DataType.LONG), type, 0)), unknown);
        }
        long[] target = call.integers(1);
        long[] shape = call.broadcast(List.of(call.ranked(0), new Value(call.x(1), target)));
        SDVariable zeros = target.length == 0 ? call.number(0, type) : call.sd().fill(call.list(target), type, 0);
        return Call.one(call.x().add(zeros), shape);
    }

    private static List<Value> tile(Call call) {
        long[] repeats = call.integers(1);
        long[] shape = call.ranked(0).shape().clone();
        call.require(repeats.length == shape.length && Arrays.stream(repeats).allMatch(count -> count >= 1),
                shape.length + " repeats >= 1", Arrays.toString(repeats));
        for (int i = 0; i < shape.length; i++) {
            shape[i] = shape[i] < 0 ? -1 : shape[i] * repeats[i];
        }
        return Call.one(call.sd().tile(call.x(), Arrays.stream(repeats).mapToInt(Math::toIntExact).toArray()), shape);
    }

    private static List<Value> constantOfShape(Call call) {
        INDArray value = call.node().array("value");
        DataType type = value == null ? DataType.FLOAT : value.dataType();
        long[] length = call.ranked(0).shape();
        call.require(length.length == 1 && length[0] >= 0 && length[0] <= LARGEST_RANK, "a shape of known length",
                Arrays.toString(length));
        long[] shape;
        if (call.input(0).constant() == null) {
            shape = new long[(int) length[0]];
            Arrays.fill(shape, -1);
        } else {
            shape = call.integers(0);
            call.require(Arrays.stream(shape).allMatch(size -> size > 0), "sizes > 0", Arrays.toString(shape));
        }
        double number = value == null ? 0 : value.castTo(DataType.DOUBLE).getDouble(0);
        SDVariable y = shape.length == 0 ? call.number(number, type)
                : type == DataType.BOOL ? call.sd().neq(filled(call, DataType.INT, number), call.number(0, DataType.INT))
                : filled(call, type, number);
        return Call.one(y, shape);
    }

    private static SDVariable filled(Call call, DataType type, double number) {
        return call.sd().fill(call.typed(call.x(), DataType.LONG), type, number);
    }

    private static List<Value> range(Call call) {
        DataType type = call.input(0).type();
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
