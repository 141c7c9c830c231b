// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import java.util.Map;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;

/** What Keras calls the parameters of a layer that can be imported. */
public final class KerasNames {
    /** Where Keras has another name for the layer. */
    private static final Map<String, String> CLASSES =
            Map.of("RmsNormalization", "RMSNormalization", "FeatureNormalization", "Normalization");

    private KerasNames() {
    }

    /** Keras's names of weights, by the key of the parameter; none for a layer that Keras does not have. */
    public static Map<String, String> of(Class<?> layer) throws ReflectiveOperationException {
        String name = layer.getSimpleName();
        Class<?> imported;
        try {
            imported = Class.forName(KerasNorm.class.getPackageName() + ".Keras" + name);
        } catch (ClassNotFoundException e) {
            return Map.of();
        }
        try {
            return ((KerasNorm) imported.getConstructor(Map.class).newInstance(Map.of("class_name",
                    CLASSES.getOrDefault(name, name), "keras_version", 2, "config", Map.of("name", name)))).weightNames();
        } catch (InvalidKerasConfigurationException e) {
            throw new AssertionError(e);
        }
    }
}
