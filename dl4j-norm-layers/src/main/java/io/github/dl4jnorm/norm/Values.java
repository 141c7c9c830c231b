// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.DoubleStream;

/** Numbers by {@link Parameter}: what a pass is given, and the gradients it gives back. */
public final class Values {
    private final Map<Parameter, double[]> all = new EnumMap<>(Parameter.class);

    /** No values. */
    public Values() {
    }

    /**
     * Sets the values of a parameter.
     *
     * @param parameter the parameter
     * @param values    its values, or null for none
     * @return this
     */
    public Values set(Parameter parameter, double[] values) {
        if (values == null) {
            all.remove(parameter);
        } else {
            all.put(parameter, values);
        }
        return this;
    }

    /**
     * Sets the values of a parameter, or adds others behind those that it has.
     *
     * @param parameter the parameter
     * @param more      the values
     */
    public void append(Parameter parameter, double[] more) {
        all.merge(parameter, more, (values, others) -> DoubleStream.concat(Arrays.stream(values), Arrays.stream(others))
                .toArray());
    }

    /**
     * Sets some of the values of each parameter; the others are 0 where there were none.
     *
     * @param some   the values
     * @param from   index of the first
     * @param length how many values each parameter has
     */
    public void set(Values some, int from, int length) {
        some.all.forEach((parameter, values) -> System.arraycopy(values, 0,
                all.computeIfAbsent(parameter, key -> new double[length]), from, values.length));
    }

    /**
     * Adds a number to all values of a parameter.
     *
     * @param parameter the parameter; nothing happens if it has no values
     * @param offset    the number
     */
    public void shift(Parameter parameter, double offset) {
        if (offset != 0) {
            all.computeIfPresent(parameter, (key, values) -> Arrays.stream(values).map(value -> offset + value).toArray());
        }
    }

    /** {@return other values that begin as these} */
    public Values copy() {
        Values copy = new Values();
        copy.all.putAll(all);
        return copy;
    }

    /**
     * The values of a parameter.
     *
     * @param parameter the parameter
     * @return its values, or null if it has none
     */
    public double[] get(Parameter parameter) {
        return all.get(parameter);
    }

    /**
     * Whether a parameter has values.
     *
     * @param parameter the parameter
     * @return whether there are any
     */
    public boolean has(Parameter parameter) {
        return all.containsKey(parameter);
    }

    /**
     * Some of the values of each parameter.
     *
     * @param from first index
     * @param to   index after the last one
     * @return others
     */
    public Values range(int from, int to) {
        Values some = new Values();
        all.forEach((parameter, values) -> some.set(parameter, Arrays.copyOfRange(values, from, to)));
        return some;
    }

    /**
     * Adds other values to these, parameter by parameter.
     *
     * @param others values of the same lengths; they may become these
     */
    public void add(Values others) {
        others.all.forEach((parameter, more) -> all.merge(parameter, more, (sum, values) -> {
            double[] total = sum.clone();
            Arrays.setAll(total, i -> sum[i] + values[i]);
            return total;
        }));
    }
}
