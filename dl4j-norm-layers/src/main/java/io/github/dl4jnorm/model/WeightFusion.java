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
 * Makes a network that is done with training faster: weights that are computed before each forward pass (weight and
 * spectral normalization, weight standardization) are computed once, and the layers that used them stand alone. The other way
 * round, gives layers of a network computed weights.
 */
public final class WeightFusion {
    private WeightFusion() {
    }

    /** Which layers get computed weights. */
    @FunctionalInterface
    public interface Rule {
        /**
         * The wrapper of a layer.
         *
         * @param name  name of the layer, or its index where it has none
         * @param layer its configuration
         * @return a wrapper around it, or null to leave it alone
         */
        Reparameterization wrapper(String name, Layer layer);
    }

    /**
     * Puts the computed weights into the layers, in place of their wrappers.
     *
     * <p>The copy keeps configuration, parameters and the updater's state of all else, but no listeners. Its outputs are
     * those of the original in test mode; it trains differently. Batch norms behind the layers can be folded into them
     * then.
     *
     * @param net network, MultiLayerNetwork or ComputationGraph; it stays as it is
     * @param <M> type of the network
     * @return a copy without wrappers of weights
     * @throws IllegalArgumentException if it is another kind of model, or a wrapper is inside of a Bidirectional layer
     */
    public static <M extends Model> M fuse(M net) {
        Draft<M> draft = Draft.of(net);
        for (Part part : draft.parts()) {
            if (part.layer() instanceof Reparameterization wrapper) {
                fuse(part, wrapper);
            } else if (part.layer() instanceof Bidirectional both && both.getFwd() instanceof Reparameterization inside) {
                throw new IllegalArgumentException("layer \"" + part.name() + "\": expected computed weights outside of "
                        + "Bidirectional, got " + inside.getClass().getSimpleName() + " inside of it");
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
     * Puts wrappers around layers. Their weights become what the weights are computed from; what they depend on besides
     * starts as in a new network with these weights, so that weight normalization keeps the outputs, while spectral
     * normalization and weight standardization divide by what they divide by.
     *
     * @param net  network, MultiLayerNetwork or ComputationGraph; it stays as it is
     * @param rule which layers
     * @param <M>  type of the network
     * @return a copy with wrappers, with everything else as it was
     * @throws IllegalArgumentException if it is another kind of model
     * @throws org.deeplearning4j.exception.DL4JInvalidConfigException if the weights of a layer cannot be computed
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
