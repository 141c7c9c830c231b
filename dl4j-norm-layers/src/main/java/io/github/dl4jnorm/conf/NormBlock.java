// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import java.util.List;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;

/** A normalization that is put onto other layers, whether it stands behind a layer or wraps it. */
@FunctionalInterface
public interface NormBlock {

    /**
     * A layer together with its normalization, to be added to a network in this order. The layer handed over stays as it
     * is.
     *
     * @param layer the layer whose output or weights are normalized
     * @return the layers in its place
     */
    List<Layer> around(BaseLayer layer);
}
