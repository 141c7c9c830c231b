// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/** Inputs of a normalization, the first of which it can see in other shapes; sizes may be unknown until it runs. */
final class NormInput {
    private static final List<DataType> TYPES = List.of(DataType.FLOAT, DataType.DOUBLE, DataType.HALF);
    /** What the operations take. */
    private static final int MAX_RANK = 5;

    private final SameDiff sd;
    private final OnnxNode node;
    /** Sizes of all inputs, −1 where one is unknown; null if even the rank is. */
    private final long[][] sizes;
    private final long[] sample;
    private final List<SDVariable> variables;

    /** Those of a node that is translated. */
    NormInput(Call call) {
        sd = call.sd();
        node = call.node();
        variables = call.inputs().stream().map(value -> value == null ? null : value.variable()).toList();
        sizes = call.inputs().stream().map(value -> value == null ? null : value.shape()).toArray(long[][]::new);
        sample = call.ranked(0).shape();
    }

    /** To be made while the importer computes: it has shapes then. */
    NormInput(SameDiff sd, OnnxNode node) {
        this.sd = sd;
        this.node = node;
        variables = node.inputs().stream().map(name -> name.isEmpty() ? null : sd.getVariable(name)).toList();
        sizes = variables.stream().map(variable -> variable == null ? null : known(variable)).toArray(long[][]::new);
        if (sizes[0] == null) {
            throw node.error("input of a known rank", "\"" + node.inputs().get(0) + "\" of unknown shape");
        }
        String name = node.inputs().get(0);
        sample = sd.getEagerArrays().hasArray(name) ? sd.getEagerArrays().getArray(name).shape()
                : Arrays.stream(sizes[0]).map(size -> Math.max(1, size)).toArray();
    }

    SDVariable x() {
        return real(0);
    }

    /** Shape of an output, that which the importer computes with if it does. */
    long[] shape(NormOp op, int output) {
        long[] shape = sample.clone();
        if (output > 0 && op == NormOp.LAYER) {
            Arrays.fill(shape, axis(node.integer("axis", -1)), shape.length, 1);
        } else if (output > 0) {
            return node.spatial() ? new long[]{shape.length == 1 ? 1 : shape[1]} : Arrays.copyOfRange(shape, 1, shape.length);
        }
        return shape;
    }

    /** The type that the file gives x, or another input. */
    DataType type(int index) {
        return variables.get(index).dataType();
    }

    /** An input, of a type that the operations take. */
    SDVariable real(int index) {
        SDVariable input = variables.get(index);
        if (!TYPES.contains(input.dataType())) {
            throw node.error("input \"" + input.name() + "\" of type " + TYPES, input.dataType());
        }
        return input;
    }

    int rank() {
        return sizes[0].length;
    }

    /** Sizes of an input, −1 where one is unknown; null if even the rank is. */
    long[] sizes(int index) {
        return sizes[index];
    }

    /** What the importer computes with is 1 where a size is unknown. */
    private long[] known(SDVariable variable) {
        String name = variable.name();
        long[] shape = variable.getShape();
        if (shape == null && sd.getEagerArrays().hasArray(name)) {
            shape = sd.getEagerArrays().getArray(name).shape();
        }
        boolean exact = variable.getVariableType() != VariableType.ARRAY;
        return shape == null ? null : Arrays.stream(shape).map(size -> size > 1 || size == 1 && exact ? size : -1).toArray();
    }

    /** An axis that may be counted from the end. */
    int axis(long given) {
        if (given < -rank() || given >= rank()) {
            throw node.error("an axis from " + -rank() + " to " + (rank() - 1) + " for input of rank " + rank(), given);
        }
        return (int) (given < 0 ? given + rank() : given);
    }

    /** Applies an operation to x as [N, C, …] of a rank that it takes, and gives the result x's shape. */
    SDVariable channels(UnaryOperator<SDVariable> operation) {
        if (rank() >= 2 && rank() <= MAX_RANK) {
            return operation.apply(x());
        }
        return reshaped(operation, rank() == 1 ? new SDVariable[]{all(), product(0, 0)}
                : new SDVariable[]{product(0, 1), product(1, 2), all()});
    }

    /** Applies an operation to x as [examples, elements], or to x if only its last axis has elements of an example. */
    SDVariable rows(int axis, UnaryOperator<SDVariable> operation) {
        if (axis == rank() - 1 && rank() >= 2 && rank() <= MAX_RANK) {
            return operation.apply(x());
        }
        return reshaped(operation, product(0, axis), all());
    }

    /** Applies an operation to x as [before, axis, behind]. */
    SDVariable around(int axis, UnaryOperator<SDVariable> operation) {
        return reshaped(operation, product(0, axis), product(axis, axis + 1), all());
    }

    /** Applies an operation to x as [N, groups, …]. */
    SDVariable groups(int groups, UnaryOperator<SDVariable> operation) {
        return reshaped(operation, product(0, 1), sd.constant(Nd4j.createFromArray((long) groups)), all());
    }

    private SDVariable reshaped(UnaryOperator<SDVariable> operation, SDVariable... shape) {
        return sd.reshape(operation.apply(sd.reshape(x(), sd.concat(0, shape))), sd.shape(x()));
    }

    /** Stands for all that the other sizes leave. */
    private SDVariable all() {
        return sd.constant(Nd4j.createFromArray(-1L));
    }

    private SDVariable product(int from, int to) {
        SDVariable product = null;
        for (int axis = from; axis < to; axis++) {
            SDVariable size = sd.gather(sd.shape(x()), new int[]{axis}, 0);
            product = product == null ? size : product.mul(size);
        }
        return product == null ? sd.constant(Nd4j.createFromArray(1L)) : product;
    }
}
