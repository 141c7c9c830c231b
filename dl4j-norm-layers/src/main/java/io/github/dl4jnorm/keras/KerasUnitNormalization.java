// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.UnitNormalization;
import java.util.Map;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;

/**
 * Keras's UnitNormalization over the channels. Its least length is no option: 1e-6 in Keras 2, 1e-12 in Keras 3, for which
 * {@link KerasModels} adds it.
 */
public final class KerasUnitNormalization extends KerasNorm {
    /** Keras 2 bounds the square by 1e-12. */
    private static final double LEAST_LENGTH = 1e-6;

    /**
     * As the import of models makes it.
     *
     * @param layerConfig configuration of the layer
     * @throws InvalidKerasConfigurationException     if it lacks something
     * @throws UnsupportedKerasConfigurationException if it asks for something not supported
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
    NormBuilder<?> builder(int rank, int channels) {
        return new UnitNormalization.Builder();
    }
}
