// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import java.io.IOException;
import java.nio.file.Path;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;

/**
 * Imports Keras models with normalization layers from .keras archives and .h5 files. Supports LayerNormalization,
 * GroupNormalization (Keras and TensorFlow Addons), UnitNormalization, RMSNormalization, InstanceNormalization (TensorFlow Addons
 * and keras-contrib), FilterResponseNormalization (TensorFlow Addons), BatchNormalization with all its options, Normalization,
 * Rescaling, LayerScale (ConvNeXt), and the wrappers SpectralNormalization (Keras and TensorFlow Addons) and WeightNormalization
 * (TensorFlow Addons and TensorFlow Probability).
 *
 * <p>Requires {@code org.deeplearning4j:deeplearning4j-modelimport}, which {@code deeplearning4j-core} brings in.
 */
public final class NormImports {
    private NormImports() {
    }

    /**
     * Registers the layers with Deeplearning4j's own importer ({@code KerasModelImport}). That importer still uses
     * Deeplearning4j's batch normalization, does not support the wrappers, and reads files of Keras 1 and 2 only; use
     * {@link #importKeras} for everything else.
     *
     * @throws IllegalStateException if that importer is not on the class path
     */
    public static void registerKeras() {
        try {
            KerasImport.register();
        } catch (NoClassDefFoundError e) {
            throw missing(e);
        }
    }

    /**
     * Imports a model with its configuration and weights, for inference or further training. Keras's loss is not imported.
     * Batch norms become this library's. Models inside of the model are flattened; their layers are called "model/layer".
     *
     * @param file .keras archive of Keras 3, or .h5 file of Keras 2 or 3 with model_config and model_weights
     * @return a MultiLayerNetwork for a Sequential model, a ComputationGraph for a Functional model and for a Sequential model
     *         with a Functional one inside
     * @throws IOException                            if the file is not such a file, or incomplete
     * @throws InvalidKerasConfigurationException     if configuration and weights do not match
     * @throws UnsupportedKerasConfigurationException if an option or layer is not supported; the message has names and
     *                                                value
     * @throws IllegalStateException                  if Deeplearning4j's importer is not on the class path
     */
    public static Model importKeras(Path file)
            throws IOException, InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        try {
            return KerasImport.model(file);
        } catch (NoClassDefFoundError e) {
            throw missing(e);
        }
    }

    private static IllegalStateException missing(NoClassDefFoundError e) {
        return new IllegalStateException("Keras import needs the dependency org.deeplearning4j:deeplearning4j-modelimport on the "
                + "class path; missing " + e.getMessage(), e);
    }
}
