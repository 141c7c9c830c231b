// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import java.util.Map;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;

/**
 * InstanceNormalization of TensorFlow Addons. That of keras-contrib is another function: it adds epsilon to the standard
 * deviation, not to the variance.
 */
public final class KerasInstanceNormalization extends KerasNorm {
    /**
     * As the import of models makes it.
     *
     * @param layerConfig configuration of the layer
     * @throws InvalidKerasConfigurationException     if it lacks something
     * @throws UnsupportedKerasConfigurationException if it asks for something not supported
     */
    public KerasInstanceNormalization(Map<String, Object> layerConfig)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        super(layerConfig);
    }

    @Override
    boolean channelsLast(int rank) throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        // TensorFlow Addons derives it from its group norm and saves the number of groups.
        if (!getClassName().startsWith(NormImports.ADDONS) && options().get("groups") == null) {
            throw options().unsupported("epsilon", options().get("epsilon"), "this is the layer of keras-contrib, which adds "
                    + "it to the standard deviation; here it is added to the variance");
        }
        return super.channelsLast(rank);
    }

    @Override
    NormBuilder<?> builder(int rank, int channels)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        if (rank == 2) {
            throw options().invalid("a sequence, an image or a volume", "dense input");
        }
        return new InstanceNormalization.Builder();
    }
}
