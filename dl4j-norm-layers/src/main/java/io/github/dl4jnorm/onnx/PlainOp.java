// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Operations that normalizations are taken apart into, by ONNX's own definitions of them too, and that the importer does not
 * know or does not read as they are meant.
 */
enum PlainOp {
    RECIPROCAL("Reciprocal") {
        @Override
        SDVariable build(SameDiff sd, OnnxNode node) {
            return sd.math.reciprocal(input(sd, node, 0));
        }
    },
    /** Of the importer's, one that takes a constant for its base has two outputs. */
    POW("Pow") {
        @Override
        SDVariable build(SameDiff sd, OnnxNode node) {
            SDVariable base = input(sd, node, 0);
            SDVariable exponent = input(sd, node, 1);
            return sd.math.pow(base, exponent.dataType() == base.dataType() ? exponent : exponent.castTo(base.dataType()));
        }
    },
    /** Of the importer's, one of integers is a fraction. */
    DIV("Div") {
        @Override
        SDVariable build(SameDiff sd, OnnxNode node) {
            SDVariable dividend = input(sd, node, 0);
            SDVariable quotient = dividend.div(input(sd, node, 1));
            return quotient.dataType() == dividend.dataType() ? quotient : quotient.castTo(dividend.dataType());
        }
    },
    /** The importer sets the value while it imports, and not when the graph runs. */
    CONSTANT_OF_SHAPE("ConstantOfShape") {
        @Override
        SDVariable build(SameDiff sd, OnnxNode node) {
            INDArray value = node.array("value");
            return sd.fill(input(sd, node, 0), value == null ? DataType.FLOAT : value.dataType(),
                    value == null ? 0 : value.getDouble(0));
        }
    },
    FLATTEN("Flatten") {
        @Override
        SDVariable build(SameDiff sd, OnnxNode node) {
            SDVariable x = input(sd, node, 0);
            int rank = sample(sd, node, 0).rank();
            long given = node.integer("axis", 1);
            int axis = (int) (given < 0 ? given + rank : given);
            if (axis < 0 || axis > rank) {
                throw node.error("axis from " + -rank + " to " + rank, given);
            }
            SDVariable rows = sd.constant(Nd4j.createFromArray(1L));
            for (int i = 0; i < axis; i++) {
                rows = rows.mul(sd.gather(sd.shape(x), new int[]{i}, 0));
            }
            return sd.reshape(x, sd.concat(0, rows, sd.constant(Nd4j.createFromArray(-1L))));
        }
    },
    /** The importer takes 0 for a size, which is to be that of the input. */
    RESHAPE("Reshape") {
        @Override
        SDVariable build(SameDiff sd, OnnxNode node) {
            SDVariable x = input(sd, node, 0);
            if (!node.hasInput(1)) {
                return sd.reshape(x, sd.constant(Nd4j.createFromArray(node.integers("shape"))));
            }
            SDVariable shape = input(sd, node, 1);
            long[] given = sample(sd, node, 1).toLongVector();
            if (node.integer("allowzero", 0) != 0 || Arrays.stream(given).noneMatch(size -> size == 0)) {
                return sd.reshape(x, shape);
            }
            SDVariable[] sizes = new SDVariable[given.length];
            Arrays.setAll(sizes, i -> sd.gather(given[i] == 0 ? sd.shape(x) : shape, new int[]{i}, 0));
            return sd.reshape(x, sd.concat(0, sizes));
        }
    },
    /** The importer leaves out where it starts and ends. */
    SHAPE("Shape") {
        @Override
        SDVariable build(SameDiff sd, OnnxNode node) {
            SDVariable shape = sd.shape(input(sd, node, 0));
            if (node.attributes().isEmpty()) {
                return shape;
            }
            int rank = sample(sd, node, 0).rank();
            int start = within(node.integer("start", 0), rank);
            int end = within(node.integer("end", rank), rank);
            if (start >= end) {
                throw node.error("a non-empty part of the shape of input of rank " + rank, start + " to " + end);
            }
            return sd.gather(shape, IntStream.range(start, end).toArray(), 0);
        }

        private int within(long given, int rank) {
            return (int) Math.max(0, Math.min(rank, given < 0 ? given + rank : given));
        }
    },
    /** The importer knows no axes but those of an attribute. */
    REDUCE_MEAN("ReduceMean") {
        @Override
        SDVariable build(SameDiff sd, OnnxNode node) {
            SDVariable x = input(sd, node, 0);
            int rank = sample(sd, node, 0).rank();
            long[] given = node.hasInput(1) ? sample(sd, node, 1).toLongVector() : node.integers("axes");
            if (given.length == 0 && node.integer("noop_with_empty_axes", 0) != 0) {
                return sd.identity(x);
            }
            int[] axes = Arrays.stream(given).mapToInt(axis -> (int) (axis < 0 ? axis + rank : axis)).toArray();
            if (Arrays.stream(axes).anyMatch(axis -> axis < 0 || axis >= rank)) {
                throw node.error("axes from " + -rank + " to " + (rank - 1) + " for input of rank " + rank,
                        Arrays.toString(given));
            }
            return x.mean(node.integer("keepdims", 1) != 0, axes.length == 0 ? IntStream.range(0, rank).toArray() : axes);
        }
    };

    private final String type;

    PlainOp(String type) {
        this.type = type;
    }

    /** The one of a name, or null. */
    static PlainOp of(String type) {
        return Arrays.stream(values()).filter(op -> op.type.equals(type)).findFirst().orElse(null);
    }

    /** Builds it while the importer computes. */
    abstract SDVariable build(SameDiff sd, OnnxNode node);

    private static SDVariable input(SameDiff sd, OnnxNode node, int index) {
        if (!node.hasInput(index)) {
            throw node.error("input " + index, node.inputs());
        }
        return sd.getVariable(node.inputs().get(index));
    }

    /** What the importer computes with. */
    private static INDArray sample(SameDiff sd, OnnxNode node, int index) {
        SDVariable input = input(sd, node, index);
        INDArray array = sd.getEagerArrays().hasArray(input.name()) ? sd.getEagerArrays().getArray(input.name())
                : input.getArr();
        if (array == null) {
            throw node.error("input of a known shape", "\"" + input.name() + "\" of unknown shape");
        }
        return array;
    }
}
