// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.nd4j.autodiff.samediff.SDVariable;

/** Products of matrices. */
final class MatrixOperators {
    private MatrixOperators() {
    }

    static void addTo() {
        Operators.add("MatMul", 2, 2, MatrixOperators::matMul);
        Operators.add("Gemm", 2, 3, MatrixOperators::gemm, "alpha", "beta", "transA", "transB", "broadcast");
    }

    private static void requireReal(Call call) {
        call.requireReal(0);
        call.require(call.input(0).type() == call.input(1).type(), "two inputs of one type",
                call.input(0).type() + " and " + call.input(1).type());
    }

    private static List<Value> gemm(Call call) {
        requireReal(call);
        call.requireRank(0, 2, 2);
        call.requireRank(1, 2, 2);
        boolean left = call.node().integer("transA", 0) != 0;
        boolean right = call.node().integer("transB", 0) != 0;
        long[] a = call.input(0).shape();
        long[] b = call.input(1).shape();
        checkInner(call, a[left ? 0 : 1], b[right ? 1 : 0]);
        SDVariable x = left ? call.sd().permute(call.x(), 1, 0) : call.x();
        SDVariable w = right ? call.sd().permute(call.x(1), 1, 0) : call.x(1);
        SDVariable y = scaled(call, call.sd().mmul(x, w), "alpha");
        long[] shape = {a[left ? 1 : 0], b[right ? 0 : 1]};
        if (!call.has(2)) {
            return Call.one(y, shape);
        }
        long[] sum = call.broadcast(List.of(new Value(y, shape), call.ranked(2)));
        call.require(sum.length == 2, "C that can be broadcast to " + Arrays.toString(shape),
                Arrays.toString(call.input(2).shape()));
        return Call.one(y.add(scaled(call, call.x(2), "beta")), shape);
    }

    private static SDVariable scaled(Call call, SDVariable x, String attribute) {
        double factor = call.node().number(attribute, 1);
        return factor == 1 ? x : x.mul(call.number(factor));
    }

    private static void checkInner(Call call, long first, long second) {
        call.require(first == second || first < 0 || second < 0, "matrices whose inner sizes are equal",
                first + " and " + second);
    }

    static List<Value> matMul(Call call) {
        requireReal(call);
        call.requireRank(0, 1, Integer.MAX_VALUE);
        call.requireRank(1, 1, Integer.MAX_VALUE);
        Value a = call.rank(0) > 1 ? call.input(0)
                : call.reaxed(call.input(0), -1, 0);
        Value b = call.rank(1) > 1 ? call.input(1)
                : call.reaxed(call.input(1), 0, -1);
        checkInner(call, a.shape()[a.rank() - 1], b.shape()[b.rank() - 2]);
        Value y = product(call, a, b);
        // The axes that a vector was given go again.
        if (call.rank(0) == 1) {
            y = dropped(call, y, y.rank() - 2);
        }
        if (call.rank(1) == 1) {
            y = dropped(call, y, y.rank() - 1);
        }
        return List.of(y);
    }

    private static Value dropped(Call call, Value x, int axis) {
        return call.reaxed(x, IntStream.range(0, x.rank()).filter(i -> i != axis).toArray());
    }

    private static Value product(Call call, Value a, Value b) {
        int rank = Math.max(a.rank(), b.rank());
        long rows = a.shape()[a.rank() - 2];
        long columns = b.shape()[b.rank() - 1];
        if (rank == 2) {
            return new Value(call.sd().mmul(a.variable(), b.variable()), rows, columns);
        }
        if (b.rank() == 2) {
            // All matrices of a are one with many rows.
            SDVariable flat = call.sd().reshape(a.variable(), -1, a.shape()[rank - 1] >= 0 ? a.shape()[rank - 1] : b.shape()[0]);
            call.require(a.shape()[rank - 1] >= 0 || b.shape()[0] >= 0, "a known inner size", "an unknown one");
            SDVariable y = call.sd().mmul(flat, b.variable());
            SDVariable[] sizes = Stream.concat(IntStream.range(0, rank - 1).mapToObj(i -> call.size(a.variable(), a.shape(), i)),
                    Stream.of(call.size(b.variable(), b.shape(), 1))).toArray(SDVariable[]::new);
            return new Value(call.reshape(y, sizes), Call.with(a.shape(), rank - 1, columns));
        }
        return batched(call, a, b, rank, rows, columns);
    }

    /** Axes before the last two are broadcast: by zeros, of which one is added to each matrix that is missing. */
    private static Value batched(Call call, Value a, Value b, int rank, long rows, long columns) {
        long[] batch = call.broadcast(List.of(new Value(a.variable(), head(a)), new Value(b.variable(), head(b))));
        SDVariable x = spread(call, a, b, rank);
        SDVariable w = spread(call, b, a, rank);
        long[] shape = Arrays.copyOf(batch, rank);
        shape[rank - 2] = rows;
        shape[rank - 1] = columns;
        return new Value(call.sd().mmul(x, w), shape);
    }

    private static long[] head(Value x) {
        return Arrays.copyOf(x.shape(), x.rank() - 2);
    }

    private static SDVariable spread(Call call, Value x, Value other, int rank) {
        boolean equal = x.rank() == rank && other.rank() == rank && Arrays.equals(head(x), head(other));
        boolean whole = x.rank() == rank && other.rank() <= rank && IntStream.range(0, other.rank() - 2)
                .allMatch(i -> other.shape()[i] == 1);
        if (equal || whole) {
            return x.variable();
        }
        SDVariable corner = call.sd().zerosLike(call.part(call.part(other.variable(), open(other), other.rank() - 1, 0, 1),
                open(other), other.rank() - 2, 0, 1));
        return x.variable().add(corner);
    }

    /** Whatever its size is, the first of an axis is only a part of it. */
    private static long[] open(Value x) {
        long[] shape = x.shape().clone();
        shape[x.rank() - 1] = -1;
        shape[x.rank() - 2] = -1;
        return shape;
    }
}
