// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import java.util.List;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;

/** Adds a normalization to other layers, either after a layer or as a wrapper around it. */
@FunctionalInterface
public interface NormBlock {

    /**
     * Returns a layer together with its normalization, to be added to a network in this order. The given layer is not
     * modified.
     *
     * @param layer layer whose output or weights are normalized
     * @return the layers that replace it
     */
    List<Layer> around(BaseLayer layer);
}
