// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import java.util.HashMap;
import java.util.Map;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DepthwiseConvolution2D;
import org.deeplearning4j.nn.modelimport.keras.KerasLayer;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.layers.convolutional.KerasDepthwiseConvolution2D;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Imports Keras's DepthwiseConv2D at any position. Deeplearning4j's import takes the number of channels from the preceding layer
 * and fails if that has none; this class takes it from the input type. It also knows Keras 3's name of the kernel.
 */
public final class KerasDepthwiseConvolution extends KerasDepthwiseConvolution2D {
    private static final String KERNEL = "depthwise_kernel";

    /**
     * Creates the layer from its Keras configuration; called by the importer.
     *
     * @param layerConfig configuration of the layer
     * @throws InvalidKerasConfigurationException     if a required entry is missing
     * @throws UnsupportedKerasConfigurationException if an option is not supported
     */
    public KerasDepthwiseConvolution(Map<String, Object> layerConfig)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        super(layerConfig, Map.of(), false);
    }

    /** Returns a number that {@link #getOutputType} replaces. */
    @Override
    protected long getNInFromConfig(Map<String, ? extends KerasLayer> previousLayers) {
        return 1;
    }

    @Override
    public InputType getOutputType(InputType... inputType) throws InvalidKerasConfigurationException {
        DepthwiseConvolution2D convolution = getDepthwiseConvolution2DLayer();
        convolution.setNIn(inputType[0], true);
        convolution.setNOut(convolution.getNIn() * convolution.getDepthMultiplier());
        return super.getOutputType(inputType);
    }

    @Override
    public void setWeights(Map<String, INDArray> given) throws InvalidKerasConfigurationException {
        Map<String, INDArray> named = new HashMap<>(given);
        if (named.containsKey("kernel")) {
            named.put(KERNEL, named.remove("kernel"));
        }
        super.setWeights(named);
    }
}
