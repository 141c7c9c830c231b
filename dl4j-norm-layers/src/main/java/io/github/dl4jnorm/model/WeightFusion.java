// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.WeightParameter;
import io.github.dl4jnorm.conf.WeightShape;
import io.github.dl4jnorm.layer.ReparameterizedLayer;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Replaces reparameterized layers (weight and spectral normalization, weight standardization) with plain layers that hold
 * the computed weights, which makes a trained network faster. {@link #unfuse} adds such wrappers to a network.
 */
public final class WeightFusion {
    private WeightFusion() {
    }

    /** Decides which layers are wrapped. */
    @FunctionalInterface
    public interface Rule {
        /**
         * Returns the wrapper of a layer.
         *
         * @param name  name of the layer, or its index if it has no name
         * @param layer its configuration
         * @return a wrapper around the layer, or null to leave it unchanged
         */
        Reparameterization wrapper(String name, Layer layer);
    }

    /**
     * Stores the computed weights in the layers and removes the wrappers.
     *
     * <p>The copy keeps the configuration, parameters and updater state of everything else, but no listeners. Its outputs
     * equal those of the original in test mode, but it trains differently. Batch norms after these layers can then be
     * folded.
     *
     * @param net MultiLayerNetwork or ComputationGraph; it is not modified
     * @param <M> type of the network
     * @return a copy without wrappers
     * @throws IllegalArgumentException if the model is of another kind, or a wrapper is inside a Bidirectional layer
     */
    public static <M extends Model> M fuse(M net) {
        Draft<M> draft = Draft.of(net);
        for (Part part : draft.parts()) {
            if (part.layer() instanceof Reparameterization wrapper) {
                fuse(part, wrapper);
            } else if (part.layer() instanceof Bidirectional both && both.getFwd() instanceof Reparameterization inside) {
                throw new IllegalArgumentException("layer \"" + part.name() + "\": expected no weight normalization inside "
                        + "Bidirectional, which cannot be fused, got " + inside.getClass().getSimpleName());
            }
        }
        return draft.build();
    }

    private static void fuse(Part part, Reparameterization wrapper) {
        ((ReparameterizedLayer) part.source()).computedWeights().forEach((key, weight) -> {
            part.setParam(key, weight);
            part.dropState(key);
        });
        for (WeightShape weight : wrapper.weights()) {
            for (WeightParameter parameter : wrapper.parameters(weight)) {
                part.dropParam(weight.key() + parameter.suffix());
            }
        }
        part.setLayer(wrapper.getUnderlying());
    }

    /**
     * Wraps layers. Their weights become the parameters that weights are computed from; additional parameters are
     * initialized as in a new network with these weights. Weight normalization therefore keeps the outputs, while spectral
     * normalization and weight standardization rescale the weights.
     *
     * @param net  MultiLayerNetwork or ComputationGraph; it is not modified
     * @param rule which layers are wrapped
     * @param <M>  type of the network
     * @return a copy with wrappers; everything else is unchanged
     * @throws IllegalArgumentException if the model is of another kind
     * @throws org.deeplearning4j.exception.DL4JInvalidConfigException if the type of a layer is not supported
     */
    public static <M extends Model> M unfuse(M net, Rule rule) {
        Draft<M> draft = Draft.of(net);
        for (Part part : draft.parts()) {
            Reparameterization wrapper = rule.wrapper(part.name(), part.layer());
            if (wrapper != null) {
                wrapper.weights().forEach(weight -> start(part, wrapper, weight));
                part.setLayer(wrapper);
            }
        }
        return draft.build();
    }

    private static void start(Part part, Reparameterization wrapper, WeightShape weight) {
        INDArray source = part.param(weight.key());
        List<INDArray> further = new ArrayList<>();
        for (WeightParameter parameter : wrapper.parameters(weight)) {
            INDArray array = Nd4j.create(source.dataType(), parameter.length());
            part.setParam(weight.key() + parameter.suffix(), array);
            further.add(array);
        }
        wrapper.pass(weight, further).initialize(weight.view(source), part.conf().getSeed());
        part.dropState(weight.key());
    }
}
