// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.nd4j.linalg.activations.impl.ActivationIdentity;

/**
 * Makes a network that is done with training smaller and faster: the affine map that a batch norm is at test time goes
 * into the weights of the layer before or behind it, and the batch norm goes away,
 *
 * <pre>
 *   scale = gamma/√(var + eps)   shift = beta − mean·scale
 *   before it:  W' = scale·W      b' = scale·b + shift
 *   behind it:  W' = W·scale      b' = b + W·shift
 * </pre>
 *
 * (arXiv 1502.03167, section 3.1). This library's batch norms are folded and Deeplearning4j's, into
 * <ul>
 * <li>the dense layer or convolution (1D, 2D, 3D, depthwise, separable, deconvolution) right before it, if that has no
 *     activation of its own and nothing else takes its output; it takes over the activation of the norm;</li>
 * <li>else into the dense layer, OutputLayer or convolution right behind it, if the norm has no activation, nothing
 *     else takes its output, and the convolution does not pad: zeros around the image are not normalized ones.</li>
 * </ul>
 *
 * <p>The result is for inference: its outputs are those of the original up to rounding, but it trains differently.
 * Masked positions of sequences that go into a norm folded into the convolution behind it are the one exception: the
 * norm would have made zeros of them, which a kernel wider than 1 sees from neighbouring positions.
 */
public final class BatchNormFolding {
    private BatchNormFolding() {
    }

    /**
     * What became of one batch norm.
     *
     * @param norm   name (or index) of the batch norm
     * @param into   name of the layer it was folded into, null if it was left
     * @param reason why it was left, null if it was folded
     */
    public record Outcome(String norm, String into, String reason) {
        /** {@return whether the batch norm is gone} */
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
     * @param outcomes every batch norm, from input to output
     * @param <M>      type of the network
     */
    public record Result<M extends Model>(M net, List<Outcome> outcomes) {
        /** {@return how many batch norms are gone} */
        public long folded() {
            return outcomes.stream().filter(Outcome::folded).count();
        }
    }

    /**
     * Folds what can be folded.
     *
     * <p>The copy keeps configuration, parameters and the updater's state of all else, but no listeners. Layers of a
     * graph keep their names; where a folded norm was an output of the graph, the layer it went into is that output.
     *
     * @param net network, MultiLayerNetwork or ComputationGraph; it stays as it is
     * @param <M> type of the network
     * @return a copy without the norms that were folded, and a report
     * @throws IllegalArgumentException if it is another kind of model
     */
    public static <M extends Model> Result<M> fold(M net) {
        Draft<M> draft = Draft.of(net);
        List<Outcome> outcomes = new ArrayList<>();
        for (Part part : draft.parts()) {
            if (BatchNormMap.isBatchNorm(part.layer())) {
                outcomes.add(fold(draft, part));
            }
        }
        return new Result<>(draft.build(), List.copyOf(outcomes));
    }

    private static Outcome fold(Draft<?> draft, Part norm) {
        BatchNormMap map = BatchNormMap.of(norm);
        LinearLayer before = LinearLayer.of(draft.before(norm));
        String notBefore = whyNotBefore(draft, norm, before);
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
