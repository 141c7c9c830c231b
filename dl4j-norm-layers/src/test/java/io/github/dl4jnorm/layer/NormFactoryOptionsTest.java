// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormBlock;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.RunningStatistics;
import java.lang.reflect.Array;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.Updater;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.distribution.Distribution;
import org.deeplearning4j.nn.conf.distribution.NormalDistribution;
import org.deeplearning4j.nn.conf.dropout.Dropout;
import org.deeplearning4j.nn.conf.dropout.IDropout;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.weightnoise.DropConnect;
import org.deeplearning4j.nn.conf.weightnoise.IWeightNoise;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.deeplearning4j.nn.weights.WeightInit;
import org.deeplearning4j.nn.weights.WeightInitConstant;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationELU;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** Every option of every builder is one of the factory's, as a value of Java and as one of JSON. */
@Tag("once")
@Tag("long")
class NormFactoryOptionsTest {
    private static final ObjectMapper MAPPER = NeuralNetConfiguration.mapper();
    private static final DenseLayer DENSE = new DenseLayer.Builder().nIn(4).nOut(4).activation(Activation.RELU).build();

    /** Where what suits others of their type does not: a number that 32 groups divide, steps in their order. */
    private static final Map<String, Object> SPECIAL = Map.of("rMax", 2.5, "nIn", 64, "nOut", 64, "units", 64, "schedule", 1);

    /** A new builder of what the factory makes: the class {@code Builder} in its class. */
    private static Object builder(String name) throws ReflectiveOperationException {
        Class<?> made = norm(NormFactory.create(name)).getClass();
        Class<?> builder = Arrays.stream(made.getDeclaredClasses()).filter(type -> type.getSimpleName().equals("Builder"))
                .findFirst().orElseThrow();
        return Reparameterization.class.isAssignableFrom(made) ? builder.getConstructor(Layer.class).newInstance(DENSE)
                : builder.getConstructor().newInstance();
    }

    static Stream<String> names() {
        return NormFactory.names().stream();
    }

    private static boolean isOption(Method method, Object builder) {
        boolean sets = method.getReturnType() == void.class && method.getName().startsWith("set")
                || method.getReturnType() != Object.class && method.getReturnType().isInstance(builder);
        return sets && method.getParameterCount() > 0 && method.getDeclaringClass() != Object.class && !method.isBridge();
    }

    private static String option(Method method) {
        String name = method.getReturnType() == void.class ? method.getName().substring(3) : method.getName();
        return name.substring(0, 1).toLowerCase() + name.substring(1);
    }

    /** A value of a type; a type without one fails, so that no new option is left out. */
    private static Object sample(Class<?> type, Type generic) {
        if (type.isArray()) {
            Object array = Array.newInstance(type.getComponentType(), 1);
            Array.set(array, 0, sample(type.getComponentType(), type.getComponentType()));
            return array;
        }
        if (type == List.class) {
            return List.of(generic.toString().contains("Regularization") ? new L2Regularization(0.25)
                    : new MaxNormConstraint(2, 1));
        }
        Map<Class<?>, Object> samples = new HashMap<>(Map.of(double.class, 0.25, boolean.class, true, Boolean.class, true,
                int.class, 2, long.class, 2L, String.class, "n", Activation.class, Activation.TANH,
                IActivation.class, new ActivationELU(0.5), CNN2DFormat.class, CNN2DFormat.NHWC));
        samples.putAll(Map.of(RNNFormat.class, RNNFormat.NWC, Convolution3D.DataFormat.class, Convolution3D.DataFormat.NDHWC,
                Regularization.class, new L2Regularization(0.25), LayerConstraint.class, new MaxNormConstraint(2, 1),
                RunningStatistics.class, RunningStatistics.cumulative(), IUpdater.class, new Sgd(0.25),
                Updater.class, Updater.ADAM,
                IDropout.class, new Dropout(0.5), IWeightInit.class, new WeightInitConstant(0.5),
                WeightInit.class, WeightInit.XAVIER));
        samples.putAll(Map.of(Distribution.class, new NormalDistribution(0, 1), GradientNormalization.class,
                GradientNormalization.ClipL2PerLayer, IWeightNoise.class, new DropConnect(0.5)));
        assertThat(samples).as("a sample of %s", type).containsKey(type);
        return samples.get(type);
    }

    private static List<Object> samples(Class<?> type, Type generic) {
        Object sample = sample(type, generic);
        return type == boolean.class || type == Boolean.class ? List.of(true, false) : List.of(sample);
    }

    private static Layer norm(NormBlock block) {
        List<Layer> layers = block.around(DENSE);
        return layers.get(layers.size() - 1);
    }

    @ParameterizedTest
    @MethodSource("names")
    @Tag("full")
    void everyOptionOfTheBuilderIsTaken(String name) throws Exception {
        int count = 0;
        for (Method method : builder(name).getClass().getMethods()) {
            if (isOption(method, builder(name))) {
                check(name, method);
                count++;
            }
        }
        assertThat(count).isGreaterThan(0);
    }

    private static void check(String name, Method method) throws Exception {
        Class<?>[] types = method.getParameterTypes();
        Object[] arguments = new Object[types.length];
        for (int i = 0; i < types.length; i++) {
            arguments[i] = sample(types[i], method.getGenericParameterTypes()[i]);
        }
        boolean noGamma = norm(NormFactory.create(name)) instanceof NormLayer norm && !norm.isScale();
        Object special = noGamma && option(method).equals("gammaOffset") ? Double.valueOf(0)
                : name.equals("sync") && option(method).equals("synchronize") ? Boolean.TRUE : SPECIAL.get(option(method));
        List<Object> firsts = special != null ? List.of(special) : types.length > 1 ? List.of(arguments[0])
                : samples(types[0], method.getGenericParameterTypes()[0]);
        for (Object first : firsts) {
            arguments[0] = first;
            Object builder = builder(name);
            method.invoke(builder, arguments);
            Layer expected = (Layer) builder.getClass().getMethod("build").invoke(builder);
            Object value = types.length > 1 ? Arrays.asList(arguments) : first;
            Object json = json(value);
            for (Object given : Arrays.asList(value, json)) {
                String what = name + ": " + method + " with " + given;
                Layer actual = norm(NormFactory.create(name, Map.of(option(method), given)));
                if (actual instanceof BaseLayer layer && List.of("activation", "activationFn").contains(option(method))) {
                    assertThat(layer.getActivationFn()).as(what).isEqualTo(((BaseLayer) expected).getActivationFn());
                } else if (actual instanceof BaseLayer) {
                    ((BaseLayer) expected).setActivationFn(DENSE.getActivationFn());
                }
                assertThat(actual).as(what).isEqualTo(expected);
            }
        }
    }

    private static Object json(Object value) throws Exception {
        if (value instanceof List<?> list) {
            List<Object> all = new ArrayList<>();
            for (Object one : list) {
                all.add(json(one));
            }
            return all;
        }
        return MAPPER.readValue(MAPPER.writeValueAsString(value), Object.class);
    }

    @Test
    void momentumIsTheWeightOfABatchAsInPyTorch() {
        for (String name : List.of("batch", "instance", "switchable", "ghost", "renorm")) {
            NormBlock block = NormFactory.create(name, Map.of("momentum", 0.1));
            assertThat(norm(block).toString()).contains("runningStatistics=" + RunningStatistics.momentum(0.1));
        }
        assertThatThrownBy(() -> NormFactory.create("layer", Map.of("momentum", 0.1)))
                .isExactlyInstanceOf(DL4JInvalidConfigException.class).hasMessageContaining("got \"momentum\"");
    }

    /** Unlike one in a saved model, which goes on with the one count it has. */
    @Test
    void aCumulativePolicyInWordsCountsChannelsApart() {
        NormBlock block = NormFactory.create("batch", Map.of("runningStatistics", Map.of("policy", "cumulative")));
        assertThat(norm(block).toString()).contains("runningStatistics=" + RunningStatistics.cumulative());
    }

    @Test
    void oneConstraintOrSeveralAreTaken() {
        MaxNormConstraint two = new MaxNormConstraint(2, 1);
        Layer expected = new GroupNormalization.Builder(2).constrainGamma(two).gammaRegularization(new L2Regularization(0.1))
                .activation(Activation.RELU).build();
        for (Object constraints : List.of(two, List.of(two), new LayerConstraint[]{two})) {
            for (Object regularization : List.of(new L2Regularization(0.1), List.of(new L2Regularization(0.1)))) {
                for (String option : List.of("constrainGamma", "gammaConstraints")) {
                    assertThat(norm(NormFactory.create("group", Map.of("groups", 2, option, constraints,
                            "gammaRegularization", regularization)))).isEqualTo(expected);
                }
            }
        }
    }

    @Test
    void wordsStandForEnumsActivationsAndUpdaters() {
        assertThat(norm(NormFactory.create("batch", Map.of("activation", "tanh", "dataFormat", "nhwc", "updater", "adam"))))
                .isEqualTo(new BatchNormalization.Builder().activation(Activation.TANH).dataFormat(CNN2DFormat.NHWC)
                        .updater(Updater.ADAM.getIUpdaterWithDefaultConfig()).build());
        assertThat(norm(NormFactory.create("layer", Map.of("dataFormat", "NWC")))).isEqualTo(
                new LayerNormalization.Builder().dataFormat(RNNFormat.NWC).activation(Activation.RELU).build());
    }

    @Test
    void activationAndNameThatAreGivenWinOverThoseOfTheLayer() {
        DenseLayer dense = new DenseLayer.Builder().name("d").nOut(4).activation(Activation.RELU).build();
        List<Layer> block = NormFactory.create("batch", Map.of("activation", Activation.TANH, "name", "mine")).around(dense);
        assertThat(((BaseLayer) block.get(0)).getActivationFn()).isEqualTo(new ActivationIdentity());
        assertThat(((BaseLayer) block.get(1)).getActivationFn()).isEqualTo(Activation.TANH.getActivationFunction());
        assertThat(block.get(1).getLayerName()).isEqualTo("mine");
        DenseLayer none = new DenseLayer.Builder().nOut(4).build();
        assertThat(NormFactory.create("batch", Map.of("activation", "identity")).around(none)).hasSize(2);
    }

    @Test
    void optionsTogetherDoNotDependOnTheOrderOfTheMap() {
        Map<String, Object> one = new LinkedHashMap<>();
        one.put("affine", false);
        one.put("scale", true);
        one.put("groupSize", 2);
        one.put("groups", 4);
        Map<String, Object> other = new LinkedHashMap<>();
        List<String> keys = List.of("groups", "groupSize", "scale", "affine");
        keys.forEach(key -> other.put(key, one.get(key)));
        assertThat(norm(NormFactory.create("group", one))).isEqualTo(norm(NormFactory.create("group", other)))
                .isEqualTo(new GroupNormalization.Builder().groupSize(2).groups(4).groupSize(2).scale(true).center(false)
                        .activation(Activation.RELU).build());
    }

    @Test
    void theTextOfABlockSaysNormAndOptions() {
        assertThat(NormFactory.create("group", Map.of("groups", 2, "eps", 0.5))).hasToString("group(eps=0.5, groups=2)");
        assertThat(NormFactory.create("batch")).hasToString("batch()");
        assertThat(NormFactory.create("spectral", Map.of("warmUp", 3))).hasToString("spectral(warmUp=3)");
    }

    @Test
    void whatAnOptionCannotBeIsRefused() {
        assertRefused("group", Map.of("groups", 2.5), "\"group\"", "int for groups", "groups=2.5");
        assertRefused("batch", Map.of("activation", "swich"), "\"batch\"", "activation=swich");
        assertRefused("batch", Map.of("affine", "perhaps"), "affine=perhaps");
        assertRefused("batch", Map.of("updater", 3), "updater=3");
        assertRefused("renorm", Map.of("schedule", List.of(1, 2)), "schedule", "a list of 3 values");
        assertRefused("spectral", Map.of("activation", "relu"), "expected one of the options [eps, powerIterations, warmUp]");
        assertRefused("rms", Map.of("groups", 2), "expected one of the options", "affine", "got \"groups\"");
    }

    private static void assertRefused(String name, Map<String, Object> options, String... parts) {
        assertThatThrownBy(() -> NormFactory.create(name, options)).isExactlyInstanceOf(DL4JInvalidConfigException.class)
                .hasMessageContainingAll(parts);
    }
}
