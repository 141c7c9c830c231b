// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationReLU;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The convolution of a layer, for inputs of any size: both passes, and what the backward pass has to know of the forward pass.
 * As a layer, it serves one thread at a time.
 */
final class ConvolutionPass {
    private static final int EXAMPLES = 2;

    private final Geometry geometry;
    private final long inputs;
    private final int[] weightAxes;
    private final Axes axes;
    private final Recent<List<Long>, Plan> plans = new Recent<>();
    /** The output, as the primitive wrote it, of a forward pass with a ReLU that a backward pass may follow. */
    private INDArray kept;

    /**
     * Describes the convolution.
     *
     * @param inputs       number of channels of the input
     * @param weightAxes   where in the layer's weights oneDNN's axes are: outputs, inputs, kernel; groups before them, if
     *                     there are more than one; -1 for an axis that is not there
     * @param channelsLast whether activations have their channels last
     */
    ConvolutionPass(Geometry geometry, long inputs, boolean channelsLast, int... weightAxes) {
        this.inputs = inputs;
        this.geometry = geometry;
        this.weightAxes = weightAxes;
        axes = new Axes(geometry.kernel().length + 2, channelsLast);
    }

    private boolean grouped() {
        return weightAxes.length > axes.rank();
    }

    /**
     * Whether oneDNN computes this; where it does not, the layer goes Deeplearning4j's way, which also has the errors.
     *
     * @param shape sizes of the input
     */
    boolean serves(long[] shape) {
        return axes.fit(shape) && axes.channels(shape) == inputs && geometry.out(axes.spatial(shape)) != null;
    }

    /** {@return the shape of a small input, null if there is none} */
    long[] sample() {
        long[] positions = geometry.sample();
        return positions == null ? null : axes.shape(EXAMPLES, inputs, positions);
    }

    /** {@return whether a primitive can apply it to its output} */
    static boolean isRelu(IActivation activation) {
        return activation instanceof ActivationReLU && activation.equals(new ActivationReLU());
    }

    /** {@return whether its backward pass hands the gradient on} */
    static boolean isIdentity(IActivation activation) {
        return activation instanceof ActivationIdentity;
    }

    /**
     * Computes the output.
     *
     * @param bias null if there is none
     * @param relu whether a ReLU follows; a later backward pass has to be told so, too
     * @param keep whether a backward pass may follow
     * @param into what the output's memory is for
     * @return the output, c order
     */
    INDArray forward(INDArray x, INDArray weights, INDArray bias, boolean relu, boolean keep, ArrayType into,
                     LayerWorkspaceMgr workspaces) {
        Tensor in = axes.tensor(x);
        Tensor w = Tensor.of(weights, weightAxes);
        long outputs = grouped() ? w.shape()[0] * w.shape()[1] : w.shape()[0];
        long[] positions = geometry.out(axes.spatial(x.shape()));
        INDArray y = workspaces.createUninitialized(into, DataType.FLOAT, axes.shape(x.size(0), outputs, positions), 'c');
        Tensor out = axes.tensor(y);
        Plan plan = plan(in, w, outputs, out, bias != null, relu);
        boolean keeps = keep && relu;
        kept = keeps ? workspaces.createUninitialized(into, DataType.FLOAT, plan.keptLength()) : null;
        plan.forward(in, w, vector(bias), out, keeps ? Tensor.of(kept, 0) : null);
        return y;
    }

    private Plan plan(Tensor x, Tensor weights, long outputs, Tensor y, boolean bias, boolean relu) {
        List<Long> key = LongStream.concat(Arrays.stream(x.shape()), LongStream.of(bias ? 1 : 0, relu ? 1 : 0)).boxed().toList();
        return plans.get(key, sizes -> new Plan(() -> new Primitives(geometry, x.shape(), weights.shape(), outputs, y.shape(),
                bias, axes.channelsLast()), relu));
    }

    private static Tensor vector(INDArray array) {
        return array == null ? null : Tensor.of(array, array.rank() - 1);
    }

    /**
     * Computes the gradients.
     *
     * @param x       input of the forward pass
     * @param weights weights of the forward pass
     * @param relu    whether the forward pass ended in a ReLU
     * @param dy      gradient of the output
     * @param dw      gets the gradient of the weights
     * @param db      gets the gradient of the bias; null if there is none
     * @return gradient of the input, c order
     */
    INDArray backward(INDArray x, INDArray weights, boolean relu, INDArray dy, INDArray dw, INDArray db,
                      LayerWorkspaceMgr workspaces) {
        INDArray dx = workspaces.createUninitialized(ArrayType.ACTIVATION_GRAD, DataType.FLOAT, x.shape(), 'c');
        Tensor in = axes.tensor(x);
        Tensor w = Tensor.of(weights, weightAxes);
        Tensor gradient = axes.tensor(dy);
        Plan plan = plan(in, w, gradient.shape()[1], gradient, db != null, relu);
        plan.backward(in, w, relu ? Tensor.of(kept, 0) : null, gradient, axes.tensor(dx), Tensor.of(dw, weightAxes),
                vector(db));
        kept = null;
        return dx;
    }

    /** {@return whether the last forward pass had a ReLU whose output was kept} */
    boolean keeps() {
        return kept != null;
    }
}
