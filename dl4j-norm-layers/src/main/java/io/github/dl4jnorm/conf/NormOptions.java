// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.Updater;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * The options of a builder by name: every method that returns the builder, and every setter. Values are those the methods take,
 * or what stands for them in JSON: a string for an enum, a list for several arguments, a map with {@code @class} for an object.
 */
final class NormOptions {
    /** The weight of a batch in the running statistics, as PyTorch has it. */
    private static final String MOMENTUM = "momentum";

    /** Without regard to case, so that {@code groups} comes before {@code groupSize}, which takes its place. */
    private static final Comparator<String> ORDER =
            String.CASE_INSENSITIVE_ORDER.thenComparing(Comparator.naturalOrder());

    private final String norm;
    private final Object builder;
    private final Map<String, List<Method>> methods = new TreeMap<>(ORDER);

    NormOptions(String norm, Object builder) {
        this.norm = norm;
        this.builder = builder;
        List<Method> all = new ArrayList<>(Arrays.asList(builder.getClass().getMethods()));
        // Those of the builder before setters, which may leave undone what belongs to an option.
        all.sort(Comparator.comparing((Method method) -> isSetter(method)).thenComparing(Method::toString));
        for (Method method : all) {
            if (isSetter(method) || isOption(method)) {
                methods.computeIfAbsent(name(method), key -> new ArrayList<>()).add(method);
            }
        }
    }

    private static boolean isSetter(Method method) {
        return method.getName().matches("set[A-Z].*") && method.getReturnType() == void.class
                && method.getParameterCount() == 1;
    }

    private boolean isOption(Method method) {
        return method.getParameterCount() > 0 && method.getReturnType() != Object.class && !method.isBridge()
                && !Modifier.isStatic(method.getModifiers()) && method.getReturnType().isInstance(builder);
    }

    private static String name(Method method) {
        String name = isSetter(method) ? method.getName().substring(3) : method.getName();
        return name.substring(0, 1).toLowerCase(Locale.ROOT) + name.substring(1);
    }

    /** {@return the names of all options} */
    Set<String> names() {
        Set<String> names = new TreeSet<>(methods.keySet());
        if (builder instanceof RunningNormBuilder) {
            names.add(MOMENTUM);
        }
        return names;
    }

    /** Sets options, in an order that does not depend on the map, and returns those that the builder does not have. */
    Map<String, Object> set(Map<String, ?> options) {
        Map<String, Object> others = new TreeMap<>(ORDER);
        ordered(options).forEach((name, value) -> {
            if (MOMENTUM.equals(name) && builder instanceof RunningNormBuilder<?, ?> running) {
                running.runningStatistics(RunningStatistics.momentum((double) converted(name, value, double.class)));
            } else if (methods.containsKey(name)) {
                set(name, value);
            } else {
                others.put(name, value);
            }
        });
        return others;
    }

    private void set(String name, Object value) {
        List<String> reasons = new ArrayList<>();
        for (boolean exactly : new boolean[]{true, false}) {
            for (Method method : methods.get(name)) {
                Object[] arguments;
                try {
                    arguments = arguments(method, value, exactly);
                } catch (IllegalArgumentException e) {
                    reasons.add(e.getMessage());
                    continue;
                }
                if (arguments != null) {
                    call(method, arguments);
                    return;
                }
            }
        }
        throw refused(name, value, String.join(" or ", types(name)), reasons.isEmpty() ? "" : " (" + reasons.get(0) + ")");
    }

    private List<String> types(String name) {
        return methods.get(name).stream().map(method -> Arrays.toString(method.getGenericParameterTypes())
                .replaceAll("[a-z0-9]+\\.|^\\[|]$|class |interface ", "").replace('$', '.')).distinct().toList();
    }

    private DL4JInvalidConfigException refused(String name, Object value, Object types, String why) {
        return new DL4JInvalidConfigException("Normalization \"" + norm + "\": expected a value of type " + types + " for "
                + name + ", got " + name + "=" + text(value) + why);
    }

    private void call(Method method, Object[] arguments) {
        try {
            method.invoke(builder, arguments);
        } catch (InvocationTargetException e) {
            throw new DL4JInvalidConfigException("Normalization \"" + norm + "\": " + name(method) + ": "
                    + e.getCause().getMessage(), e.getCause());
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Arguments made of a value, or null if they have to be exactly of the types and are not. */
    private Object[] arguments(Method method, Object value, boolean exactly) {
        Class<?>[] types = method.getParameterTypes();
        Type[] generic = method.getGenericParameterTypes();
        if (types.length > 1) {
            if (!(value instanceof Collection<?> several) || several.size() != types.length) {
                throw new IllegalArgumentException("expected a list of " + types.length + " values");
            }
            Object[] arguments = several.toArray();
            Arrays.setAll(arguments, i -> converted(arguments[i], types[i], generic[i]));
            return exactly ? null : arguments;
        }
        if (exactly) {
            return types[0].isInstance(value) && !(value instanceof Collection) ? new Object[]{value} : null;
        }
        return new Object[]{converted(value, types[0], generic[0])};
    }

    private Object converted(String name, Object value, Class<?> type) {
        try {
            return converted(value, type, type);
        } catch (IllegalArgumentException e) {
            throw refused(name, value, type, "");
        }
    }

    private static Object converted(Object value, Class<?> type, Type generic) {
        if (value == null) {
            if (type.isPrimitive()) {
                throw new IllegalArgumentException("null");
            }
            return null;
        }
        if (type.isArray()) {
            Object[] elements = elements(value);
            Object array = Array.newInstance(type.getComponentType(), elements.length);
            for (int i = 0; i < elements.length; i++) {
                Array.set(array, i, converted(elements[i], type.getComponentType(), type.getComponentType()));
            }
            return array;
        }
        if (type.isInstance(value) && !(value instanceof Collection)) {
            return value;
        }
        if (type.isEnum()) {
            return Arrays.stream(type.getEnumConstants()).filter(one -> one.toString().equalsIgnoreCase(value.toString()))
                    .findFirst().orElseThrow(() -> new IllegalArgumentException("expected one of "
                            + Arrays.toString(type.getEnumConstants())));
        }
        if (type == IActivation.class && (value instanceof Activation || value instanceof String)) {
            return ((Activation) converted(value, Activation.class, Activation.class)).getActivationFunction();
        }
        if (type == IUpdater.class && (value instanceof Updater || value instanceof String)) {
            return ((Updater) converted(value, Updater.class, Updater.class)).getIUpdaterWithDefaultConfig();
        }
        if ((type == int.class || type == long.class) && value instanceof Number number
                && number.doubleValue() != Math.rint(number.doubleValue())) {
            throw new IllegalArgumentException("expected an integer");
        }
        if (type == List.class && generic instanceof ParameterizedType list) {
            // One by one: as a whole, its elements would lose their classes.
            Class<?> element = (Class<?>) list.getActualTypeArguments()[0];
            return new ArrayList<>(Arrays.stream(elements(value)).map(one -> converted(one, element, element)).toList());
        }
        ObjectMapper mapper = NeuralNetConfiguration.mapper();
        Object made = mapper.convertValue(value, mapper.constructType(generic));
        // What is written down here is new; in a saved model, a policy that says no more has one count for all channels.
        return made instanceof RunningStatistics policy && policy.cumulativeMean()
                ? RunningStatistics.cumulative().unbiased(policy.unbiased()) : made;
    }

    /** One value or several. */
    private static Object[] elements(Object value) {
        return value instanceof Collection<?> several ? several.toArray() : value instanceof Object[] array ? array
                : new Object[]{value};
    }

    /** The norm with its options, such as {@code group(groups=8)}. */
    static String text(String norm, Map<String, ?> options) {
        return ordered(options).entrySet().stream().map(option -> option.getKey() + "=" + text(option.getValue()))
                .collect(Collectors.joining(", ", norm + "(", ")"));
    }

    private static Map<String, Object> ordered(Map<String, ?> options) {
        Map<String, Object> ordered = new TreeMap<>(ORDER);
        ordered.putAll(options);
        return ordered;
    }

    private static String text(Object value) {
        return value instanceof Object[] array ? Arrays.deepToString(array) : String.valueOf(value);
    }
}
