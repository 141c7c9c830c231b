// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import io.github.dl4jnorm.conf.FeatureNormalization;
import io.github.dl4jnorm.conf.LayerScale;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormParameter;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Imports Keras's Normalization (adapted, or with a given mean and variance), Rescaling, and LayerScale of its ConvNeXt. Mean,
 * variance, scale and offset are numbers or have one element per channel.
 */
public final class KerasFeatureNormalization extends KerasNorm {
    private static final String NORMALIZATION = "Normalization";
    private static final String RESCALING = "Rescaling";
    private static final String MEAN = "mean";
    private static final String VARIANCE = "variance";

    /**
     * Creates the layer from its Keras configuration; called by the importer.
     *
     * @param layerConfig configuration of the layer
     * @throws InvalidKerasConfigurationException     if a required entry is missing
     * @throws UnsupportedKerasConfigurationException if an option is not supported
     */
    public KerasFeatureNormalization(Map<String, Object> layerConfig)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        super(layerConfig);
    }

    private boolean is(String kind) {
        return kind.equals(className.substring(className.lastIndexOf('>') + 1));
    }

    /** Whether mean and variance are options instead of weights. */
    private boolean isGiven() {
        return is(NORMALIZATION) && options().get(MEAN) != null;
    }

    @Override
    boolean isStored() {
        return !isGiven();
    }

    @Override
    double defaultEpsilon() {
        return 0;
    }

    @Override
    Map<String, String> weightNames() {
        return is(NORMALIZATION) ? Map.of(NormParameter.MEAN, MEAN, NormParameter.VAR, VARIANCE)
                : is(RESCALING) ? Map.of() : Map.of(NormParameter.GAMMA, "gamma");
    }

    /** Numbers apply to any layout; arrays are those of the last axis, but for Normalization, which has an option. */
    @Override
    boolean channelsLast(int rank) throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        Object axis = options().get("axis");
        if (is(NORMALIZATION)) {
            boolean none = axis == null || List.of().equals(axis);
            if (none && !isGiven()) {
                throw options().unsupported("axis", axis, "expected the channel axis, because an adapted mean and variance "
                        + "without dimensions cannot be read; give them as options");
            }
            return none ? isInputChannelsLast() : super.channelsLast(rank);
        }
        return !is(RESCALING) || options().numbers("scale", 1).length > 1 || options().numbers("offset", 0).length > 1
                || isInputChannelsLast();
    }

    @Override
    NormBuilder<?, ?> builder(int rank, int channels)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        FeatureNormalization.Builder builder = new FeatureNormalization.Builder();
        if (is(RESCALING)) {
            return builder.rescale(options().numbers("scale", 1), options().numbers("offset", 0));
        }
        return is(NORMALIZATION) ? builder.inverse(options().flag("invert", false)) : new LayerScale.Builder();
    }

    @Override
    public InputType getOutputType(InputType... inputType)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        InputType type = super.getOutputType(inputType);
        if (isGiven()) {
            Map<String, INDArray> given = new HashMap<>();
            for (String name : List.of(MEAN, VARIANCE)) {
                given.put(name, Nd4j.createFromArray(options().numbers(name, 0)).castTo(DataType.FLOAT));
            }
            super.setWeights(perChannel(given));
        }
        return type;
    }

    /** Sets the weights. Keras also stores how many elements were counted, and it has no name for the gamma of LayerScale. */
    @Override
    public void setWeights(Map<String, INDArray> stored) throws InvalidKerasConfigurationException {
        if (isGiven()) {
            return;
        }
        Map<String, INDArray> kept = new HashMap<>(stored);
        kept.remove("count");
        if (!is(NORMALIZATION) && kept.size() == 1) {
            kept = new HashMap<>(Map.of("gamma", kept.values().iterator().next()));
        }
        super.setWeights(kept);
    }

    /** One mean and variance may be those of all channels. */
    private Map<String, INDArray> perChannel(Map<String, INDArray> given) {
        long channels = ((FeatureNormalization) layer).getNOut();
        given.replaceAll((name, array) -> array.length() == 1
                ? Nd4j.valueArrayOf(new long[]{channels}, array.getDouble(0), array.dataType()) : array);
        return given;
    }
}
