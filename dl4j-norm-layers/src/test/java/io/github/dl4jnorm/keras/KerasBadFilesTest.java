// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import static io.github.dl4jnorm.keras.KerasCase.BETA;
import static io.github.dl4jnorm.keras.KerasCase.C;
import static io.github.dl4jnorm.keras.KerasCase.GAMMA;
import static io.github.dl4jnorm.keras.KerasCase.MEAN;
import static io.github.dl4jnorm.keras.KerasCase.VARIANCE;
import static io.github.dl4jnorm.keras.KerasCase.add;
import static io.github.dl4jnorm.keras.KerasCase.options;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.keras.KerasCase.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What cannot be imported is refused with names and values. */
@Tag("once")
class KerasBadFilesTest {
    @TempDir
    private Path directory;

    @Test
    void unsupportedOptionsAreNamedWithLayerAndValue() throws Exception {
        int[] image = {5, 6, C};
        assertUnsupported("option axis = [1, 2]", Kind.LAYER, new int[]{5, C}, Map.of("axis", List.of(1, 2)));
        assertUnsupported("option axis = [2, 3]", Kind.LAYER, image, Map.of("axis", List.of(2, 3)));
        assertUnsupported("option axis = [1, 3]", Kind.UNIT, image, Map.of("axis", List.of(1, 3)));
        assertUnsupported("option axis = [1]", Kind.FILTER_RESPONSE, image, Map.of("axis", List.of(1)));
        assertUnsupported("option learned_epsilon_constraint", Kind.FILTER_RESPONSE, image,
                Map.of("learned_epsilon_constraint", Map.of("class_name", "NonNeg", "config", Map.of())));
        assertUnsupported("option axis = 2", Kind.GROUP, image, Map.of("axis", 2));
        assertUnsupported("option axis = 0", Kind.LAYER, image, Map.of("axis", 0));
        assertUnsupported("option groups = 3", Kind.GROUP, image, Map.of("groups", 3));
        assertUnsupported("option rms_scaling = true", Kind.LAYER, image, Map.of("rms_scaling", true));
        assertUnsupported("option renorm_clipping = {rmax=3.0}", Kind.BATCH_RENORM, image,
                Map.of("renorm_clipping", Map.of("rmax", 3.0)));
        assertUnsupported("option renorm_momentum = 0.5", Kind.BATCH_RENORM, image, Map.of("renorm_momentum", 0.5));
        assertUnsupported("option virtual_batch_size = 8", Kind.BATCH_RENORM, image, Map.of("virtual_batch_size", 8));
        assertUnsupported("option virtual_batch_size = 0", Kind.BATCH, image, Map.of("virtual_batch_size", 0));
        assertUnsupported("option gamma_initializer = RandomNormal", Kind.LAYER, image,
                Map.of("gamma_initializer", Map.of("class_name", "RandomNormal", "config", Map.of())));
        assertUnsupported("option beta_regularizer = OrthogonalRegularizer", Kind.LAYER, image,
                Map.of("beta_regularizer", Map.of("class_name", "OrthogonalRegularizer", "config", Map.of())));
        assertUnsupported("option gamma_constraint = RadialConstraint", Kind.LAYER, image,
                Map.of("gamma_constraint", Map.of("class_name", "RadialConstraint", "config", Map.of())));
        assertUnsupported("option axis = 2", Kind.CONTRIB_INSTANCE, image, Map.of("axis", 2));
        Map<String, Object> withoutAxis = new HashMap<>(Map.of("gamma_regularizer", Map.of("class_name", "L2", "config",
                Map.of("l2", 0.5))));
        withoutAxis.put("axis", null);
        assertUnsupported("option gamma_regularizer", Kind.CONTRIB_INSTANCE, image, withoutAxis);
    }

    private void assertUnsupported(String message, Kind kind, int[] shape, Map<String, Object> changed) throws Exception {
        for (int variant = 0; variant < 4; variant++) {
            Map<String, Object> options = options(kind, -1, true, true);
            options.putAll(changed);
            Path file = new KerasFile((variant & 1) == 0, (variant & 2) == 0, shape).layer(kind.className, "norm", options)
                    .weight("gamma", GAMMA).weight("beta", BETA).write(directory.resolve("u" + variant + ".h5"));
            assertThatThrownBy(() -> NormImports.importKeras(file)).isInstanceOf(UnsupportedKerasConfigurationException.class)
                    .hasMessageContaining("\"norm\"").hasMessageContaining(kind.className).hasMessageContaining(message);
        }
    }

    @Test
    void weightsThatAreMissingOrOfAnotherShapeAreNamed() throws Exception {
        Map<String, Object> options = options(Kind.LAYER, -1, true, true);
        Path wrong = new KerasFile(true, true, C).layer("LayerNormalization", "norm", options).weight("gamma", new float[3])
                .weight("beta", BETA).write(directory.resolve("wrong.h5"));
        assertThatThrownBy(() -> NormImports.importKeras(wrong)).isInstanceOf(InvalidKerasConfigurationException.class)
                .hasMessageContaining("\"norm\": expected 4 elements in gamma, got shape [3]");
        Path missing = new KerasFile(false, true, C).layer("LayerNormalization", "norm", options).weight("beta", BETA)
                .write(directory.resolve("missing.h5"));
        assertThatThrownBy(() -> NormImports.importKeras(missing)).isInstanceOf(InvalidKerasConfigurationException.class)
                .hasMessageContaining("expected weights [gamma, beta], got [beta]");
    }

    @Test
    void filesThatAreNoWholeModelsAreRefused() throws Exception {
        assertThatThrownBy(() -> NormImports.importKeras(directory.resolve("none.h5"))).isInstanceOf(IOException.class)
                .hasMessageContaining("none.h5 is not a file");
        Path file = add(new KerasFile(true, true, C), Kind.LAYER, -1, true, true).write(directory.resolve("whole.h5"));
        byte[] whole = Files.readAllBytes(file);
        for (int length : new int[]{0, 10, whole.length / 2, whole.length - 20}) {
            Path cut = Files.write(directory.resolve("cut" + length + ".h5"), Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> NormImports.importKeras(cut)).isInstanceOf(IOException.class)
                    .hasMessageContaining("is not a complete");
        }
    }

    @Test
    void filesWithWeightsAloneAreCalledSo() {
        for (boolean third : new boolean[]{true, false}) {
            Path file = KerasFile.weightsAlone(third, directory.resolve("alone.weights.h5"));
            assertThatThrownBy(() -> NormImports.importKeras(file)).isInstanceOf(InvalidKerasConfigurationException.class)
                    .hasMessageContaining("alone.weights.h5: expected a full model").hasMessageContaining("weights alone")
                    .hasMessageContaining("model.load_weights");
        }
    }

    @Test
    void versionsThatAreNotKnownAreNamed() throws Exception {
        for (String version : new String[]{"1.2.2", "4.0.0", "nonsense"}) {
            Path file = add(new KerasFile(false, true, C), Kind.LAYER, -1, true, true).version(version)
                    .write(directory.resolve("version.h5"));
            assertThatThrownBy(() -> NormImports.importKeras(file)).isInstanceOf(UnsupportedKerasConfigurationException.class)
                    .hasMessageContaining("expected a model of Keras 2 or 3, got one of Keras " + version)
                    .hasMessageContaining(version.startsWith("1") ? "KerasModelImport" : "save it with Keras 3");
        }
        Path none = add(new KerasFile(false, true, C), Kind.LAYER, -1, true, true).version(null)
                .write(directory.resolve("none.h5"));
        assertThatThrownBy(() -> NormImports.importKeras(none)).isInstanceOf(InvalidKerasConfigurationException.class)
                .hasMessageContaining("expected the attribute keras_version");
    }

    /** In Keras 3 it is another function than in Keras 2 and Deeplearning4j. */
    @Test
    void hardSigmoidOfKeras3IsRefused() throws Exception {
        Map<String, Object> options = Map.of("units", 2, "activation", "hard_sigmoid", "use_bias", false);
        Path file = new KerasFile(true, true, C).layer("Dense", "hard", options).weight("kernel", new float[2 * C], C, 2)
                .write(directory.resolve("hard.h5"));
        assertThatThrownBy(() -> NormImports.importKeras(file)).isInstanceOf(UnsupportedKerasConfigurationException.class)
                .hasMessageContaining("Keras layer Dense \"hard\": option activation = hard_sigmoid is not supported");
    }

    @Test
    void layersThatDeeplearning4jCannotConnectAreCalledSo() throws Exception {
        Path file = new KerasFile(true, true, C).layer("Conv2D", "conv", KerasCase.convolution(true))
                .weight("kernel", new float[2 * 3 * C * C], 2, 3, C, C).write(directory.resolve("connect.h5"));
        assertThatThrownBy(() -> NormImports.importKeras(file)).isInstanceOf(UnsupportedKerasConfigurationException.class)
                .hasMessageContaining("connect.h5: expected layers that Deeplearning4j can build").hasMessageContaining("conv");
    }

    @Test
    void featuresAreNormalizedByChannelOnly() throws Exception {
        for (Object axis : new Object[]{List.of(1, 2), List.of()}) {
            Path file = new KerasFile(true, true, 5, C).layer("Normalization", "norm", Map.of("axis", axis, "invert", false))
                    .weight("mean", MEAN).weight("variance", VARIANCE).write(directory.resolve("features.h5"));
            assertThatThrownBy(() -> NormImports.importKeras(file)).isInstanceOf(UnsupportedKerasConfigurationException.class)
                    .hasMessageContaining("Keras layer Normalization \"norm\": option axis = " + axis);
        }
        Map<String, Object> options = Map.of("scale", List.of(List.of(1, 2)), "offset", 0);
        Path file = new KerasFile(true, true, 5, C).layer("Rescaling", "scale", options).write(directory.resolve("scale.h5"));
        assertThatThrownBy(() -> NormImports.importKeras(file)).isInstanceOf(UnsupportedKerasConfigurationException.class)
                .hasMessageContaining("Keras layer Rescaling \"scale\": option scale = [[1, 2]]");
    }

    @Test
    void ghostBatchNormCannotBeSynchronized() throws Exception {
        assertUnsupported("option synchronized = true", Kind.BATCH_GHOST, new int[]{C}, Map.of("synchronized", true));
    }
}
