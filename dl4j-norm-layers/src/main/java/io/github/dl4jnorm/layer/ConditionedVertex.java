// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.ConditionalNormalization;
import io.github.dl4jnorm.conf.ConditionedNorm;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import io.github.dl4jnorm.pass.NormPass;
import java.util.Arrays;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.MaskState;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.BaseGraphVertex;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The running vertex of every {@link ConditionedNorm}. */
public class ConditionedVertex extends BaseGraphVertex {
    private static final long serialVersionUID = 1L;

    /** The configuration. */
    private final ConditionedNorm conf;
    private transient INDArray[] masks;
    private transient Condition condition;

    /**
     * A vertex whose inputs are not known yet.
     *
     * @param graph    the graph it belongs to
     * @param name     its name
     * @param index    its index
     * @param conf     its options
     * @param dataType type of activations
     */
    public ConditionedVertex(ComputationGraph graph, String name, int index, ConditionedNorm conf, DataType dataType) {
        super(graph, name, index, null, null, dataType);
        this.conf = conf;
    }

    @Override
    public boolean hasLayer() {
        return false;
    }

    @Override
    public Layer getLayer() {
        return null;
    }

    @Override
    public INDArray doForward(boolean training, LayerWorkspaceMgr workspaceMgr) {
        if (!canDoForward()) {
            throw new IllegalStateException(this + ": forward pass called without inputs");
        }
        NormPlan plan = checkInputs();
        View view = View.of(inputs[0].shape(), conf.isChannelsLast());
        Mask mask = mask(0, view);
        INDArray y = workspaceMgr.createUninitialized(ArrayType.ACTIVATIONS, dataType, inputs[0].shape(), 'c');
        try (MemoryWorkspace ws = workspaceMgr.notifyScopeBorrowed(ArrayType.FF_WORKING_MEM)) {
            condition = condition();
            INDArray result = workingType() == dataType ? y : Nd4j.createUninitialized(workingType(), y.shape(), 'c');
            NormPass norm = new NormPass(view, mask, plan, new Values(), conf.getEps());
            condition.forward(norm, inputs[0].castTo(workingType()), result);
            if (result != y) {
                y.assign(result.castTo(dataType));
            }
        }
        return y;
    }

    private Condition condition() {
        INDArray other = inputs[1].castTo(workingType());
        boolean last = conf.isChannelsLast();
        if (conf instanceof ConditionalNormalization options) {
            int channels = (int) inputs[0].size(last ? inputs[0].rank() - 1 : 1);
            return other.rank() == 2 ? new VectorCondition(other, options.getGammaOffset(), channels)
                    : new MapCondition(other, mask(1, View.of(other.shape(), last)), options.getGammaOffset());
        }
        View view = View.of(other.shape(), last);
        return new StyleCondition(other, view, mask(1, view), conf.getEps());
    }

    /** In HALF, what lies between norm and condition stays in FLOAT: rounded, it would spoil the last digits. */
    private DataType workingType() {
        return dataType == DataType.HALF && conf instanceof ConditionalNormalization options
                && (inputs[1].rank() > 2 || options.isPerPosition() || inputs[0].rank() == 2) ? DataType.FLOAT : dataType;
    }

    /** A graph forgets its masks without telling its vertices. */
    private Mask mask(int input, View view) {
        return masks == null || graph.getInputMaskArrays() == null ? null : Masks.of(masks[input], view, toString());
    }

    @Override
    public Pair<Gradient, INDArray[]> doBackward(boolean tbptt, LayerWorkspaceMgr workspaceMgr) {
        if (!canDoBackward() || condition == null) {
            throw new IllegalStateException(this + ": backward pass called without a forward pass on the same inputs");
        }
        if (!Arrays.equals(epsilon.shape(), inputs[0].shape())) {
            throw invalidInput("a gradient of shape " + Arrays.toString(inputs[0].shape()), Arrays.toString(epsilon.shape()));
        }
        INDArray dx = workspaceMgr.createUninitialized(ArrayType.ACTIVATION_GRAD, dataType, inputs[0].shape(), 'c');
        INDArray other = workspaceMgr.createUninitialized(ArrayType.ACTIVATION_GRAD, dataType, inputs[1].shape(), 'c');
        try (MemoryWorkspace ws = workspaceMgr.notifyScopeBorrowed(ArrayType.BP_WORKING_MEM)) {
            DataType working = workingType();
            INDArray[] results = {dx, other};
            for (int i = 0; i < results.length && working != dataType; i++) {
                results[i] = Nd4j.createUninitialized(working, results[i].shape(), 'c');
            }
            condition.backward(inputs[0].castTo(working), inputs[1].castTo(working), epsilon.castTo(working), results[0],
                    results[1]);
            if (working != dataType) {
                dx.assign(results[0].castTo(dataType));
                other.assign(results[1].castTo(dataType));
            }
        }
        return new Pair<>(null, new INDArray[]{dx, other});
    }

    /** Checks both inputs before anything is allocated or changed. */
    private NormPlan checkInputs() {
        long[] shape = inputs[0].shape();
        if (shape.length < 2 || shape.length > 5 || Arrays.stream(shape).anyMatch(d -> d == 0)) {
            throw invalidInput("non-empty content of " + conf.expectedContent(), "shape " + Arrays.toString(shape));
        }
        int axis = conf.isChannelsLast() ? shape.length - 1 : 1;
        NormPlan plan = conf.plan(Math.toIntExact(shape[axis]), shape.length);
        if (plan == null) {
            throw invalidInput("content of " + conf.expectedContent(), "shape " + Arrays.toString(shape) + " with "
                    + shape[axis] + " channels");
        }
        long[] other = inputs[1].shape();
        if (conf instanceof ConditionalNormalization options) {
            checkCondition(shape, axis, options.conditionLength(shape[axis]));
        } else if (other.length != shape.length || other[0] != shape[0] || other[axis] != shape[axis]
                || Arrays.stream(other).anyMatch(d -> d == 0)) {
            throw invalidInput("a non-empty style of rank " + shape.length + " with " + shape[0] + " examples and " + shape[axis]
                    + " channels in dimension " + axis, "shape " + Arrays.toString(other));
        }
        for (INDArray input : inputs) {
            if (!input.dataType().isFPType()) {
                throw invalidInput("inputs of a floating-point type", input.dataType().toString());
            }
        }
        return plan;
    }

    private void checkCondition(long[] shape, int axis, long length) {
        long[] other = inputs[1].shape();
        boolean map = other.length > 2 && other.length == shape.length && other[0] == shape[0] && other[axis] == length
                && Arrays.stream(other).noneMatch(d -> d == 0);
        long[] vectors = {shape[0], length};
        if (!map && !Arrays.equals(other, vectors)) {
            String maps = shape.length == 2 ? "" : ", or non-empty maps of rank " + shape.length + " with " + length
                    + " channels in dimension " + axis + ",";
            throw invalidInput("vectors of shape " + Arrays.toString(vectors) + maps + " for content of shape "
                    + Arrays.toString(shape), "shape " + Arrays.toString(other));
        }
    }

    private DL4JInvalidInputException invalidInput(String expected, String actual) {
        return new DL4JInvalidInputException(this + ": expected " + expected + ", got " + actual);
    }

    /** What is masked in the content stays masked. */
    @Override
    public Pair<INDArray, MaskState> feedForwardMaskArrays(INDArray[] maskArrays, MaskState currentMaskState,
                                                           int minibatchSize) {
        masks = maskArrays;
        return maskArrays == null ? null : new Pair<>(maskArrays[0], currentMaskState);
    }

    @Override
    public void setBackpropGradientsViewArray(INDArray gradients) {
        if (gradients != null) {
            throw new IllegalArgumentException(this + ": expected no gradient array (the vertex has no parameters), got one of "
                    + gradients.length() + " elements");
        }
    }

    @Override
    public void clear() {
        super.clear();
        condition = null;
    }

    @Override
    public String toString() {
        return conf.getClass().getSimpleName() + " vertex \"" + getVertexName() + "\"";
    }
}
