// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.layer.ReparameterizedLayer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;

/**
 * Initializes gain and bias of weight-normalized layers from a first batch, before training (Salimans and Kingma 2016,
 * <a href="https://arxiv.org/abs/1602.07868">Weight Normalization</a>, arXiv 1602.07868, section 3). It goes layer by
 * layer, from input to output:
 *
 * <pre>
 *   g = 1/σ[t]   b = −μ[t]/σ[t]
 * </pre>
 *
 * t is the pre-activation for g = 1 and b = 0; its mean and standard deviation are computed for each unit over the batch
 * and all unmasked positions. Afterwards the pre-activation of each unit has mean 0 and standard deviation 1. A layer
 * without a bias keeps its mean; a unit whose t is constant keeps its g. For a separable convolution the pointwise weight
 * is initialized. Recurrent and frozen layers are skipped.
 *
 * <p>The batch passes through the network in test mode, without dropout.
 */
public final class DataDependentInit {
    private DataDependentInit() {
    }

    /**
     * Initializes a network with one input.
     *
     * @param net   MultiLayerNetwork or ComputationGraph
     * @param batch first batch; its labels are not used
     * @return names (or indices) of the initialized layers, from input to output
     * @throws IllegalArgumentException if the model is of another kind
     * @throws org.deeplearning4j.exception.DL4JInvalidInputException if the outputs of a layer are not finite; on this and
     *         any other failure no parameter is changed
     */
    public static List<String> apply(Model net, DataSet batch) {
        return apply(net, new INDArray[]{batch.getFeatures()}, new INDArray[]{batch.getFeaturesMaskArray()});
    }

    /**
     * Initializes a network with one input.
     *
     * @param net   MultiLayerNetwork or ComputationGraph
     * @param batch first batch
     * @return names (or indices) of the initialized layers, from input to output
     * @see #apply(Model, DataSet)
     */
    public static List<String> apply(Model net, INDArray batch) {
        return apply(net, new INDArray[]{batch}, null);
    }

    /**
     * Initializes a graph with any number of inputs.
     *
     * @param net   graph
     * @param batch first batch; its labels are not used
     * @return names of the initialized layers, from input to output
     * @see #apply(Model, DataSet)
     */
    public static List<String> apply(ComputationGraph net, MultiDataSet batch) {
        return apply(net, batch.getFeatures(), batch.getFeaturesMaskArrays());
    }

    private static List<String> apply(Model net, INDArray[] features, INDArray[] masks) {
        Map<String, ReparameterizedLayer> layers = layers(net);
        if (layers.isEmpty()) {
            return List.of();
        }
        INDArray before = net.params().dup();
        layers.values().forEach(layer -> layer.setStartsFromData(true));
        try {
            if (net instanceof MultiLayerNetwork sequence) {
                sequence.output(features[0], false, masks == null ? null : masks[0], null);
            } else {
                ((ComputationGraph) net).output(false, features, masks, null);
            }
            return List.copyOf(layers.keySet());
        } catch (Throwable thrown) {
            net.setParams(before);
            throw thrown;
        } finally {
            layers.values().forEach(layer -> layer.setStartsFromData(false));
        }
    }

    private static Map<String, ReparameterizedLayer> layers(Model net) {
        Map<String, ReparameterizedLayer> found = new LinkedHashMap<>();
        NormLayers.whole(net).forEach((key, layer) -> {
            if (layer instanceof ReparameterizedLayer weights && weights.canStartFromData()) {
                String name = weights.reparameterization().getLayerName();
                found.put(name == null || found.containsKey(name) ? key : name, weights);
            }
        });
        return found;
    }
}
