// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Imports InstanceNormalization of TensorFlow Addons and of keras-contrib, which adds epsilon to the standard deviation.
 * Without an axis, keras-contrib's layer normalizes whole examples with a single gamma and beta; these are copied to every
 * channel.
 */
public final class KerasInstanceNormalization extends KerasNorm {
    private int channels;

    /**
     * Creates the layer from its Keras configuration; called by the importer.
     *
     * @param layerConfig configuration of the layer
     * @throws InvalidKerasConfigurationException     if a required entry is missing
     * @throws UnsupportedKerasConfigurationException if an option is not supported
     */
    public KerasInstanceNormalization(Map<String, Object> layerConfig)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        super(layerConfig);
    }

    /** TensorFlow Addons derives it from its group norm and saves the number of groups. */
    private boolean isContrib() {
        return !getClassName().startsWith(KerasImport.ADDONS) && options().get("groups") == null;
    }

    private boolean overAll() {
        return isContrib() && options().get("axis") == null;
    }

    @Override
    boolean channelsLast(int rank) throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        return overAll() ? isInputChannelsLast() : super.channelsLast(rank);
    }

    @Override
    NormBuilder<?, ?> builder(int rank, int channels)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        if (rank == 2) {
            throw options().invalid("a sequence, an image or a volume", "dense input");
        }
        if (!overAll()) {
            return new InstanceNormalization.Builder().epsOutside(isContrib());
        }
        for (String option : List.of("gamma_regularizer", "beta_regularizer", "gamma_constraint", "beta_constraint")) {
            if (options().get(option) != null) {
                throw options().unsupported(option, options().get(option),
                        "without an axis it applies to a single number, but this layer has one number per channel");
            }
        }
        this.channels = channels;
        return new GroupNormalization.Builder(1).epsOutside(true);
    }

    @Override
    public void setWeights(Map<String, INDArray> given) throws InvalidKerasConfigurationException {
        Map<String, INDArray> spread = new HashMap<>(given);
        if (channels > 0) {
            spread.replaceAll((name, array) -> array.length() != 1 ? array
                    : Nd4j.valueArrayOf(new long[]{channels}, array.getDouble(0), array.dataType()));
        }
        super.setWeights(spread);
    }
}
