// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.layer.ResidualSumVertex;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.annotation.JsonIgnoreProperties;

/**
 * Adds two inputs of the same shape, such as the input and the output of a residual block. Use it instead of
 * {@code new ElementWiseVertex(ElementWiseVertex.Op.Add)} before a norm:
 *
 * <pre>{@code
 * .addVertex("sum", new ResidualSum(), "attention", "input")
 * .addLayer("norm", new LayerNormalization.Builder().build(), "sum")
 * }</pre>
 *
 * The output is the sum, which other layers and vertices can use as well. If a {@link LayerNormalization} or an
 * {@link RmsNormalization} that normalizes each position takes it as its input, training computes the sum and the output of that
 * norm in one traversal. Numbers, gradients and masks are the same in all cases.
 */
@JsonIgnoreProperties("op")
public class ResidualSum extends ElementWiseVertex {
    private static final long serialVersionUID = 1L;

    /** Creates a vertex; it has no options. */
    public ResidualSum() {
        super(Op.Add);
    }

    /** Accepts addition only. */
    @Override
    public void setOp(Op op) {
        if (op != Op.Add) {
            throw new DL4JInvalidConfigException("ResidualSum vertex: expected the operation Add, got " + op);
        }
        super.setOp(op);
    }

    @Override
    public ResidualSum clone() {
        return new ResidualSum();
    }

    @Override
    public int maxVertexInputs() {
        return 2;
    }

    @Override
    public ResidualSumVertex instantiate(ComputationGraph graph, String name, int idx, INDArray paramsView,
                                         boolean initializeParams, DataType networkDatatype) {
        return new ResidualSumVertex(graph, name, idx, networkDatatype);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ResidualSum;
    }

    @Override
    public int hashCode() {
        return ResidualSum.class.hashCode();
    }
}
