// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Both passes of a layer that is one convolution after another with an activation at the end. What is the layer's own (dropout,
 * masks, when weights with noise are thrown away) stays with the layer.
 */
final class FastPass {
    private final DataType type;
    private final Supplier<INDArray> input;
    private final Parameters parameters;
    private final Function<String, INDArray> gradients;
    private final IActivation activation;
    private final String bias;
    private final List<Link> links;
    /** Input of each convolution but the first, of the last forward pass that a backward pass may follow. */
    private final INDArray[] between;
    private INDArray keptInput;

    /**
     * Describes a layer.
     *
     * @param type       type of its parameters and activations
     * @param input      its input, null if none is set
     * @param parameters its parameters, as they are used in training or outside of it
     * @param gradients  the views that its gradients go to
     * @param activation what comes after the last convolution
     * @param bias       name of the bias of the last convolution, null if it has none
     * @param links      the convolutions
     */
    FastPass(DataType type, Supplier<INDArray> input, Parameters parameters, Function<String, INDArray> gradients,
             IActivation activation, String bias, Link... links) {
        this.type = type;
        this.input = input;
        this.parameters = parameters;
        this.gradients = gradients;
        this.activation = activation;
        this.bias = bias;
        this.links = List.of(links);
        between = new INDArray[links.length];
    }

    /** Gives a parameter of a layer. */
    @FunctionalInterface
    interface Parameters {
        INDArray get(String name, boolean training, LayerWorkspaceMgr workspaces);
    }

    /**
     * A convolution.
     *
     * @param weights name of its weights
     * @param form    makes a view of the weights, or of their gradient, that has the axes that the pass expects
     * @param pass    how it is computed
     */
    record Link(String weights, UnaryOperator<INDArray> form, ConvolutionPass pass) {
        Link(String weights, ConvolutionPass pass) {
            this(weights, UnaryOperator.identity(), pass);
        }
    }

    private boolean isLast(int link) {
        return link == links.size() - 1;
    }

    /** {@return the shape of a small input, null if there is none} */
    long[] sample() {
        return links.get(0).pass().sample();
    }

    /** {@return whether oneDNN computes the layer for the input it has} */
    boolean serves() {
        INDArray x = input.get();
        return x != null && type == DataType.FLOAT && links.get(0).pass().serves(x.shape());
    }

    /** {@return whether oneDNN computes the layer and its activation at once} */
    boolean fuses() {
        return ConvolutionPass.isRelu(activation) && serves();
    }

    /** Computes the output before the activation. */
    INDArray preOutput(boolean training, boolean forBackprop, LayerWorkspaceMgr workspaces) {
        return forward(training, false, forBackprop ? ArrayType.BP_WORKING_MEM : ArrayType.ACTIVATIONS, workspaces);
    }

    /** Computes the output with a ReLU; only if the layer {@link #fuses}. */
    INDArray output(boolean training, LayerWorkspaceMgr workspaces) {
        return forward(training, true, ArrayType.ACTIVATIONS, workspaces);
    }

    private INDArray forward(boolean training, boolean relu, ArrayType into, LayerWorkspaceMgr workspaces) {
        INDArray x = input.get().castTo(type);
        keptInput = training ? input.get() : null;
        for (int i = 0; i < links.size(); i++) {
            between[i] = i > 0 && training ? x : null;
            boolean last = isLast(i);
            x = links.get(i).pass().forward(x, weights(i, training, workspaces),
                    last && bias != null ? parameters.get(bias, training, workspaces) : null, last && relu, training, into,
                    workspaces);
        }
        return x;
    }

    private INDArray weights(int link, boolean training, LayerWorkspaceMgr workspaces) {
        return links.get(link).form().apply(parameters.get(links.get(link).weights(), training, workspaces));
    }

    /**
     * Computes the gradients.
     *
     * @param epsilon gradient of the layer's output
     * @return gradients of the parameters, and of the input
     */
    Pair<Gradient, INDArray> backward(INDArray epsilon, LayerWorkspaceMgr workspaces) {
        INDArray x = input.get().castTo(type);
        ConvolutionPass last = links.get(links.size() - 1).pass();
        boolean known = keptInput == input.get();
        boolean fused = known && last.keeps();
        INDArray gradient = epsilon.castTo(type);
        boolean identity = ConvolutionPass.isIdentity(activation);
        if (!fused && (!identity || links.size() > 1 && !known)) {
            INDArray z = preOutput(true, true, workspaces);
            gradient = identity ? gradient : activation.backprop(z, gradient).getFirst();
        }
        Gradient result = new DefaultGradient();
        if (bias != null) {
            result.setGradientFor(bias, gradients.apply(bias));
        }
        for (int i = links.size() - 1; i >= 0; i--) {
            Link link = links.get(i);
            INDArray dw = link.form().apply(gradients.apply(link.weights()));
            gradient = link.pass().backward(i == 0 ? x : between[i], weights(i, true, workspaces), fused && isLast(i),
                    gradient, dw, bias != null && isLast(i) ? gradients.apply(bias) : null, workspaces);
        }
        for (Link link : links) {
            result.setGradientFor(link.weights(), gradients.apply(link.weights()), 'c');
        }
        keptInput = null;
        return new Pair<>(result, gradient);
    }
}
