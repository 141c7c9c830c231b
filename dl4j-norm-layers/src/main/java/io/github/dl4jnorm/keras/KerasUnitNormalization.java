// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.UnitNormalization;
import java.util.Map;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;

/**
 * Imports Keras's UnitNormalization over the channels. The smallest divisor is not an option in Keras: it is 1e-6 in Keras
 * 2 and 1e-12 in Keras 3, for which {@link KerasModels} adds it to the configuration.
 */
public final class KerasUnitNormalization extends KerasNorm {
    /** Smallest divisor in Keras 2, which limits the square to 1e-12. */
    private static final double LEAST_LENGTH = 1e-6;

    /**
     * Creates the layer from its Keras configuration; called by the importer.
     *
     * @param layerConfig configuration of the layer
     * @throws InvalidKerasConfigurationException     if a required entry is missing
     * @throws UnsupportedKerasConfigurationException if an option is not supported
     */
    public KerasUnitNormalization(Map<String, Object> layerConfig)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        super(layerConfig);
    }

    @Override
    double defaultEpsilon() {
        return LEAST_LENGTH;
    }

    @Override
    Map<String, String> weightNames() {
        return Map.of();
    }

    @Override
    NormBuilder<?, ?> builder(int rank, int channels) {
        return new UnitNormalization.Builder();
    }
}
