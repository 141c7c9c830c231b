// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import java.util.Map;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;

/**
 * Imports Keras's LayerNormalization, over the channels of each position or over all axes of an example. In the latter case
 * gamma and beta have one element per element of an example; for sequences, whose length may vary, this is not supported.
 */
public final class KerasLayerNormalization extends KerasNorm {
    /**
     * Creates the layer from its Keras configuration; called by the importer.
     *
     * @param layerConfig configuration of the layer
     * @throws InvalidKerasConfigurationException     if a required entry is missing
     * @throws UnsupportedKerasConfigurationException if an option is not supported
     */
    public KerasLayerNormalization(Map<String, Object> layerConfig)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        super(layerConfig);
    }

    private boolean overAll(int rank) throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        return rank > 2 && options().axes(rank).size() == rank - 1;
    }

    @Override
    boolean channelsLast(int rank) throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        return overAll(rank) ? isInputChannelsLast() : super.channelsLast(rank);
    }

    @Override
    NormBuilder<?, ?> builder(int rank, int channels)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        if (options().flag("rms_scaling", false)) {
            throw options().unsupported("rms_scaling", true, "no layer of this library divides by the standard deviation "
                    + "without subtracting the mean");
        }
        if (!overAll(rank)) {
            return new LayerNormalization.Builder().perPosition(true);
        }
        if (weightNames().isEmpty()) {
            return new GroupNormalization.Builder(1);
        }
        if (rank == 3) {
            throw options().unsupported("axis", options().get("axis"),
                    "gamma and beta would have one element per timestep; set scale = False and center = False");
        }
        return new LayerNormalization.Builder().elementwiseAffine(true);
    }
}
