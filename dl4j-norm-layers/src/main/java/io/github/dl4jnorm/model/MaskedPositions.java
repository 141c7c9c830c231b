// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.ConditionedNorm;
import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.Reparameterization;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.graph.ScaleVertex;
import org.deeplearning4j.nn.conf.graph.ShiftVertex;
import org.deeplearning4j.nn.conf.graph.StackVertex;
import org.deeplearning4j.nn.conf.graph.SubsetVertex;
import org.deeplearning4j.nn.conf.graph.UnstackVertex;
import org.deeplearning4j.nn.conf.graph.rnn.LastTimeStepVertex;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BaseOutputLayer;
import org.deeplearning4j.nn.conf.layers.BaseRecurrentLayer;
import org.deeplearning4j.nn.conf.layers.Cnn3DLossLayer;
import org.deeplearning4j.nn.conf.layers.CnnLossLayer;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LocalResponseNormalization;
import org.deeplearning4j.nn.conf.layers.LocallyConnected2D;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.PReLULayer;
import org.deeplearning4j.nn.conf.layers.RnnLossLayer;
import org.deeplearning4j.nn.conf.layers.SpaceToBatchLayer;
import org.deeplearning4j.nn.conf.layers.SpaceToDepthLayer;
import org.deeplearning4j.nn.conf.layers.Subsampling1DLayer;
import org.deeplearning4j.nn.conf.layers.Subsampling3DLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.conf.layers.Upsampling2D;
import org.deeplearning4j.nn.conf.layers.Upsampling3D;
import org.deeplearning4j.nn.conf.layers.ZeroPadding3DLayer;
import org.deeplearning4j.nn.conf.layers.ZeroPaddingLayer;
import org.deeplearning4j.nn.conf.layers.convolutional.Cropping2D;
import org.deeplearning4j.nn.conf.layers.convolutional.Cropping3D;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.conf.layers.util.MaskLayer;

/**
 * Finds the layer that would notice at positions that count if something else than a norm's zeros stood at masked ones.
 * Deeplearning4j's convolutions, poolings and recurrent layers use what stands there.
 *
 * @param draft  the network
 * @param images whether images and volumes are masked, too, not only sequences
 */
record MaskedPositions(Draft<?> draft, boolean images) {
    private enum Effect {
        /** What stands at a position goes to that position alone. */
        KEEP_APART,
        /** Masked positions go nowhere from here, or are 0 again. */
        END,
        /** What stands at a position goes to others, or that is not known. */
        MIX
    }

    /** Why a norm has to stay for its zeros, or null if nothing would notice. */
    String whyNeeded(Part norm) {
        Set<String> seen = new HashSet<>();
        Deque<Node> next = new ArrayDeque<>(draft.consumers(Node.of(norm)));
        while (!next.isEmpty()) {
            Node node = next.remove();
            if (!seen.add(node.key())) {
                continue;
            }
            Effect effect = node.part() == null ? effect(node.vertex()) : effect(node.part().layer());
            boolean ofImage = effect == Effect.MIX && isOfImages(node);
            if (effect == Effect.MIX && (images || !ofImage)) {
                return node.describe() + " needs the zeros that the norm writes to masked " + (ofImage ? "pixels" : "timesteps")
                        + "; if the network receives no " + (ofImage ? "image masks, fold with MaskUse." + MaskUse.SEQUENCES
                        : "masks, fold with MaskUse." + MaskUse.NEVER);
            }
            if (effect != Effect.END) {
                next.addAll(draft.consumers(node));
            }
        }
        return null;
    }

    private static Layer unwrapped(Layer layer) {
        return layer instanceof Reparameterization wrapper ? wrapper.getUnderlying() : layer;
    }

    private static Effect effect(Layer given) {
        Layer layer = unwrapped(given);
        // Dense layers make zeros of masked rows themselves; global pooling leaves masked positions out.
        if (layer instanceof DenseLayer || layer instanceof GlobalPoolingLayer || layer instanceof MaskLayer
                || layer instanceof NormLayer || layer instanceof LayerNormLSTM || isOutput(layer)) {
            return Effect.END;
        }
        boolean apart = layer instanceof ActivationLayer || layer instanceof DropoutLayer || layer instanceof PReLULayer
                || layer instanceof LocalResponseNormalization || BatchNormMap.isStock(layer)
                || layer instanceof ConvolutionLayer convolution
                && Arrays.stream(convolution.getKernelSize()).allMatch(size -> size == 1);
        return apart ? Effect.KEEP_APART : Effect.MIX;
    }

    private static boolean isOutput(Layer layer) {
        return layer instanceof BaseOutputLayer || layer instanceof LossLayer || layer instanceof RnnLossLayer
                || layer instanceof CnnLossLayer || layer instanceof Cnn3DLossLayer;
    }

    /** Masks of several inputs are joined: what is masked in one of them may count in the sum. */
    private static Effect effect(GraphVertex vertex) {
        if (vertex instanceof LastTimeStepVertex || vertex instanceof ConditionedNorm) {
            return Effect.END;
        }
        return vertex instanceof ScaleVertex || vertex instanceof ShiftVertex || vertex instanceof SubsetVertex
                || vertex instanceof StackVertex || vertex instanceof UnstackVertex ? Effect.KEEP_APART : Effect.MIX;
    }

    /** Whether a layer, or what is in front of it if the layer itself does not tell, is for images or volumes. */
    private boolean isOfImages(Node node) {
        Set<String> seen = new HashSet<>();
        Deque<Node> next = new ArrayDeque<>();
        next.add(node);
        while (!next.isEmpty()) {
            Node now = next.remove();
            Layer layer = now.part() == null ? null : unwrapped(now.part().layer());
            if (isForImages(layer)) {
                return true;
            }
            if (isForSequences(layer)) {
                return false;
            }
            if (seen.add(now.key())) {
                next.addAll(draft.producers(now));
            }
        }
        return false;
    }

    private static boolean isForSequences(Layer layer) {
        return layer instanceof BaseRecurrentLayer || layer instanceof Convolution1DLayer
                || layer instanceof Subsampling1DLayer
                || layer instanceof Bidirectional || layer instanceof LastTimeStep;
    }

    private static boolean isForImages(Layer layer) {
        return layer instanceof ConvolutionLayer && !(layer instanceof Convolution1DLayer)
                || layer instanceof SubsamplingLayer && !(layer instanceof Subsampling1DLayer)
                || layer instanceof Subsampling3DLayer || layer instanceof Upsampling2D || layer instanceof Upsampling3D
                || layer instanceof ZeroPaddingLayer || layer instanceof ZeroPadding3DLayer || layer instanceof Cropping2D
                || layer instanceof Cropping3D || layer instanceof LocallyConnected2D || layer instanceof SpaceToDepthLayer
                || layer instanceof SpaceToBatchLayer;
    }
}
