// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A node with its inputs, and the graph that it is translated into.
 *
 * @param sd     the graph
 * @param node   the node
 * @param inputs its inputs, null where one is left out
 */
record Call(SameDiff sd, OnnxNode node, List<Value> inputs) {

    /** Of more elements than this no list of indices is made while a model is imported. */
    private static final long LONGEST = 1 << 26;

    boolean has(int index) {
        return index < inputs.size() && inputs.get(index) != null;
    }

    Value input(int index) {
        return inputs.get(index);
    }

    SDVariable x() {
        return x(0);
    }

    SDVariable x(int index) {
        return input(index).variable();
    }

    /** An input whose rank is known. */
    Value ranked(int index) {
        if (!input(index).hasRank()) {
            throw node.error("input \"" + name(index) + "\" of known rank", "one of unknown shape");
        }
        return input(index);
    }

    int rank(int index) {
        return ranked(index).rank();
    }

    /** Refuses input of another rank. */
    void requireRank(int index, int least, int most) {
        int rank = rank(index);
        if (rank < least || rank > most) {
            throw node.error("input \"" + name(index) + "\" of rank " + least + (most > least ? " to " + most : ""), rank);
        }
    }

    /** Refuses input that is no floating-point number. */
    void requireReal(int index) {
        if (!input(index).type().isFPType()) {
            throw node.error("input \"" + name(index) + "\" of floating-point type", input(index).type());
        }
    }

    private String name(int index) {
        return node.inputs().get(index);
    }

    /** Numbers of an input that has to be known before the graph runs. */
    INDArray constant(int index) {
        INDArray constant = input(index).constant();
        if (constant == null) {
            throw node.error("input \"" + name(index) + "\" that does not depend on the inputs of the graph", "one that does");
        }
        return constant;
    }

    long[] integers(int index) {
        INDArray constant = constant(index);
        return constant.isEmpty() ? new long[0] : constant.castTo(DataType.LONG).reshape(-1).toLongVector();
    }

    /** Integers that newer operator sets take as an input, and older ones as an attribute; null if there are none. */
    long[] integers(int index, String attribute) {
        if (has(index)) {
            return integers(index);
        }
        return node.attributes().contains(attribute) ? node.integers(attribute) : null;
    }

    /** The axis of an attribute, for input of a rank. */
    int axis(long given, int rank) {
        if (given < -rank || given >= rank) {
            throw node.error("an axis from " + -rank + " to " + (rank - 1) + " for input of rank " + rank, given);
        }
        return (int) (given < 0 ? given + rank : given);
    }

    /** Axes in ascending order. */
    int[] axes(long[] given, int rank) {
        if (Arrays.stream(given).anyMatch(axis -> axis < -rank || axis >= rank)) {
            throw node.error("axes from " + -rank + " to " + (rank - 1) + " for input of rank " + rank, Arrays.toString(given));
        }
        int[] axes = Arrays.stream(given).mapToInt(axis -> (int) (axis < 0 ? axis + rank : axis)).sorted().distinct().toArray();
        if (axes.length < given.length) {
            throw node.error("different axes", Arrays.toString(given));
        }
        return axes;
    }

    /** Refuses a value of an attribute that is not supported. */
    void require(boolean condition, String expected, Object actual) {
        if (!condition) {
            throw node.error(expected, actual);
        }
    }

    /** The length of a list that is made now, which a damaged file must not have fill the memory. */
    int length(long length) {
        require(length > 0 && length <= LONGEST, "1 to " + LONGEST + " elements", length);
        return (int) length;
    }

    SDVariable number(double value, DataType type) {
        return sd.constant(Nd4j.scalar(type, value));
    }

    SDVariable number(double value) {
        return number(value, input(0).type());
    }

    SDVariable list(long... values) {
        return sd.constant(Nd4j.createFromArray(values));
    }

    SDVariable typed(SDVariable x, DataType type) {
        return x.dataType() == type ? x : x.castTo(type);
    }

    /** One size of an input, as an array of one integer. */
    SDVariable size(int index, int axis) {
        return size(x(index), input(index).shape(), axis);
    }

    SDVariable size(SDVariable x, long[] shape, int axis) {
        return shape[axis] >= 0 ? list(shape[axis]) : sd.gather(sd.shape(x), new int[]{axis}, 0);
    }

    /** One integer of an input that lists some, as an array of that. */
    SDVariable element(int index, int place) {
        return sd.gather(typed(x(index), DataType.LONG), new int[]{place}, 0);
    }

    /** The product of sizes of an input, as an array of one integer. */
    SDVariable product(int index, int from, int to) {
        return product(input(index), from, to);
    }

    SDVariable product(Value x, int from, int to) {
        long known = 1;
        SDVariable product = null;
        for (int axis = from; axis < to; axis++) {
            if (x.shape()[axis] >= 0) {
                known *= x.shape()[axis];
            } else {
                SDVariable size = size(x.variable(), x.shape(), axis);
                product = product == null ? size : product.mul(size);
            }
        }
        if (product == null) {
            return list(known);
        }
        return known == 1 ? product : product.mul(list(known));
    }

    /** A reshaping into sizes that may be computed. */
    SDVariable reshape(SDVariable x, SDVariable... sizes) {
        return sd.reshape(x, sizes.length == 1 ? sizes[0] : sd.concat(0, sizes));
    }

    /**
     * A reshaping that adds or drops axes of one element: each axis of the result is one of x, or new if negative. ND4J's own
     * operations for it do not take arrays of a single element.
     */
    Value reaxed(Value x, int... axes) {
        long[] shape = Arrays.stream(axes).mapToLong(axis -> axis < 0 ? 1 : x.shape()[axis]).toArray();
        if (Arrays.stream(shape).filter(size -> size < 0).count() <= 1) {
            return new Value(sd.reshape(x.variable(), Sizes.plain(shape)), shape);
        }
        SDVariable[] sizes = Arrays.stream(axes).mapToObj(axis -> axis < 0 ? list(1) : size(x.variable(), x.shape(), axis))
                .toArray(SDVariable[]::new);
        return new Value(reshape(x.variable(), sizes), shape);
    }

    Value permuted(Value x, int... axes) {
        return new Value(sd.permute(x.variable(), axes), Arrays.stream(axes).mapToLong(axis -> x.shape()[axis]).toArray());
    }

    /** A part of an axis whose size is known: from start to before end. */
    SDVariable part(SDVariable x, long[] shape, int axis, long start, long end) {
        if (start == 0 && end == shape[axis]) {
            return x;
        }
        if (start >= end) {
            throw node.error("a part of axis " + axis + " that is not empty", start + " to " + end);
        }
        long[] begins = new long[shape.length];
        long[] ends = new long[shape.length];
        long[] strides = new long[shape.length];
        int mask = 0;
        for (int i = 0; i < shape.length; i++) {
            strides[i] = 1;
            if (i == axis) {
                begins[i] = start;
                ends[i] = end;
            } else {
                mask |= 1 << i;
                ends[i] = 1;
            }
        }
        return sd.stridedSlice(x, begins, ends, strides, mask, mask, 0, 0, 0);
    }

    static long[] with(long[] shape, int axis, long size) {
        long[] result = shape.clone();
        result[axis] = size;
        return result;
    }

    /** Sizes that are all unknown. */
    static long[] unknown(long rank) {
        long[] sizes = new long[(int) rank];
        Arrays.fill(sizes, -1);
        return sizes;
    }

    static int[] range(int from, int to) {
        return IntStream.range(from, to).toArray();
    }

    /** The sizes that arrays are broadcast to. */
    long[] broadcast(List<Value> values) {
        if (values.stream().anyMatch(value -> !value.hasRank())) {
            return null;
        }
        long[] shape = new long[values.stream().mapToInt(Value::rank).max().orElse(0)];
        Arrays.fill(shape, 1);
        for (Value value : values) {
            int missing = shape.length - value.rank();
            for (int i = 0; i < value.rank(); i++) {
                long size = value.shape()[i];
                long other = shape[missing + i];
                if (size > 1 && other > 1 && size != other || size == 0 && other > 1 || size > 1 && other == 0) {
                    throw node.error("inputs that can be broadcast to each other",
                            values.stream().map(each -> Arrays.toString(each.shape())).toList());
                }
                // A size other than 1 is the size of the result; an unknown one may be anything but with such a size.
                shape[missing + i] = size == 1 || other > 1 ? other : other == 1 || size == other || size > 1 ? size : -1;
            }
        }
        return shape;
    }

    static List<Value> one(SDVariable y, long[] shape) {
        return List.of(new Value(y, shape));
    }
}
