// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BaseRecurrentLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
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
 * Options are those of the norm's builder, such as {@code eps}, {@code affine}, {@code activation}, {@code updater},
 * {@code dataFormat}, {@code constrainGamma}, {@code groups} or {@code perPosition}; norms with running statistics have
 * {@code momentum}, too, the weight of a batch. Values are those the builder takes, or what stands for them in JSON: a string for
 * an enum, an activation or an updater, a list for several arguments, a map with {@code @class} for an object.
 */
public final class NormFactory {
    private static final Map<String, Supplier<NormBuilder<?>>> BEHIND = behind();
    private static final Map<String, Function<Layer, Reparameterization.Builder<?>>> AROUND = around();

    private NormFactory() {
    }

    private static Map<String, Supplier<NormBuilder<?>>> behind() {
        Map<String, Supplier<NormBuilder<?>>> norms = new LinkedHashMap<>();
        norms.put("batch", BatchNormalization.Builder::new);
        norms.put("group", GroupNormalization.Builder::new);
        norms.put("instance", InstanceNormalization.Builder::new);
        norms.put("layer", LayerNormalization.Builder::new);
        norms.put("switchable", SwitchableNormalization.Builder::new);
        norms.put("ghost", GhostBatchNormalization.Builder::new);
        norms.put("renorm", BatchRenormalization.Builder::new);
        norms.put("frn", FilterResponseNormalization.Builder::new);
        norms.put("grn", GlobalResponseNormalization.Builder::new);
        norms.put("rms", RmsNormalization.Builder::new);
        norms.put("unit", UnitNormalization.Builder::new);
        return Collections.unmodifiableMap(norms);
    }

    private static Map<String, Function<Layer, Reparameterization.Builder<?>>> around() {
        Map<String, Function<Layer, Reparameterization.Builder<?>>> norms = new LinkedHashMap<>();
        norms.put("weight", WeightNormalization.Builder::new);
        norms.put("weight-standardization", WeightStandardization.Builder::new);
        norms.put("spectral", SpectralNormalization.Builder::new);
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
     * A normalization with options. One that stands behind a layer takes over the layer's activation, unless it is given
     * one, so that {@code act(layer(x))} becomes {@code act(norm(layer(x)))}; that of a recurrent layer, which acts inside,
     * stays. Its name is that of the layer with {@code -norm} behind it, unless it is given one. A norm that computes the
     * layer's weights wraps the layer.
     *
     * @param name    one of {@link #names()}
     * @param options values by the names of options
     * @return the normalization, whose text says its name and options
     * @throws DL4JInvalidConfigException if there is none of this name, it has no such option or cannot have its value
     */
    public static NormBlock create(String name, Map<String, ?> options) {
        String text = NormOptions.text(name, options);
        if (AROUND.containsKey(name)) {
            // Any layer: the options are checked before there is the one that is wrapped.
            Reparameterization.Builder<?> builder = AROUND.get(name).apply(new DenseLayer.Builder().nIn(1).nOut(1).build());
            NormOptions known = new NormOptions(name, builder);
            Map<String, Object> others = known.set(options);
            Reparameterization wrapper = with(name, known, builder.build(), others);
            wrapper.validateOptions();
            return new Block(text, layer -> List.of(wrapper.around(layer)));
        }
        if (!BEHIND.containsKey(name)) {
            throw new DL4JInvalidConfigException("Normalization: expected one of " + names() + ", got \"" + name + "\"");
        }
        NormBuilder<?> builder = BEHIND.get(name).get();
        NormOptions known = new NormOptions(name, builder);
        Map<String, Object> others = known.set(options);
        boolean acts = builder.getActivationFn() != null;
        NormLayer built = builder.build();
        NormLayer norm = with(name, known, built, others);
        norm.validateOptions();
        return new Block(text, layer -> behind(layer, norm.clone(), acts));
    }

    /**
     * What is made, with a text to tell it by.
     *
     * @param text  name and options
     * @param maker what puts the norm onto a layer
     */
    private record Block(String text, Function<BaseLayer, List<Layer>> maker) implements NormBlock {
        @Override
        public List<Layer> around(BaseLayer layer) {
            return maker.apply(layer);
        }

        @Override
        public String toString() {
            return text;
        }
    }

    private static List<Layer> behind(BaseLayer given, NormLayer norm, boolean acts) {
        BaseLayer layer = given.clone();
        if (norm.getLayerName() == null && layer.getLayerName() != null) {
            norm.setLayerName(layer.getLayerName() + "-norm");
        }
        if (!(layer instanceof BaseRecurrentLayer)) {
            if (!acts && layer.getActivationFn() == null) {
                throw norm.invalid("an activation set on the layer in front of it, to be taken over", "none on " + layer);
            }
            if (!acts) {
                norm.setActivationFn(layer.getActivationFn());
            }
            layer.setActivationFn(new ActivationIdentity());
        }
        return List.of(layer, norm);
    }

    /** Sets what JSON has and the builder does not. */
    private static <T extends Layer> T with(String name, NormOptions known, T made, Map<String, Object> options) {
        if (options.isEmpty()) {
            return made;
        }
        ObjectMapper mapper = NeuralNetConfiguration.mapper();
        try {
            return mapper.readerForUpdating(made).with(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                    .readValue(mapper.writeValueAsString(options));
        } catch (UnrecognizedPropertyException e) {
            throw new DL4JInvalidConfigException("Normalization \"" + name + "\": expected options among "
                    + known.names() + ", got \"" + e.getPropertyName() + "\"", e);
        } catch (JsonProcessingException e) {
            throw new DL4JInvalidConfigException("Normalization \"" + name + "\": expected values that its options can have, "
                    + "got " + options + " (" + e.getMessage() + ")", e);
        }
    }
}
