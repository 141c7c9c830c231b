// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.ResidualSum;
import io.github.dl4jnorm.kernel.Kernels;
import java.util.Arrays;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.GraphVertex;
import org.deeplearning4j.nn.graph.vertex.VertexIndices;
import org.deeplearning4j.nn.graph.vertex.impl.ElementWiseVertex;
import org.deeplearning4j.nn.graph.vertex.impl.LayerVertex;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The running vertex of {@link ResidualSum}: has the norm behind it normalize the sum while that is in the cache. */
public class ResidualSumVertex extends ElementWiseVertex {
    private static final long serialVersionUID = 1L;
    /** Where training keeps the activations of all vertices until the backward pass. */
    private static final String OF_ALL_LAYERS = "WS_ALL_LAYERS_ACT";

    /**
     * A vertex whose inputs are not known yet.
     *
     * @param graph    the graph it belongs to
     * @param name     its name
     * @param index    its index
     * @param dataType type of activations
     */
    public ResidualSumVertex(ComputationGraph graph, String name, int index, DataType dataType) {
        super(graph, name, index, Op.Add, dataType);
    }

    @Override
    public INDArray doForward(boolean training, LayerWorkspaceMgr workspaceMgr) {
        if (!canDoForward()) {
            throw new IllegalStateException(this + ": forward pass called without inputs");
        }
        if (inputs.length != 2 || !inputs[0].equalShapes(inputs[1])) {
            throw new DL4JInvalidInputException(this + ": expected two inputs of the same shape, got "
                    + Arrays.toString(Arrays.stream(inputs).map(INDArray::shape).map(Arrays::toString).toArray()));
        }
        INDArray x = inputs[0].castTo(dataType);
        INDArray residual = inputs[1].castTo(dataType);
        INDArray sum = workspaceMgr.createUninitialized(ArrayType.ACTIVATIONS, dataType, x.shape(), 'c');
        NormalizationLayer norm = sharesActivations(training, workspaceMgr) ? norm() : null;
        if (norm == null || !norm.activateSum(x, residual, sum, training, workspaceMgr)) {
            Kernels.get().add(x, residual, sum);
        }
        return sum;
    }

    /** Whether an array created here can be the output of another vertex: elsewhere each vertex has a workspace of its own. */
    private boolean sharesActivations(boolean training, LayerWorkspaceMgr workspaceMgr) {
        WorkspaceMode mode = training ? graph.getConfiguration().getTrainingWorkspaceMode()
                : graph.getConfiguration().getInferenceWorkspaceMode();
        return mode == WorkspaceMode.NONE || OF_ALL_LAYERS.equals(workspaceMgr.getWorkspaceName(ArrayType.ACTIVATIONS));
    }

    /** A norm that takes the sum as it is, or null. */
    private NormalizationLayer norm() {
        VertexIndices[] next = getOutputVertices() == null ? new VertexIndices[0] : getOutputVertices();
        for (VertexIndices indices : next) {
            GraphVertex vertex = graph.getVertices()[indices.getVertexIndex()];
            if (vertex instanceof LayerVertex layer && layer.getLayerPreProcessor() == null
                    && vertex.getLayer() instanceof NormalizationLayer norm) {
                return norm;
            }
        }
        return null;
    }

    @Override
    public Pair<Gradient, INDArray[]> doBackward(boolean tbptt, LayerWorkspaceMgr workspaceMgr) {
        if (!canDoBackward()) {
            throw new IllegalStateException(this + ": backward pass called without a gradient");
        }
        return new Pair<>(null, new INDArray[]{workspaceMgr.dup(ArrayType.ACTIVATION_GRAD, epsilon),
                workspaceMgr.dup(ArrayType.ACTIVATION_GRAD, epsilon)});
    }

    @Override
    public String toString() {
        return "ResidualSum vertex \"" + getVertexName() + "\"";
    }
}
