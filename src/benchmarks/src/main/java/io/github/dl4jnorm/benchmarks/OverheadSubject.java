// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.List;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.nd4j.linalg.activations.Activation;

/** A layer norm of little input beside a layer that only copies it: the rest is what any norm costs at least. */
final class OverheadSubject implements Subject {
    private final List<LayerSubject> layers;

    OverheadSubject() {
        Case c = new Case(Norm.ROWS, Layout.ROWS, 32, 64, 1, 1);
        layers = List.of(new LayerSubject(c, List.of(c.norm().layer(c.channels()))),
                new LayerSubject(c, List.of(new ActivationLayer(Activation.IDENTITY))));
    }

    @Override
    public Object run(int variant) {
        return layers.get(variant).run(0);
    }
}
