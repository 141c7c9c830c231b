// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import java.util.Map;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;

/** Imports GroupNormalization of Keras and TensorFlow Addons. groups = −1 makes each channel a group. */
public final class KerasGroupNormalization extends KerasNorm {
    private static final int DEFAULT_GROUPS = 32;

    /**
     * Creates the layer from its Keras configuration; called by the importer.
     *
     * @param layerConfig configuration of the layer
     * @throws InvalidKerasConfigurationException     if a required entry is missing
     * @throws UnsupportedKerasConfigurationException if an option is not supported
     */
    public KerasGroupNormalization(Map<String, Object> layerConfig)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        super(layerConfig);
    }

    @Override
    NormBuilder<?, ?> builder(int rank, int channels)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        int groups = options().integer("groups", DEFAULT_GROUPS);
        int actual = groups == -1 ? channels : groups;
        if (actual < 1 || channels % actual != 0) {
            throw options().unsupported("groups", groups, "expected -1 or a divisor of the " + channels + " channels");
        }
        return new GroupNormalization.Builder(actual);
    }
}
