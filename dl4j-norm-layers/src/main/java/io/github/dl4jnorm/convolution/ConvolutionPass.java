// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
    /** Sizes of input for which primitives are kept: those of training, of its last batch, and of evaluation. */
    private static final int PLANS = 8;

    private final Geometry geometry;
    private final long inputs;
    private final boolean channelsLast;
    private final int[] weightAxes;
    private final int[] axes;
    private final Map<List<Long>, Plan> plans = new LinkedHashMap<>(PLANS, 1, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<List<Long>, Plan> eldest) {
            return size() > PLANS;
        }
    };
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
        this.channelsLast = channelsLast;
        this.weightAxes = weightAxes;
        axes = axes(geometry.kernel().length + 2, channelsLast);
    }

    private static int[] axes(int rank, boolean channelsLast) {
        int[] axes = new int[rank];
        for (int i = 0; i < rank; i++) {
            axes[i] = channelsLast && i > 0 ? i - 1 : i;
        }
        axes[1] = channelsLast ? rank - 1 : 1;
        return axes;
    }

    private boolean grouped() {
        return weightAxes.length > axes.length;
    }

    /**
     * Whether oneDNN computes this; where it does not, the layer goes Deeplearning4j's way, which also has the errors.
     *
     * @param shape sizes of the input
     */
    boolean serves(long[] shape) {
        return shape.length == axes.length && Arrays.stream(shape).allMatch(size -> size > 0)
                && shape[axes[1]] == inputs && geometry.out(spatial(shape)) != null;
    }

    private long[] spatial(long[] shape) {
        return Arrays.stream(axes).skip(2).mapToLong(axis -> shape[axis]).toArray();
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
        Tensor in = Tensor.of(x, axes);
        Tensor w = Tensor.of(weights, weightAxes);
        long outputs = grouped() ? w.shape()[0] * w.shape()[1] : w.shape()[0];
        long[] positions = geometry.out(spatial(x.shape()));
        INDArray y = workspaces.createUninitialized(into, DataType.FLOAT, shape(x.size(0), outputs, positions), 'c');
        Tensor out = Tensor.of(y, axes);
        Plan plan = plan(in, w, outputs, out, bias != null, relu);
        boolean keeps = keep && relu;
        kept = keeps ? workspaces.createUninitialized(into, DataType.FLOAT, plan.keptLength()) : null;
        plan.forward(in, w, vector(bias), out, keeps ? Tensor.of(kept, 0) : null);
        return y;
    }

    private long[] shape(long examples, long channels, long[] positions) {
        long[] shape = new long[axes.length];
        shape[axes[0]] = examples;
        shape[axes[1]] = channels;
        for (int i = 0; i < positions.length; i++) {
            shape[axes[i + 2]] = positions[i];
        }
        return shape;
    }

    private Plan plan(Tensor x, Tensor weights, long outputs, Tensor y, boolean bias, boolean relu) {
        List<Long> key = LongStream.concat(Arrays.stream(x.shape()), LongStream.of(bias ? 1 : 0, relu ? 1 : 0)).boxed().toList();
        return plans.computeIfAbsent(key, sizes -> new Plan(new Primitives(geometry, x.shape(), weights.shape(), outputs,
                y.shape(), bias, channelsLast), relu));
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
        Tensor in = Tensor.of(x, axes);
        Tensor w = Tensor.of(weights, weightAxes);
        Tensor gradient = Tensor.of(dy, axes);
        Plan plan = plan(in, w, gradient.shape()[1], gradient, db != null, relu);
        plan.backward(in, w, relu ? Tensor.of(kept, 0) : null, gradient, Tensor.of(dx, axes), Tensor.of(dw, weightAxes),
                vector(db));
        kept = null;
        return dx;
    }

    /** {@return whether the last forward pass had a ReLU whose output was kept} */
    boolean keeps() {
        return kept != null;
    }
}
