// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.RmsNormalization;
import java.util.Map;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;

/** Imports RMSNormalization of Keras 3 over the channels. */
public final class KerasRmsNormalization extends KerasNorm {
    private static final double EPSILON = 1e-6;

    /**
     * Creates the layer from its Keras configuration; called by the importer.
     *
     * @param layerConfig configuration of the layer
     * @throws InvalidKerasConfigurationException     if a required entry is missing
     * @throws UnsupportedKerasConfigurationException if an option is not supported
     */
    public KerasRmsNormalization(Map<String, Object> layerConfig)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        super(layerConfig);
    }

    @Override
    double defaultEpsilon() {
        return EPSILON;
    }

    @Override
    Map<String, String> weightNames() {
        return Map.of(NormParameter.GAMMA, "scale");
    }

    @Override
    NormBuilder<?, ?> builder(int rank, int channels) {
        return new RmsNormalization.Builder();
    }
}
