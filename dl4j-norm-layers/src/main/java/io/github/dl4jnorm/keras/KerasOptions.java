// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.constraint.BaseConstraint;
import org.deeplearning4j.nn.modelimport.keras.config.KerasLayerConfiguration;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.utils.KerasConstraintUtils;
import org.nd4j.linalg.learning.regularization.L1Regularization;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;

/** The options of a Keras layer, as its configuration has them. */
final class KerasOptions {
    private final String className;
    private final String name;
    private final Map<String, Object> layer;
    private final Map<String, Object> options;

    @SuppressWarnings("unchecked")
    KerasOptions(String className, String name, Map<String, Object> layer) {
        this.className = className;
        this.name = name;
        this.layer = layer;
        options = (Map<String, Object>) layer.get("config");
    }

    UnsupportedKerasConfigurationException unsupported(String option, Object value, String why) {
        return new UnsupportedKerasConfigurationException("Keras layer " + className + " \"" + name + "\": option " + option
                + " = " + value + " is not supported: " + why);
    }

    InvalidKerasConfigurationException invalid(String expected, Object actual) {
        return new InvalidKerasConfigurationException("Keras layer " + className + " \"" + name + "\": expected " + expected
                + ", got " + actual);
    }

    Object get(String option) {
        return options.get(option);
    }

    boolean flag(String option, boolean fallback) throws InvalidKerasConfigurationException {
        Object value = options.getOrDefault(option, fallback);
        if (!(value instanceof Boolean)) {
            throw invalid("true or false for " + option, value);
        }
        return (Boolean) value;
    }

    double number(String option, double fallback) throws InvalidKerasConfigurationException {
        Object value = options.getOrDefault(option, fallback);
        if (!(value instanceof Number number)) {
            throw invalid("a number for " + option, value);
        }
        return number.doubleValue();
    }

    /** One or several numbers, which Keras 3 may write as an array of NumPy. */
    double[] numbers(String option, double fallback)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        Object given = options.getOrDefault(option, fallback);
        if (given instanceof Map<?, ?> array && array.get("config") instanceof Map<?, ?> config) {
            given = config.get("value");
        }
        List<?> several = given instanceof List<?> list ? list : Collections.singletonList(given);
        double[] numbers = new double[several.size()];
        for (int i = 0; i < numbers.length; i++) {
            if (!(several.get(i) instanceof Number number)) {
                throw unsupported(option, given, "expected a number, or one for each channel");
            }
            numbers[i] = number.doubleValue();
        }
        return numbers;
    }

    int integer(String option, int fallback) throws InvalidKerasConfigurationException {
        double value = number(option, fallback);
        if (value != Math.rint(value)) {
            throw invalid("an integer for " + option, value);
        }
        return (int) value;
    }

    /** One or several axes, from 1 on. */
    List<Integer> axes(int rank) throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        Object given = options.getOrDefault("axis", -1);
        List<Integer> axes = new ArrayList<>();
        for (Object axis : given instanceof List<?> several ? several : Collections.singletonList(given)) {
            if (!(axis instanceof Integer index)) {
                throw unsupported("axis", given, "expected an integer or a list of integers");
            }
            int positive = index < 0 ? index + rank : index;
            if (positive < 1 || positive >= rank || axes.contains(positive)) {
                throw unsupported("axis", given, "expected distinct axes of input of rank " + rank + ", without the batch axis");
            }
            axes.add(positive);
        }
        return axes;
    }

    /** The axis of the channels, the first or the last one behind that of the examples. */
    boolean channelsLast(int rank) throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        List<Integer> axes = axes(rank);
        if (axes.size() != 1 || axes.get(0) != 1 && axes.get(0) != rank - 1) {
            throw unsupported("axis", options.get("axis"), "expected the channel axis, either 1 or the last one");
        }
        return axes.get(0) == rank - 1;
    }

    /** What an initializer gives, if that is one number. */
    double initializer(String option, double fallback)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        Object given = options.get(option);
        String kind = given instanceof Map<?, ?> map ? String.valueOf(map.get("class_name")) : String.valueOf(given);
        return switch (kind) {
            case "null" -> fallback;
            case "Ones", "ones", "one" -> 1;
            case "Zeros", "zeros", "zero" -> 0;
            case "Constant", "constant" -> new KerasOptions(className, name, nested(option)).number("value", 0);
            default -> throw unsupported(option, kind, "expected Ones, Zeros or Constant");
        };
    }

    Regularization[] regularizer(String option)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        Object given = options.get(option);
        if (given == null) {
            return new Regularization[0];
        }
        String kind = given instanceof Map<?, ?> map ? String.valueOf(map.get("class_name")) : String.valueOf(given);
        if (!List.of("L1", "L2", "L1L2", "l1", "l2", "l1_l2").contains(kind) || !(given instanceof Map)) {
            throw unsupported(option, kind, "expected L1, L2 or L1L2 with their factors");
        }
        KerasOptions factors = new KerasOptions(className, name, nested(option));
        List<Regularization> found = new ArrayList<>();
        if (factors.number("l1", 0) != 0) {
            found.add(new L1Regularization(factors.number("l1", 0)));
        }
        if (factors.number("l2", 0) != 0) {
            // The penalty is l2·Σw² in Keras, l2/2·Σw² in Deeplearning4j.
            found.add(new L2Regularization(2 * factors.number("l2", 0)));
        }
        return found.toArray(new Regularization[0]);
    }

    LayerConstraint[] constraint(String option, KerasLayerConfiguration conf)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        if (options.get(option) == null) {
            return new LayerConstraint[0];
        }
        if (!(options.get(option) instanceof Map)) {
            throw unsupported(option, options.get(option), "expected a constraint with its configuration");
        }
        Map<String, Object> copy = new HashMap<>(layer);
        Map<String, Object> own = new HashMap<>(options);
        own.put(option, new HashMap<>(nested(option)));
        copy.put("config", own);
        LayerConstraint constraint;
        try {
            constraint = KerasConstraintUtils.getConstraintsFromConfig(copy, option, conf, 2);
        } catch (UnsupportedKerasConfigurationException e) {
            throw unsupported(option, nested(option).get("class_name"), e.getMessage());
        }
        if (constraint instanceof BaseConstraint base) {
            // Deeplearning4j's utility skips an axis, which is right for kernels alone.
            base.setDimensions(new int[]{0});
        }
        return new LayerConstraint[]{constraint};
    }

    /** The options that are the value of one. */
    KerasOptions inner(String option) throws InvalidKerasConfigurationException {
        if (!(options.get(option) instanceof Map)) {
            throw invalid("a map for " + option, options.get(option));
        }
        return new KerasOptions(className, name, Map.of("config", nested(option)));
    }

    @SuppressWarnings("unchecked")
    private Map<String, Object> nested(String option) {
        return (Map<String, Object>) options.get(option);
    }
}
