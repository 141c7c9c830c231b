// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BaseRecurrentLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.databind.DeserializationFeature;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.exc.UnrecognizedPropertyException;

/**
 * Normalizations by name, for networks that leave the choice to a parameter:
 *
 * <pre>
 *   for (Layer layer : NormFactory.create("group", Map.of("groups", 8)).around(convolution)) {
 *       network.layer(layer);
 *   }
 * </pre>
 *
 * Options have the names and values they have in JSON: those of the builders, such as {@code eps}, {@code scale},
 * {@code center}, {@code groups}, {@code perPosition}, {@code trackRunningStats}, {@code runningStatistics}.
 */
public final class NormFactory {
    private static final Map<String, Supplier<NormLayer>> BEHIND = behind();
    private static final Map<String, Supplier<Reparameterization>> AROUND = around();

    private NormFactory() {
    }

    private static Map<String, Supplier<NormLayer>> behind() {
        Map<String, Supplier<NormLayer>> norms = new LinkedHashMap<>();
        norms.put("batch", () -> new BatchNormalization.Builder().build());
        norms.put("group", () -> new GroupNormalization.Builder().build());
        norms.put("instance", () -> new InstanceNormalization.Builder().build());
        norms.put("layer", () -> new LayerNormalization.Builder().build());
        norms.put("switchable", () -> new SwitchableNormalization.Builder().build());
        norms.put("ghost", () -> new GhostBatchNormalization.Builder().build());
        norms.put("renorm", () -> new BatchRenormalization.Builder().build());
        norms.put("frn", () -> new FilterResponseNormalization.Builder().build());
        norms.put("grn", () -> new GlobalResponseNormalization.Builder().build());
        norms.put("rms", () -> new RmsNormalization.Builder().build());
        norms.put("unit", () -> new UnitNormalization.Builder().build());
        return Collections.unmodifiableMap(norms);
    }

    private static Map<String, Supplier<Reparameterization>> around() {
        Map<String, Supplier<Reparameterization>> norms = new LinkedHashMap<>();
        norms.put("weight", WeightNormalization::new);
        norms.put("weight-standardization", WeightStandardization::new);
        norms.put("spectral", SpectralNormalization::new);
        return norms;
    }

    /** {@return the names that {@link #create(String, Map)} takes} */
    public static Set<String> names() {
        Set<String> names = new LinkedHashSet<>(BEHIND.keySet());
        names.addAll(AROUND.keySet());
        return Collections.unmodifiableSet(names);
    }

    /**
     * A normalization with the options it has by default.
     *
     * @param name one of {@link #names()}
     * @return the normalization
     * @throws DL4JInvalidConfigException if there is none of this name
     */
    public static NormBlock create(String name) {
        return create(name, Map.of());
    }

    /**
     * A normalization with options. One that stands behind a layer takes over the layer's activation, so that
     * {@code act(layer(x))} becomes {@code act(norm(layer(x)))}; that of a recurrent layer, which acts inside, stays. One
     * that computes the layer's weights wraps it.
     *
     * @param name    one of {@link #names()}
     * @param options values by the names of options
     * @return the normalization
     * @throws DL4JInvalidConfigException if there is none of this name, it has no such option or cannot have its value
     */
    public static NormBlock create(String name, Map<String, ?> options) {
        if (AROUND.containsKey(name)) {
            Reparameterization wrapper = with(name, AROUND.get(name).get(), options);
            wrapper.validateOptions();
            return layer -> List.of(wrapper.around(layer));
        }
        Supplier<NormLayer> norm = BEHIND.get(name);
        if (norm == null) {
            throw new DL4JInvalidConfigException("Normalization: expected one of " + names() + ", got \"" + name + "\"");
        }
        NormLayer made = with(name, norm.get(), options);
        made.validateOptions();
        return layer -> behind(layer, made.clone());
    }

    private static List<Layer> behind(BaseLayer given, NormLayer norm) {
        BaseLayer layer = given.clone();
        if (layer.getLayerName() != null) {
            norm.setLayerName(layer.getLayerName() + "-norm");
        }
        if (!(layer instanceof BaseRecurrentLayer)) {
            if (layer.getActivationFn() == null) {
                throw norm.invalid("an activation set on the layer in front of it, to be taken over", "none on " + layer);
            }
            norm.setActivationFn(layer.getActivationFn());
            layer.setActivationFn(new ActivationIdentity());
        }
        return List.of(layer, norm);
    }

    private static <T extends Layer> T with(String name, T made, Map<String, ?> options) {
        ObjectMapper mapper = NeuralNetConfiguration.mapper();
        try {
            return mapper.readerForUpdating(made).with(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                    .readValue(mapper.writeValueAsString(options));
        } catch (UnrecognizedPropertyException e) {
            throw new DL4JInvalidConfigException("Normalization \"" + name + "\": expected options among "
                    + e.getKnownPropertyIds() + ", got \"" + e.getPropertyName() + "\"", e);
        } catch (JsonProcessingException e) {
            throw new DL4JInvalidConfigException("Normalization \"" + name + "\": expected values that its options can have, "
                    + "got " + options + " (" + e.getMessage() + ")", e);
        }
    }
}
