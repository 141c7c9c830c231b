// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.layer.NormalizationLayer;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Model;

/**
 * Freezes running statistics, as is usual when a trained network is tuned with small batches: norms that keep running
 * statistics then normalize with these in training, too, and leave them as they are, while gamma, beta and all other
 * layers are trained.
 *
 * <p>It is an option of the layer's configuration, so saving the network saves it.
 */
public final class Freeze {
    private Freeze() {
    }

    /**
     * Freezes the running statistics of all norms that keep them.
     *
     * @param net network, MultiLayerNetwork or ComputationGraph; it is changed
     * @return names (or indices) of these norms
     * @throws IllegalArgumentException if it is another kind of model, or has batch norms of Deeplearning4j's that are
     *                                  not frozen as a whole, which know no such thing; nothing is frozen then
     */
    public static List<String> freezeStatistics(Model net) {
        return set(net, true);
    }

    /**
     * Has training use and update the statistics of batches again.
     *
     * @param net network, MultiLayerNetwork or ComputationGraph; it is changed
     * @return names (or indices) of all norms that keep running statistics
     * @throws IllegalArgumentException if it is another kind of model
     */
    public static List<String> unfreeze(Model net) {
        return set(net, false);
    }

    private static List<String> set(Model net, boolean frozen) {
        List<String> stock = frozen ? NormLayers.stock(net) : List.of();
        if (!stock.isEmpty()) {
            throw new IllegalArgumentException("expected norms whose statistics can be frozen, got batch norms of "
                    + "Deeplearning4j's in layers " + stock + "; NormReplacement with NormRules.batchToBatch() replaces them");
        }
        Map<String, NormalizationLayer> layers = NormLayers.withStatistics(net);
        layers.values().forEach(layer -> ((RunningNormLayer) layer.layerConf()).setStatisticsFrozen(frozen));
        return List.copyOf(layers.keySet());
    }
}
