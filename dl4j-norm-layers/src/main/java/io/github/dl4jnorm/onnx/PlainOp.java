// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

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
    /** The importer leaves out where it starts and ends. */
    SHAPE("Shape") {
        @Override
        SDVariable build(SameDiff sd, OnnxNode node) {
            SDVariable x = input(sd, node, 0);
            int rank = sample(sd, node, 0).rank();
            int start = within(node.integer("start", 0), rank);
            int end = within(node.integer("end", rank), rank);
            SDVariable shape = sd.shape(x);
            return start == 0 && end == rank ? shape
                    : sd.gather(shape, IntStream.range(start, Math.max(start, end)).toArray(), 0);
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
                throw node.error("axes of input of rank " + rank, Arrays.toString(given));
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
