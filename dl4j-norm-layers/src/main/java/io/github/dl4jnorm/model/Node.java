// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import org.deeplearning4j.nn.conf.graph.FrozenVertex;
import org.deeplearning4j.nn.conf.graph.GraphVertex;

/**
 * A layer of a network, or a vertex of a graph that is none.
 *
 * @param key    index in a sequence, name of the vertex in a graph
 * @param part   the layer, or null
 * @param vertex the vertex inside of what freezes it, or null for a layer
 */
record Node(String key, Part part, GraphVertex vertex) {

    static Node of(Part part) {
        return new Node(part.key(), part, null);
    }

    static Node of(String key, GraphVertex vertex) {
        return new Node(key, null, vertex instanceof FrozenVertex frozen ? frozen.getUnderlying() : vertex);
    }

    /** Class and name, for messages. */
    String describe() {
        return part == null ? vertex.getClass().getSimpleName() + " \"" + key + "\""
                : part.layer().getClass().getSimpleName() + " \"" + part.name() + "\"";
    }
}
