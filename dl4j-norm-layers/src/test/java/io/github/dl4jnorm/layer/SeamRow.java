// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.github.dl4jnorm.conf.ConditionedNorm;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.SelfAttention;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BaseRecurrentLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationTanH;

/**
 * A row of the table of seams: a layer, vertex or wrapper of the library with some options.
 *
 * @param name   what to call it
 * @param option the option that is not at its default, or null
 * @param kind   the input of its networks
 * @param conf   a {@link Layer} or a {@link ConditionedNorm}, never changed
 */
record SeamRow(String name, String option, Kind kind, Object conf) {
    /** Set by the layers themselves. */
    private static final Set<String> FOUND = Set.of("channelsLast", "channelsLastFixed", "dense");
    private static final String CONF = NormLayer.class.getPackageName();
    private static final List<SeamRow> ALL = find();

    /** Every norm of the factory, by its name, and every other layer, vertex and wrapper there is, with their defaults. */
    static List<SeamRow> all() {
        return ALL.stream().filter(row -> row.option == null).toList();
    }

    /** Every norm with each of its switches the other way. */
    static List<SeamRow> otherOptions() {
        return ALL.stream().filter(row -> row.option != null).toList();
    }

    /** The norms of the factory, with their defaults. */
    static List<SeamRow> norms() {
        return all().stream().filter(row -> row.isNorm() && NormFactory.names().contains(row.name)).toList();
    }

    private static List<SeamRow> find() {
        List<SeamRow> rows = new ArrayList<>();
        Set<Class<?>> seen = new LinkedHashSet<>();
        for (String name : NormFactory.names()) {
            add(rows, name, last(NormFactory.create(name).around(convolution())));
            seen.add(rows.get(rows.size() - 1).conf.getClass());
        }
        for (JavaClass type : new ClassFileImporter().withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages(CONF)) {
            if (isRow(type) && seen.add(type.reflect())) {
                add(rows, type.getSimpleName(), make(type.reflect()));
            }
        }
        return rows;
    }

    private static boolean isRow(JavaClass type) {
        return !type.getModifiers().contains(JavaModifier.ABSTRACT)
                && (type.isAssignableTo(Layer.class) || type.isAssignableTo(ConditionedNorm.class));
    }

    private static Object make(Class<?> type) {
        try {
            return type.getConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(type + ": expected a constructor without arguments, as JSON needs one", e);
        }
    }

    private static void add(List<SeamRow> rows, String name, Object conf) {
        if (conf instanceof NormLayer norm) {
            NormLayer small = small(norm);
            rows.add(new SeamRow(name, null, Kind.CNN_FIRST, small));
            for (Field option : switches(norm.getClass())) {
                rows.add(new SeamRow(name, option.getName() + " " + !is(option, norm), Kind.CNN_FIRST,
                        flip(option, small.clone())));
            }
            NormLayer shifted = small.clone();
            shifted.setGammaOffset(1);
            shifted.setGammaInit(small.getGammaInit() - 1);
            if (shifted.parameters().stream().anyMatch(parameter -> parameter.name().equals(NormParameter.GAMMA))) {
                rows.add(new SeamRow(name, "gammaOffset 1", Kind.CNN_FIRST, shifted));
            }
        } else if (conf instanceof Reparameterization wrapper) {
            for (BaseLayer inside : List.of(dense(), convolution(), lstm())) {
                rows.add(new SeamRow(name + " around " + inside.getClass().getSimpleName(), null,
                        inside instanceof DenseLayer ? Kind.DENSE : inside instanceof LSTM ? Kind.RNN_FIRST : Kind.CNN_FIRST,
                        wrapper.around(inside)));
            }
        } else if (conf instanceof ConditionedNorm norm) {
            rows.add(new SeamRow(name, null, Kind.CNN_FIRST, conf));
            for (Field option : switches(norm.getClass())) {
                rows.add(new SeamRow(name, option.getName() + " " + !is(option, norm), Kind.CNN_FIRST,
                        flip(option, norm.clone())));
            }
        } else if (conf instanceof BaseRecurrentLayer recurrent) {
            recurrent.setNOut(Kind.CHANNELS);
            recurrent.setActivationFn(new ActivationTanH());
            rows.add(new SeamRow(name, null, Kind.RNN_FIRST, recurrent));
        } else if (conf instanceof SelfAttention attention) {
            attention.setNOut(Kind.CHANNELS);
            rows.add(new SeamRow(name, null, Kind.RNN_FIRST, attention));
        } else {
            throw new AssertionError("the table of seams knows no network for " + conf);
        }
    }

    /** Whole numbers (groups, examples of a part) small enough for the networks here. */
    private static NormLayer small(NormLayer norm) {
        NormLayer small = norm.clone();
        small.setActivationFn(new ActivationIdentity());
        for (Field option : options(norm.getClass(), int.class)) {
            try {
                if (option.getInt(small) > Kind.CHANNELS) {
                    option.setInt(small, 2);
                }
            } catch (IllegalAccessException e) {
                throw new AssertionError(e);
            }
        }
        return small;
    }

    private static List<Field> switches(Class<?> type) {
        return options(type, boolean.class).stream().filter(option -> !FOUND.contains(option.getName())).toList();
    }

    private static List<Field> options(Class<?> type, Class<?> of) {
        List<Field> options = new ArrayList<>();
        for (Class<?> declaring = type; declaring.getPackageName().equals(CONF); declaring = declaring.getSuperclass()) {
            for (Field field : declaring.getDeclaredFields()) {
                if (field.getType() == of && !Modifier.isStatic(field.getModifiers())) {
                    field.setAccessible(true);
                    options.add(field);
                }
            }
        }
        return options;
    }

    private static boolean is(Field option, Object norm) {
        try {
            return option.getBoolean(norm);
        } catch (IllegalAccessException e) {
            throw new AssertionError(e);
        }
    }

    private static <T> T flip(Field option, T norm) {
        try {
            option.setBoolean(norm, !option.getBoolean(norm));
        } catch (IllegalAccessException e) {
            throw new AssertionError(e);
        }
        return norm;
    }

    private static BaseLayer dense() {
        return new DenseLayer.Builder().nOut(Kind.CHANNELS).activation(Activation.IDENTITY).build();
    }

    private static BaseLayer convolution() {
        return new ConvolutionLayer.Builder(2, 2).nOut(Kind.CHANNELS).activation(Activation.IDENTITY)
                .convolutionMode(ConvolutionMode.Same).build();
    }

    private static BaseLayer lstm() {
        return new LSTM.Builder().nOut(Kind.CHANNELS).activation(Activation.TANH).build();
    }

    private static Layer last(List<Layer> layers) {
        return layers.get(layers.size() - 1);
    }

    boolean isNorm() {
        return conf instanceof NormLayer;
    }

    boolean isVertex() {
        return conf instanceof ConditionedNorm;
    }

    /** Whether it can stand where this kind of input is; only norms of their own are asked. */
    boolean takes(Kind other) {
        return !isNorm() ? other == kind : norm().plan(NormCases.shape(other, 1, 1).length) != null;
    }

    NormLayer norm() {
        return ((NormLayer) conf).clone();
    }

    /** The class that messages may name. */
    String type() {
        return conf.getClass().getSimpleName();
    }

    SeamNet net() {
        return net(UnaryOperator.identity());
    }

    SeamNet net(UnaryOperator<NeuralNetConfiguration.Builder> options) {
        return net(kind, options);
    }

    SeamNet net(Kind other, UnaryOperator<NeuralNetConfiguration.Builder> options) {
        return SeamNet.of(this, other, options);
    }

    /** In front of it in a network: no activation, so that a norm may be folded into it. */
    FeedForwardLayer before(Kind other) {
        FeedForwardLayer before = (FeedForwardLayer) other.before();
        if (!other.rnn()) {
            before.setActivationFn(new ActivationIdentity());
        }
        return before;
    }

    Layer layer() {
        return ((Layer) conf).clone();
    }

    @Override
    public String toString() {
        return option == null ? name : name + ", " + option;
    }
}
