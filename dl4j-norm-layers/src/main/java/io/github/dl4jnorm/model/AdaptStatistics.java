// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.layer.NormalizationLayer;
import java.util.Collection;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BaseOutputLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.adapter.MultiDataSetIteratorAdapter;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;

/**
 * Adapts a trained network to data of another domain, such as images of another camera, without labels:
 *
 * <pre>{@code
 * MultiLayerNetwork statistics = AdaptStatistics.recompute(net, target);
 * MultiLayerNetwork entropy = AdaptStatistics.minimizeEntropy(net, target, 1, new Adam(1e-3));
 * }</pre>
 *
 * <p>Data needs features only; feature masks are respected, labels are ignored. The given network is unchanged.
 */
public final class AdaptStatistics {
    private AdaptStatistics() {
    }

    /**
     * Replaces running statistics by those of the target domain (Li et al. 2016,
     * <a href="https://arxiv.org/abs/1603.04779">Adaptive Batch Normalization</a>, arXiv 1603.04779). No weight changes.
     *
     * @param net    trained MultiLayerNetwork or ComputationGraph with norms that use running statistics
     * @param target data of the target domain, read once for each of these norms
     * @param <M>    type of the network
     * @return a copy with the statistics of the target domain
     * @throws IllegalArgumentException if there is nothing to adapt, or the data is empty
     */
    public static <M extends Model> M recompute(M net, MultiDataSetIterator target) {
        requireNorms(NormLayers.of(net).keySet(), "running statistics that are not frozen", net);
        M adapted = Draft.of(net).build();
        PopulationStatistics.exact(adapted, target);
        return adapted;
    }

    /**
     * Replaces running statistics by those of the target domain.
     *
     * @param net    trained network
     * @param target data of the target domain
     * @param <M>    type of the network
     * @return a copy with the statistics of the target domain
     * @see #recompute(Model, MultiDataSetIterator)
     */
    public static <M extends Model> M recompute(M net, DataSetIterator target) {
        return recompute(net, new MultiDataSetIteratorAdapter(target));
    }

    /**
     * Trains gamma and beta of all norms to minimize the entropy of the network's predictions (Wang et al. 2020,
     * <a href="https://arxiv.org/abs/2006.10726">TENT: Fully Test-Time Adaptation by Entropy Minimization</a>, arXiv
     * 2006.10726), and then replaces running statistics as {@link #recompute(Model, MultiDataSetIterator)} does. In training,
     * norms use the statistics of each batch. All other parameters stay; see {@link Freeze#allButGammaAndBeta}.
     *
     * @param net     trained MultiLayerNetwork or ComputationGraph whose output layers have a softmax
     * @param target  data of the target domain
     * @param epochs  number of passes over the data, at least 1
     * @param updater updater of gamma and beta, such as {@code new Adam(1e-3)}
     * @param <M>     type of the network
     * @return a copy with the adapted norms; its updater, loss functions and other options are those of the given network
     * @throws IllegalArgumentException if there is nothing to adapt, an output layer has no softmax, the data is empty or
     *                                  cannot be reset
     */
    public static <M extends Model> M minimizeEntropy(M net, MultiDataSetIterator target, int epochs, IUpdater updater) {
        if (epochs < 1 || updater == null) {
            throw new IllegalArgumentException("expected at least one epoch and an updater, got " + epochs + " and " + updater);
        }
        if (!target.resetSupported()) {
            throw new IllegalArgumentException("expected data that can be read several times, got an iterator that cannot be "
                    + "reset");
        }
        M student = Freeze.allButGammaAndBeta(net, AdaptStatistics::useEntropy, updater);
        for (int epoch = 0; epoch < epochs; epoch++) {
            target.reset();
            if (!target.hasNext()) {
                throw new IllegalArgumentException("expected at least one batch of data, got none");
            }
            while (target.hasNext()) {
                fit(student, target.next());
            }
        }
        M adapted = Draft.of(net).build();
        adapted.setParams(student.params());
        if (!NormLayers.of(adapted).isEmpty()) {
            PopulationStatistics.exact(adapted, target);
        }
        return adapted;
    }

    /**
     * Trains gamma and beta of all norms to minimize the entropy of the network's predictions.
     *
     * @param net     trained network
     * @param target  data of the target domain
     * @param epochs  number of passes over the data
     * @param updater updater of gamma and beta
     * @param <M>     type of the network
     * @return a copy with the adapted norms
     * @see #minimizeEntropy(Model, MultiDataSetIterator, int, IUpdater)
     */
    public static <M extends Model> M minimizeEntropy(M net, DataSetIterator target, int epochs, IUpdater updater) {
        return minimizeEntropy(net, new MultiDataSetIteratorAdapter(target), epochs, updater);
    }

    private static void requireNorms(Collection<String> names, String what, Model net) {
        if (names.isEmpty()) {
            throw new IllegalArgumentException("expected a network with " + what + ", got one whose norms are "
                    + NormLayers.all(net).values().stream().map(NormalizationLayer::layerConf)
                            .map(conf -> conf.getClass().getSimpleName()).toList());
        }
    }

    /** Gives an output layer the entropy for a loss. */
    private static void useEntropy(Layer output) {
        if (!(output instanceof BaseLayer base && base.getActivationFn() instanceof ActivationSoftmax)) {
            throw new IllegalArgumentException("output layer \"" + output.getLayerName() + "\": expected the activation softmax, "
                    + "got " + (output instanceof BaseLayer other ? other.getActivationFn() : output));
        }
        if (output instanceof BaseOutputLayer layer) {
            layer.setLossFn(new EntropyLoss());
        } else if (output instanceof LossLayer loss) {
            loss.setLossFn(new EntropyLoss());
        } else {
            throw new IllegalArgumentException("output layer \"" + output.getLayerName() + "\": expected an OutputLayer, "
                    + "RnnOutputLayer or LossLayer, got " + output.getClass().getSimpleName());
        }
    }

    /** A sequence's own mask counts for its predictions. */
    private static void fit(Model net, MultiDataSet batch) {
        INDArray[] masks = batch.getFeaturesMaskArrays();
        if (net instanceof ComputationGraph graph) {
            INDArray[] outputs = graph.output(false, batch.getFeatures(), masks, null);
            INDArray mask = masks == null ? null : masks[0];
            INDArray[] ofOutputs = new INDArray[outputs.length];
            for (int i = 0; i < outputs.length; i++) {
                ofOutputs[i] = of(mask, outputs[i]);
                outputs[i] = zeros(outputs[i]);
            }
            graph.fit(new org.nd4j.linalg.dataset.MultiDataSet(batch.getFeatures(), outputs, masks,
                    mask == null ? null : ofOutputs));
        } else {
            MultiLayerNetwork sequence = (MultiLayerNetwork) net;
            INDArray mask = batch.getFeaturesMaskArray(0);
            INDArray output = sequence.output(batch.getFeatures(0), false, mask, null);
            sequence.fit(new DataSet(batch.getFeatures(0), zeros(output), mask, of(mask, output)));
        }
    }

    private static INDArray zeros(INDArray like) {
        return Nd4j.zeros(like.dataType(), like.shape());
    }

    private static INDArray of(INDArray mask, INDArray output) {
        return mask != null && output.rank() == 3 && mask.rank() == 2 ? mask : null;
    }
}
