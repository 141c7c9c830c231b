// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pages;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.Reparameterization;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.TrainingConfig;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.learning.config.NoOp;

/** What a layer learns and tracks, with its names elsewhere. */
final class ParameterTable {
    private static final int CHANNELS = 8;

    private ParameterTable() {
    }

    static String of(Object conf, Map<String, String> keras) {
        if (conf instanceof NormLayer norm) {
            norm.setNIn(CHANNELS);
            return norm.parameters().isEmpty() ? "It has no parameters.\n" : ofNorm(norm.parameters(), keras);
        }
        return conf instanceof Layer layer ? ofNetwork(layer) : "It has no parameters.\n";
    }

    private static String ofNorm(List<NormParameter> parameters, Map<String, String> keras) {
        StringBuilder rows = new StringBuilder(keras.isEmpty() ? NormPage.table("key", "shape", "kind", "starts at", "in PyTorch")
                : NormPage.table("key", "shape", "kind", "starts at", "in PyTorch", "in Keras"));
        for (NormParameter parameter : parameters) {
            List<Object> cells = new ArrayList<>(List.of(NormPage.code(parameter.name()),
                    NormPage.code(parameter.length() == CHANNELS ? "[C]" : parameter.length() == 2 * CHANNELS ? "[2C]"
                            : "[" + parameter.length() + "]"),
                    parameter.kind().isLearned() ? "learned" : "tracked", NormPage.shown(parameter.initialValue()),
                    NormPage.code(parameter.pyTorch())));
            if (!keras.isEmpty()) {
                // The other way to store the variance.
                String key = parameter.name().replace(NormParameter.LOG10_STDEV, NormParameter.VAR);
                String name = keras.get(key);
                cells.add(name == null ? "–" : NormPage.code(name));
            }
            rows.append(NormPage.row(cells.toArray()));
        }
        return rows.toString();
    }

    /** Those of a small network, in which a wrapper is around a dense layer. */
    private static String ofNetwork(Layer conf) {
        Layer layer = conf instanceof Reparameterization wrapper ? wrapper.around(NormPage.dense()) : conf;
        boolean dense = layer != conf;
        if (layer instanceof FeedForwardLayer sized) {
            sized.setNOut(4);
        }
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().list().layer(layer)
                .setInputType(dense ? InputType.feedForward(4) : InputType.recurrent(4)).build());
        net.init();
        StringBuilder rows = new StringBuilder(dense ? "Of a dense layer with 4 inputs and 3 outputs:\n\n"
                : "With 4 inputs and 4 outputs:\n\n").append(NormPage.table("key", "shape", "kind"));
        TrainingConfig made = net.getLayer(0).getConfig();
        net.getLayer(0).paramTable().forEach((key, value) -> rows.append(NormPage.row(NormPage.code(key),
                NormPage.code(Arrays.toString(value.shape())),
                made.getUpdaterByParam(key) instanceof NoOp ? "tracked" : "learned")));
        return rows.toString();
    }
}
