// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.layer.NormalizationLayer;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.layers.IOutputLayer;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;

/**
 * Freezes running statistics, which is common when fine-tuning a trained network with small batches. Norms with frozen
 * statistics also use them in training and do not update them; gamma, beta and all other layers are still trained.
 * {@link #allButGammaAndBeta} does the opposite: it trains gamma and beta only.
 *
 * <p>Frozen statistics are an option of the layer's configuration and are saved with the network.
 */
public final class Freeze {
    private Freeze() {
    }

    /**
     * Freezes the running statistics of all norms that track them.
     *
     * @param net MultiLayerNetwork or ComputationGraph; it is modified
     * @return names (or indices) of these norms
     * @throws IllegalArgumentException if the model is of another kind, or has a stock Deeplearning4j batch norm that is
     *                                  not frozen as a whole (it cannot freeze statistics alone); nothing is changed then
     */
    public static List<String> freezeStatistics(Model net) {
        return set(net, true);
    }

    /**
     * Unfreezes running statistics: training uses and updates the statistics of batches again.
     *
     * @param net MultiLayerNetwork or ComputationGraph; it is modified
     * @return names (or indices) of all norms that track running statistics
     * @throws IllegalArgumentException if the model is of another kind
     */
    public static List<String> unfreeze(Model net) {
        return set(net, false);
    }

    private static List<String> set(Model net, boolean frozen) {
        requireOwn(frozen ? NormLayers.stock(net) : List.of());
        Map<String, NormalizationLayer> layers = NormLayers.withStatistics(net);
        layers.values().forEach(layer -> ((RunningNormLayer) layer.layerConf()).setStatisticsFrozen(frozen));
        return List.copyOf(layers.keySet());
    }

    private static void requireOwn(List<String> stock) {
        if (!stock.isEmpty()) {
            throw new IllegalArgumentException("expected norms whose statistics can be frozen, got Deeplearning4j's "
                    + "batch norm in layers " + stock + "; replace it first with NormReplacement and NormRules.batchToBatch()");
        }
    }

    /**
     * Copies a network for training of gamma and beta alone, for example on little data: all other parameters are frozen.
     * Layers without gamma and beta are wrapped in Deeplearning4j's {@code FrozenLayerWithBackprop} and run in test mode.
     * Output layers cannot be wrapped; they get learning rate 0 and neither regularization, dropout nor constraints. Running
     * statistics are updated as before; see {@link #freezeStatistics}. Norms inside of other layers, such as LayerNormLSTM, and
     * norms that are frozen already stay frozen.
     *
     * @param net MultiLayerNetwork or ComputationGraph; it is not modified
     * @param <M> type of the network
     * @return the copy; gamma and beta keep their updaters, whose state starts anew
     * @throws IllegalArgumentException if no norm has a learned gamma or beta, or something cannot be frozen: Deeplearning4j's
     *                                  own batch norm, a vertex with parameters, or an output layer with an updater of its own
     */
    public static <M extends Model> M allButGammaAndBeta(M net) {
        return allButGammaAndBeta(net, output -> { }, null);
    }

    /** With a change of the output layers, and an updater for gamma and beta unless it is null. */
    static <M extends Model> M allButGammaAndBeta(M net, Consumer<Layer> ofOutputs, IUpdater updater) {
        requireOwn(NormLayers.stock(net));
        Draft<M> draft = Draft.of(net);
        int trained = 0;
        for (Node node : draft.nodes()) {
            if (node.part() != null) {
                trained += freeze(node.part(), ofOutputs, updater) ? 1 : 0;
            } else if (node.vertex().numParams(true) > 0) {
                throw new IllegalArgumentException("vertex \"" + node.key() + "\": expected layers, whose parameters can be "
                        + "frozen, got the " + node.vertex().getClass().getSimpleName() + " with parameters");
            }
        }
        if (trained == 0) {
            throw new IllegalArgumentException("expected a norm with a learned gamma or beta that is not frozen, got none");
        }
        return draft.build();
    }

    /** Freezes all of a layer but gamma and beta, and returns whether it has these. */
    private static boolean freeze(Part part, Consumer<Layer> ofOutputs, IUpdater updater) {
        part.paramNames().forEach(part::dropState);
        if (part.layer() instanceof NormLayer norm && part.conf().getLayer() == norm) {
            norm.setAffineOnly(true);
            if (updater != null) {
                norm.setIUpdater(updater.clone());
            }
            return part.param(NormParameter.GAMMA) != null || part.param(NormParameter.BETA) != null;
        }
        if (part.source() instanceof IOutputLayer) {
            ofOutputs.accept(part.layer());
            freezeOutput(part);
        } else if (!part.paramNames().isEmpty()) {
            Layer wrapper = new FrozenLayerWithBackprop(plain(part.layer()));
            wrapper.setLayerName(part.layer().getLayerName());
            part.conf().setLayer(wrapper);
            part.variablesChanged();
        }
        return false;
    }

    /** A copy without regularization, which Deeplearning4j applies inside of {@code FrozenLayerWithBackprop}, too. */
    private static Layer plain(Layer layer) {
        Layer copy = layer.clone();
        if (copy instanceof Bidirectional both) {
            both.setFwd(plain(both.getFwd()));
            both.setBwd(plain(both.getBwd()));
        } else if (copy instanceof BaseWrapperLayer wrapper) {
            wrapper.setUnderlying(plain(wrapper.getUnderlying()));
        } else if (copy instanceof NormLayer norm) {
            norm.setGammaRegularization(null);
            norm.setBetaRegularization(null);
        } else if (copy instanceof BaseLayer base) {
            base.setRegularization(List.of());
            base.setRegularizationBias(List.of());
        }
        return copy;
    }

    private static void freezeOutput(Part part) {
        if (part.layer() instanceof BaseLayer output) {
            output.setIUpdater(new Sgd(0));
            output.setBiasUpdater(new Sgd(0));
            output.setRegularization(List.of());
            output.setRegularizationBias(List.of());
            output.setWeightNoise(null);
            output.setIDropout(null);
            output.setConstraints(null);
        }
        for (String name : part.paramNames()) {
            if (!new Sgd(0).equals(part.layer().getUpdaterByParam(name))) {
                throw new IllegalArgumentException("output layer \"" + part.name() + "\": expected parameters whose updater can "
                        + "be replaced, got " + name + " of a " + part.layer().getClass().getSimpleName());
            }
        }
    }
}
