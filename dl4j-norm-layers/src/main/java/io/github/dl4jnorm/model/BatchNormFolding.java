// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.ConditionedNorm;
import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.Reparameterization;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;
import org.nd4j.linalg.activations.impl.ActivationIdentity;

/**
 * Makes a network that is done with training smaller and faster: the affine map that a batch norm is at test time goes
 * into the weights of the layer before or behind it, and the norm goes away,
 *
 * <pre>
 *   scale = gamma/√(var + eps)   shift = beta − mean·scale
 *   before it:  W' = scale·W      b' = scale·b + shift
 *   behind it:  W' = W·scale      b' = b + W·shift
 * </pre>
 *
 * (arXiv 1502.03167, section 3.1). That holds for every norm that uses running statistics at test time: Deeplearning4j's
 * batch norm and this library's batch, synchronized, ghost, renormalizing and, with {@code trackRunningStats}, instance
 * norm. They are folded into
 * <ul>
 * <li>the dense layer or convolution (1D, 2D, 3D, depthwise, separable, deconvolution) right before it, if that has no
 *     activation of its own and nothing else takes its output; it takes over the activation of the norm;</li>
 * <li>else into the dense layer, OutputLayer or convolution right behind it, if the norm has no activation, nothing
 *     else takes its output, and the convolution does not pad: zeros around the image are not normalized ones.</li>
 * </ul>
 *
 * <p>The result is for inference: its outputs are those of the original up to rounding, but it trains differently.
 *
 * <p>Where there are masks, this library's norms set masked positions to 0, and a folded layer does not. What then stands
 * there is of no account in an output that is masked itself, but a convolution with a kernel wider than 1, pooling with a
 * window or a recurrent layer would use it for positions that count. {@link MaskUse} says what the network is given masks
 * for, and a norm that is needed for its zeros is left. Deeplearning4j's norms ignore masks and need not be.
 */
public final class BatchNormFolding {
    private BatchNormFolding() {
    }

    /**
     * What became of one norm.
     *
     * @param norm   name (or index) of the norm
     * @param into   name of the layer it was folded into, null if it was left
     * @param reason why it was left, null if it was folded
     */
    public record Outcome(String norm, String into, String reason) {
        /** {@return whether the norm is gone} */
        public boolean folded() {
            return into != null;
        }

        @Override
        public String toString() {
            return folded() ? norm + ": folded into " + into : norm + ": left, " + reason;
        }
    }

    /**
     * The folded copy of a network, and what was done.
     *
     * @param net      the copy
     * @param outcomes every norm of this library and every batch norm of Deeplearning4j, frozen ones too, from input to
     *                 output
     * @param <M>      type of the network
     */
    public record Result<M extends Model>(M net, List<Outcome> outcomes) {
        /** {@return how many norms are gone} */
        public long folded() {
            return outcomes.stream().filter(Outcome::folded).count();
        }

        /** {@return a line for every norm, and how many were folded or that there are none} */
        public String summary() {
            StringBuilder lines = new StringBuilder();
            outcomes.forEach(outcome -> lines.append(outcome).append('\n'));
            return lines.append(outcomes.isEmpty() ? "nothing to fold: the network has no normalization layers"
                    : folded() + " of " + outcomes.size() + " norms folded").toString();
        }

        /** {@return the {@link #summary()}} */
        @Override
        public String toString() {
            return summary();
        }
    }

    /**
     * Folds what can be folded in a network that is given masks for sequences at most, {@link MaskUse#SEQUENCES}.
     *
     * @param net network, MultiLayerNetwork or ComputationGraph; it stays as it is
     * @param <M> type of the network
     * @return a copy without the norms that were folded, and a report
     * @throws IllegalArgumentException if it is another kind of model
     */
    public static <M extends Model> Result<M> fold(M net) {
        return fold(net, MaskUse.SEQUENCES);
    }

    /**
     * Folds what can be folded.
     *
     * <p>The copy keeps configuration, parameters and the updater's state of all else, but no listeners. Layers of a
     * graph keep their names; where a folded norm was an output of the graph, the layer it went into is that output.
     *
     * @param net   network, MultiLayerNetwork or ComputationGraph; it stays as it is
     * @param masks what it is given masks for
     * @param <M>   type of the network
     * @return a copy without the norms that were folded, and a report
     * @throws IllegalArgumentException if it is another kind of model
     */
    public static <M extends Model> Result<M> fold(M net, MaskUse masks) {
        Objects.requireNonNull(masks, "masks");
        Draft<M> draft = Draft.of(net);
        List<Outcome> outcomes = new ArrayList<>();
        for (Node node : draft.nodes()) {
            if (node.part() != null && BatchNormMap.isAffine(node.part().layer())) {
                outcomes.add(fold(draft, node.part(), masks));
            } else if (whyNever(node) != null) {
                outcomes.add(new Outcome(node.part() == null ? node.key() : node.part().name(), null, whyNever(node)));
            }
        }
        return new Result<>(draft.build(), List.copyOf(outcomes));
    }

    /** Why there is nothing in a norm that could be folded, or null if it is none. */
    private static String whyNever(Node node) {
        if (node.part() == null) {
            return node.vertex() instanceof ConditionedNorm ? "its scale and shift depend on another input" : null;
        }
        Layer layer = node.part().layer();
        if (layer instanceof NormLayer) {
            return "its statistics depend on the example";
        }
        if (layer instanceof Reparameterization) {
            return "it computes weights; WeightFusion.fuse puts those into the layer inside";
        }
        return recurrent(layer) instanceof LayerNormLSTM ? "its norms are inside the recurrence" : null;
    }

    private static Layer recurrent(Layer layer) {
        if (layer instanceof Bidirectional both) {
            return recurrent(both.getFwd());
        }
        return layer instanceof BaseWrapperLayer wrapper ? recurrent(wrapper.getUnderlying()) : layer;
    }

    private static Outcome fold(Draft<?> draft, Part norm, MaskUse masks) {
        BatchNormMap map = BatchNormMap.of(norm);
        LinearLayer before = LinearLayer.of(draft.before(norm));
        String notBefore = whyNotBefore(draft, norm, before);
        // Computed before anything changes. A dense layer sets masked rows to 0 as the norm does.
        String masked = masks == MaskUse.NEVER || BatchNormMap.isStock(norm.layer())
                || notBefore == null && before.isDense() ? null
                : MaskedPositions.whyNeeded(draft, norm, masks == MaskUse.EVERYTHING);
        if (notBefore == null && masked != null) {
            return new Outcome(norm.name(), null, masked);
        }
        if (notBefore == null && !before.scaleOutput(map.scale(), map.shift())) {
            notBefore = tooLarge(before);
        }
        if (notBefore == null) {
            before.conf().setActivationFn(map.activation());
            draft.remove(norm);
            return new Outcome(norm.name(), before.part().name(), null);
        }
        LinearLayer behind = LinearLayer.of(draft.onlyConsumer(norm));
        String notBehind = whyNotBehind(draft, norm, behind, map);
        if (notBehind == null && masked != null) {
            return new Outcome(norm.name(), null, masked);
        }
        if (notBehind == null && !behind.scaleInput(map.scale(), map.shift())) {
            notBehind = tooLarge(behind);
        }
        if (notBehind == null) {
            InputPreProcessor preProcessor = draft.preProcessor(norm);
            draft.remove(norm);
            if (preProcessor != null) {
                draft.setPreProcessor(behind.part(), preProcessor);
            }
            return new Outcome(norm.name(), behind.part().name(), null);
        }
        return new Outcome(norm.name(), null, notBefore + "; " + notBehind);
    }

    private static String whyNotBefore(Draft<?> draft, Part norm, LinearLayer before) {
        Part part = draft.before(norm);
        if (before == null) {
            return "it follows " + (part == null ? "no single layer" : describe(part)) + ", no dense layer or convolution";
        }
        String name = describe(part);
        if (draft.preProcessor(norm) != null) {
            return between(name, draft.preProcessor(norm));
        }
        if (draft.onlyConsumer(part) != norm) {
            return "the output of " + name + " has other consumers";
        }
        if (!(before.conf().getActivationFn() instanceof ActivationIdentity)) {
            return name + " has the activation " + before.conf().getActivationFn();
        }
        return whyNotTogether(norm, before, before.conf().getNOut());
    }

    private static String whyNotBehind(Draft<?> draft, Part norm, LinearLayer behind, BatchNormMap map) {
        Part part = draft.onlyConsumer(norm);
        if (behind == null) {
            return "it precedes " + (part == null ? "no single layer" : describe(part)) + ", no dense layer or convolution";
        }
        String name = describe(part);
        if (draft.preProcessor(part) != null) {
            return between(name, draft.preProcessor(part));
        }
        if (!(map.activation() instanceof ActivationIdentity)) {
            return "its activation " + map.activation() + " is in front of " + name;
        }
        String why = behind.whyConstantsDoNotPass();
        return why != null ? "of " + name + ": " + why : whyNotTogether(norm, behind, behind.conf().getNIn());
    }

    private static String between(String name, InputPreProcessor preProcessor) {
        return "between it and " + name + " is a " + preProcessor.getClass().getSimpleName();
    }

    private static String whyNotTogether(Part norm, LinearLayer layer, long channels) {
        String name = describe(layer.part());
        if (layer.hasLayerNorm()) {
            return name + " has a layer norm of its own";
        }
        if (BatchNormMap.isStock(norm.layer()) && layer.isOneOrThreeDimensional()) {
            return "Deeplearning4j's batch norm does not normalize the channels of " + name + "; replace it first";
        }
        if (!layer.isDense() && BatchNormMap.channelsLast(norm.layer()) != layer.isChannelsLast()) {
            return "its channels are on another axis than those of " + name;
        }
        long own = ((FeedForwardLayer) norm.layer()).getNOut();
        return own == channels ? null : "it has " + own + " channels, " + name + " has " + channels;
    }

    private static String tooLarge(LinearLayer layer) {
        return "folded weights of " + describe(layer.part()) + " would not be finite in the network's data type";
    }

    private static String describe(Part part) {
        return part.layer().getClass().getSimpleName() + " \"" + part.name() + "\"";
    }
}
