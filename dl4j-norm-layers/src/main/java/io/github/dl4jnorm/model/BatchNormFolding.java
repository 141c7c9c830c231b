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
import org.nd4j.linalg.activations.impl.ActivationIdentity;

/**
 * Folds batch norms into neighboring layers, which makes a trained network smaller and faster. At test time a batch norm
 * is an affine map; its scale and shift are multiplied into the weights of the layer before or after it, and the norm is
 * removed:
 *
 * <pre>
 *   scale = gamma/√(var + eps)   shift = beta − mean·scale
 *   layer before the norm:  W' = scale·W      b' = scale·b + shift
 *   layer after the norm:   W' = W·scale      b' = b + W·shift
 * </pre>
 *
 * (<a href="https://arxiv.org/abs/1502.03167">arXiv 1502.03167</a>, section 3.1). This works for every norm that uses
 * running statistics at test time: Deeplearning4j's batch norm, and this library's batch, synchronized, ghost and
 * renormalizing norms and instance norm with {@code trackRunningStats}. A norm is folded into
 * <ul>
 * <li>the dense layer or convolution (1D, 2D, 3D, depthwise, separable, deconvolution) right before it, if that layer has no
 *     activation and only the norm uses its output; the layer takes over the norm's activation;</li>
 * <li>otherwise the dense layer, OutputLayer or convolution right after it, if the norm has no activation, only that layer
 *     uses its output, and the convolution does not pad (padding adds zeros that are not normalized).</li>
 * </ul>
 *
 * <p>The result is for inference: its outputs equal the original's up to rounding, but it trains differently.
 *
 * <p>With masks, this library's norms set masked positions to 0, and a folded layer does not. This does not matter in an
 * output that is masked itself. But a convolution with a kernel wider than 1, windowed pooling or a recurrent layer would
 * mix those values into unmasked positions. Pass a {@link MaskUse} to say what the network receives masks for; norms whose
 * zeros are needed are then kept. Deeplearning4j's norms ignore masks and can always be folded in this respect.
 */
public final class BatchNormFolding {
    private BatchNormFolding() {
    }

    /**
     * Describes what happened to one norm.
     *
     * @param norm   name (or index) of the norm
     * @param into   name of the layer it was folded into, or null if it was kept
     * @param reason why it was kept, or null if it was folded
     */
    public record Outcome(String norm, String into, String reason) {
        /** {@return whether the norm was folded} */
        public boolean folded() {
            return into != null;
        }

        @Override
        public String toString() {
            return folded() ? norm + ": folded into " + into : norm + ": kept because " + reason;
        }
    }

    /**
     * Holds the folded copy of a network and a report.
     *
     * @param net      the copy
     * @param outcomes every norm of this library and every batch norm of Deeplearning4j, including frozen ones, from input
     *                 to output
     * @param <M>      type of the network
     */
    public record Result<M extends Model>(M net, List<Outcome> outcomes) {
        /** {@return the number of folded norms} */
        public long folded() {
            return outcomes.stream().filter(Outcome::folded).count();
        }

        /** {@return one line for every norm and the number of folded norms, or a note that there are no norms} */
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
     * Folds norms in a network that receives no masks, or masks for sequences only ({@link MaskUse#SEQUENCES}).
     *
     * @param net MultiLayerNetwork or ComputationGraph; it is not modified
     * @param <M> type of the network
     * @return a copy without the folded norms, and a report
     * @throws IllegalArgumentException if the model is of another kind
     */
    public static <M extends Model> Result<M> fold(M net) {
        return fold(net, MaskUse.SEQUENCES);
    }

    /**
     * Folds norms in a network.
     *
     * <p>The copy keeps the configuration, parameters and updater state of everything else, but no listeners. Layers of a
     * graph keep their names. If a folded norm was an output of the graph, the layer it was folded into becomes that
     * output.
     *
     * @param net   MultiLayerNetwork or ComputationGraph; it is not modified
     * @param masks what the network receives masks for
     * @param <M>   type of the network
     * @return a copy without the folded norms, and a report
     * @throws IllegalArgumentException if the model is of another kind
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
            return "it computes statistics from the input, even in test mode";
        }
        if (layer instanceof Reparameterization) {
            return "it normalizes weights; use WeightFusion.fuse";
        }
        return NormLayers.inside(layer) instanceof LayerNormLSTM ? "its norms are inside the recurrence" : null;
    }

    private static Outcome fold(Draft<?> draft, Part norm, MaskUse masks) {
        BatchNormMap map = BatchNormMap.of(norm);
        LinearLayer before = LinearLayer.of(draft.before(norm));
        String notBefore = whyNotBefore(draft, norm, before);
        // Computed before anything changes. A dense layer sets masked rows to 0 as the norm does.
        String masked = masks == MaskUse.NEVER || BatchNormMap.isStock(norm.layer())
                || notBefore == null && before.isDense() ? null
                : new MaskedPositions(draft, masks == MaskUse.EVERYTHING).whyNeeded(norm);
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
            return part == null ? "it does not follow a single layer"
                    : "it follows " + describe(part) + ", which is not a dense layer or convolution";
        }
        String name = describe(part);
        if (draft.preProcessor(norm) != null) {
            return between(name, draft.preProcessor(norm));
        }
        if (draft.onlyConsumer(part) != norm) {
            return "the output of " + name + " has other consumers";
        }
        if (!(before.conf().getActivationFn() instanceof ActivationIdentity)) {
            return name + " applies the activation " + before.conf().getActivationFn();
        }
        return whyNotTogether(norm, before, before.conf().getNOut());
    }

    private static String whyNotBehind(Draft<?> draft, Part norm, LinearLayer behind, BatchNormMap map) {
        Part part = draft.onlyConsumer(norm);
        if (behind == null) {
            return part == null ? "no single layer follows it"
                    : "it precedes " + describe(part) + ", which is not a dense layer or convolution";
        }
        String name = describe(part);
        if (draft.preProcessor(part) != null) {
            return between(name, draft.preProcessor(part));
        }
        if (!(map.activation() instanceof ActivationIdentity)) {
            return "its activation " + map.activation() + " comes before " + name;
        }
        String why = behind.whyConstantsDoNotPass();
        return why != null ? name + " " + why : whyNotTogether(norm, behind, behind.conf().getNIn());
    }

    private static String between(String name, InputPreProcessor preProcessor) {
        return "a " + preProcessor.getClass().getSimpleName() + " is between it and " + name;
    }

    private static String whyNotTogether(Part norm, LinearLayer layer, long channels) {
        String name = describe(layer.part());
        if (layer.hasLayerNorm()) {
            return name + " applies layer norm itself";
        }
        if (BatchNormMap.isStock(norm.layer()) && layer.isOneOrThreeDimensional()) {
            return "Deeplearning4j's batch norm does not support the channels of " + name + "; replace it first";
        }
        if (!layer.isDense() && BatchNormMap.channelsLast(norm.layer()) != layer.isChannelsLast()) {
            return "its channel axis differs from that of " + name;
        }
        long own = ((FeedForwardLayer) norm.layer()).getNOut();
        return own == channels ? null : "it has " + own + " channels, " + name + " has " + channels;
    }

    private static String tooLarge(LinearLayer layer) {
        return "the folded weights of " + describe(layer.part()) + " would overflow the network's data type";
    }

    private static String describe(Part part) {
        return part.layer().getClass().getSimpleName() + " \"" + part.name() + "\"";
    }
}
