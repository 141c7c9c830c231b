// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.MomentShortcut;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.View;
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
import org.nd4j.linalg.api.ops.impl.reduce.floating.SquaredNorm;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/** The running vertex of {@link MomentShortcut}: in double, as means in float lose digits. */
public class MomentShortcutVertex extends BaseGraphVertex {
    private static final long serialVersionUID = 1L;

    /** The configuration. */
    private final MomentShortcut conf;
    private transient INDArray[] masks;

    /**
     * A vertex whose inputs are not known yet.
     *
     * @param graph    the graph it belongs to
     * @param name     its name
     * @param index    its index
     * @param conf     its options
     * @param dataType type of activations
     */
    public MomentShortcutVertex(ComputationGraph graph, String name, int index, MomentShortcut conf, DataType dataType) {
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

    private int axis() {
        return conf.isChannelsLast() ? inputs[1].rank() - 1 : 1;
    }

    private static INDArray wide(INDArray array) {
        return array.castTo(DataType.DOUBLE);
    }

    /** The mean of x, x less it, and the deviation. */
    private INDArray[] moments() {
        INDArray source = wide(inputs[1]);
        INDArray mean = source.mean(true, axis());
        INDArray centered = source.sub(mean);
        INDArray squares = Nd4j.exec(new SquaredNorm(centered, true, axis()));
        return new INDArray[]{mean, centered, Transforms.sqrt(squares.divi(source.size(axis())).addi(conf.getEps()), false)};
    }

    /** What is masked becomes 0, whatever it is. */
    private void deliver(INDArray values, INDArray into) {
        View view = View.of(into.shape(), conf.isChannelsLast());
        INDArray mask = masks == null || graph.getInputMaskArrays() == null ? null : masks[0];
        Mask kept = Masks.of(mask, view, toString());
        if (kept == null) {
            into.assign(values);
        } else {
            Kernels.get().affine(values.castTo(dataType), view, kept, Affine.IDENTITY, false, into);
        }
    }

    @Override
    public INDArray doForward(boolean training, LayerWorkspaceMgr workspaceMgr) {
        if (!canDoForward()) {
            throw new IllegalStateException(this + ": forward pass called without inputs");
        }
        checkInputs();
        INDArray y = workspaceMgr.createUninitialized(ArrayType.ACTIVATIONS, dataType, inputs[0].shape(), 'c');
        try (MemoryWorkspace ws = workspaceMgr.notifyScopeBorrowed(ArrayType.FF_WORKING_MEM)) {
            INDArray[] moments = moments();
            deliver(wide(inputs[0]).mul(moments[2]).addi(moments[0]), y);
        }
        return y;
    }

    private void checkInputs() {
        long[] features = inputs[0].shape().clone();
        long[] source = inputs[1].shape().clone();
        boolean same = features.length == source.length && features.length > 1;
        if (same) {
            features[axis()] = source[axis()];
        }
        if (!same || !Arrays.equals(features, source) || inputs[0].isEmpty() || inputs[1].isEmpty()) {
            throw new DL4JInvalidInputException(this + ": expected non-empty inputs with the same examples and positions, got "
                    + "shapes " + Arrays.toString(inputs[0].shape()) + " and " + Arrays.toString(source));
        }
    }

    @Override
    public Pair<Gradient, INDArray[]> doBackward(boolean tbptt, LayerWorkspaceMgr workspaceMgr) {
        if (!canDoBackward()) {
            throw new IllegalStateException(this + ": backward pass called without inputs or gradient");
        }
        INDArray toFeatures = workspaceMgr.createUninitialized(ArrayType.ACTIVATION_GRAD, dataType, inputs[0].shape(), 'c');
        INDArray toSource = workspaceMgr.createUninitialized(ArrayType.ACTIVATION_GRAD, dataType, inputs[1].shape(), 'c');
        try (MemoryWorkspace ws = workspaceMgr.notifyScopeBorrowed(ArrayType.BP_WORKING_MEM)) {
            INDArray[] moments = moments();
            INDArray dy = wide(epsilon);
            deliver(dy.mul(moments[2]), toFeatures);
            INDArray toDeviation = dy.mul(wide(inputs[0])).sum(true, axis()).divi(moments[2]);
            double share = 1.0 / inputs[1].size(axis());
            deliver(moments[1].muli(toDeviation).addi(dy.sum(true, axis())).muli(share), toSource);
        }
        return new Pair<>(null, new INDArray[]{toFeatures, toSource});
    }

    /** What is masked in the features stays masked. */
    @Override
    public Pair<INDArray, MaskState> feedForwardMaskArrays(INDArray[] maskArrays, MaskState state, int minibatchSize) {
        masks = maskArrays;
        return maskArrays == null ? null : new Pair<>(maskArrays[0], state);
    }

    @Override
    public void setBackpropGradientsViewArray(INDArray gradients) {
        if (gradients != null) {
            throw new IllegalArgumentException(this + ": expected no gradient array (the vertex has no parameters), got one of "
                    + gradients.length() + " elements");
        }
    }

    @Override
    public String toString() {
        return "MomentShortcut vertex \"" + getVertexName() + "\"";
    }
}
