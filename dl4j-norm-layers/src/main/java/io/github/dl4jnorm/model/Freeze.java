// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.layer.NormalizationLayer;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Model;

/**
 * Freezes running statistics, which is common when fine-tuning a trained network with small batches. Norms with frozen
 * statistics also use them in training and do not update them; gamma, beta and all other layers are still trained.
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
        List<String> stock = frozen ? NormLayers.stock(net) : List.of();
        if (!stock.isEmpty()) {
            throw new IllegalArgumentException("expected norms whose statistics can be frozen, got Deeplearning4j's "
                    + "batch norm in layers " + stock + "; replace it first with NormReplacement and NormRules.batchToBatch()");
        }
        Map<String, NormalizationLayer> layers = NormLayers.withStatistics(net);
        layers.values().forEach(layer -> ((RunningNormLayer) layer.layerConf()).setStatisticsFrozen(frozen));
        return List.copyOf(layers.keySet());
    }
}
