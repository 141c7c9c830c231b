// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.WeightParameter;
import io.github.dl4jnorm.conf.WeightShape;
import io.github.dl4jnorm.layer.ReparameterizedLayer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;

/**
 * Makes a network that is done with training faster: weights that are computed before each forward pass (weight and
 * spectral normalization, weight standardization) are computed once, and the layers that used them stand alone.
 */
public final class WeightFusion {
    private WeightFusion() {
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
}
