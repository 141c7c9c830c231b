// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import java.util.Map;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;

/**
 * Keras's BatchNormalization with axis, center, scale and regularizers, which Deeplearning4j's own import ignores or fails
 * on. Only {@link NormImports#importKeras} uses it: what Deeplearning4j knows cannot be registered anew. A layer that is not
 * trainable has its statistics frozen, as in Keras.
 */
public final class KerasBatchNormalization extends KerasNorm {
    private static final double DEFAULT_MOMENTUM = 0.99;

    /**
     * As the import of models makes it.
     *
     * @param layerConfig configuration of the layer
     * @throws InvalidKerasConfigurationException     if it lacks something
     * @throws UnsupportedKerasConfigurationException if it asks for something not supported
     */
    public KerasBatchNormalization(Map<String, Object> layerConfig)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        super(layerConfig);
    }

    @Override
    NormBuilder<?> builder(int rank, int channels)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        if (options().flag("renorm", false)) {
            throw options().unsupported("renorm", true, "there is no batch renormalization");
        }
        Object virtual = options().get("virtual_batch_size");
        if (virtual != null) {
            throw options().unsupported("virtual_batch_size", virtual, "there is no ghost batch normalization");
        }
        double momentum = options().number("momentum", DEFAULT_MOMENTUM);
        if (!(momentum >= 0 && momentum <= 1)) {
            throw options().unsupported("momentum", momentum, "expected 0 to 1");
        }
        return new BatchNormalization.Builder().useLogStd(false)
                .runningStatistics(RunningStatistics.decay(momentum).unbiased(false));
    }

    @Override
    public InputType getOutputType(InputType... inputType)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        InputType type = super.getOutputType(inputType);
        ((RunningNormLayer) layer).setStatisticsFrozen(!options().flag("trainable", true));
        return type;
    }

    @Override
    Map<String, String> weightNames() throws InvalidKerasConfigurationException {
        Map<String, String> names = super.weightNames();
        names.put("mean", "moving_mean");
        names.put("var", "moving_variance");
        return names;
    }
}
