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
 * Creates normalizations by name, for networks that take the norm as a parameter:
 *
 * <pre>
 *   for (Layer layer : NormFactory.create("group", Map.of("groups", 8)).around(convolution)) {
 *       network.layer(layer);
 *   }
 * </pre>
 *
 * Options have the names of the norm's builder methods, such as {@code eps}, {@code affine}, {@code activation},
 * {@code updater}, {@code dataFormat}, {@code constrainGamma}, {@code groups} or {@code perPosition}. Norms with running
 * statistics also have {@code momentum}, the weight of the new batch. Values are what the builder method takes, or its JSON
 * form: a string for an enum, an activation or an updater, a list for several arguments, a map with {@code @class} for an
 * object.
 */
public final class NormFactory {
    private static final Map<String, Supplier<NormBuilder<?, ?>>> BEHIND = behind();
    private static final Map<String, Function<Layer, Reparameterization.Builder<?, ?>>> AROUND = around();

    private NormFactory() {
    }

    private static Map<String, Supplier<NormBuilder<?, ?>>> behind() {
        Map<String, Supplier<NormBuilder<?, ?>>> norms = new LinkedHashMap<>();
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
        norms.put("scale", ScaleNormalization.Builder::new);
        norms.put("mean-only", MeanOnlyBatchNormalization.Builder::new);
        norms.put("layer-scale", LayerScale.Builder::new);
        norms.put("dyt", DynamicTanh.Builder::new);
        norms.put("derf", DynamicErf.Builder::new);
        norms.put("evonorm-s0", EvoNormS0.Builder::new);
        norms.put("evonorm-b0", EvoNormB0.Builder::new);
        norms.put("ibn", InstanceBatchNormalization.Builder::new);
        norms.put("pono", PositionalNormalization.Builder::new);
        norms.put("split", SplitBatchNormalization.Builder::new);
        norms.put("sync", SyncBatchNormalization.Builder::new);
        return Collections.unmodifiableMap(norms);
    }

    private static Map<String, Function<Layer, Reparameterization.Builder<?, ?>>> around() {
        Map<String, Function<Layer, Reparameterization.Builder<?, ?>>> norms = new LinkedHashMap<>();
        norms.put("weight", WeightNormalization.Builder::new);
        norms.put("weight-standardization", WeightStandardization.Builder::new);
        norms.put("spectral", SpectralNormalization.Builder::new);
        norms.put("scaled-weight-standardization", ScaledWeightStandardization.Builder::new);
        norms.put("orthogonal", OrthogonalParametrization.Builder::new);
        return norms;
    }

    /** {@return the names that {@link #create(String, Map)} accepts} */
    public static Set<String> names() {
        Set<String> names = new LinkedHashSet<>(BEHIND.keySet());
        names.addAll(AROUND.keySet());
        return Collections.unmodifiableSet(names);
    }

    /**
     * Creates a normalization with its default options.
     *
     * @param name one of {@link #names()}
     * @return the normalization
     * @throws DL4JInvalidConfigException if the name is unknown
     */
    public static NormBlock create(String name) {
        return create(name, Map.of());
    }

    /**
     * Creates a normalization with the given options.
     *
     * <p>A norm that follows a layer takes over the layer's activation, so that {@code act(layer(x))} becomes
     * {@code act(norm(layer(x)))}; the option {@code activation} replaces it. A recurrent layer keeps its activation, which
     * acts inside the layer. The norm's default name is the layer's name with the suffix {@code -norm}. A norm that
     * computes the layer's weights wraps the layer instead.
     *
     * @param name    one of {@link #names()}
     * @param options values by option name
     * @return the normalization; its {@code toString()} shows the name and options
     * @throws DL4JInvalidConfigException if the name or an option is unknown, or a value is invalid
     */
    public static NormBlock create(String name, Map<String, ?> options) {
        String text = NormOptions.text(name, options);
        if (AROUND.containsKey(name)) {
            // Any layer: the options are checked before there is the one that is wrapped.
            Reparameterization.Builder<?, ?> builder = AROUND.get(name).apply(new DenseLayer.Builder().nIn(1).nOut(1).build());
            NormOptions known = new NormOptions(name, builder);
            Map<String, Object> others = known.set(options);
            Reparameterization wrapper = with(name, known, builder.build(), others);
            wrapper.validateOptions();
            return new Block(text, layer -> List.of(wrapper.around(layer)));
        }
        if (!BEHIND.containsKey(name)) {
            throw new DL4JInvalidConfigException("Normalization: expected one of " + names() + ", got \"" + name + "\"");
        }
        NormBuilder<?, ?> builder = BEHIND.get(name).get();
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
                throw norm.invalid("an activation on the preceding layer or in the options of the norm", "none on " + layer);
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
            throw new DL4JInvalidConfigException("Normalization \"" + name + "\": expected one of the options "
                    + known.names() + ", got \"" + e.getPropertyName() + "\"", e);
        } catch (JsonProcessingException e) {
            throw new DL4JInvalidConfigException("Normalization \"" + name + "\": expected valid option values, "
                    + "got " + options + " (" + e.getMessage() + ")", e);
        }
    }
}
