// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import java.util.Map;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;

/**
 * Keras's LayerNormalization, over the channels at each position. Over all axes of an example only without gamma and beta:
 * Keras's have one element for each element of the example there, this library's one for each channel.
 */
public final class KerasLayerNormalization extends KerasNorm {
    /**
     * As the import of models makes it.
     *
     * @param layerConfig configuration of the layer
     * @throws InvalidKerasConfigurationException     if it lacks something
     * @throws UnsupportedKerasConfigurationException if it asks for something not supported
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
        return overAll(rank) || super.channelsLast(rank);
    }

    @Override
    NormBuilder<?> builder(int rank, int channels)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        if (options().flag("rms_scaling", false)) {
            throw options().unsupported("rms_scaling", true, "there is no layer that divides by the root mean square");
        }
        if (!overAll(rank)) {
            return new LayerNormalization.Builder().perPosition(true);
        }
        if (!weightNames().isEmpty()) {
            throw options().unsupported("axis", options().get("axis"),
                    "gamma and beta with one element for each element of an example; with scale and center false it is");
        }
        return new GroupNormalization.Builder(1);
    }
}
