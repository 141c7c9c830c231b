// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;

/**
 * The formulas of the ONNX operator documentation, element by element, in double. A function from the indices of an element
 * tells which elements are averaged together, another which number of a parameter belongs to it.
 *
 * @param x     numbers in C order
 * @param shape their shape
 */
record OnnxReference(double[] x, long[] shape) {

    long[] indices(int element) {
        long[] indices = new long[shape.length];
        for (int axis = shape.length - 1; axis >= 0; axis--) {
            indices[axis] = element % shape[axis];
            element /= (int) shape[axis];
        }
        return indices;
    }

    /** Elements that agree in all axes but these are averaged together. */
    Function<long[], Object> over(int... axes) {
        return indices -> {
            long[] rest = indices.clone();
            for (int axis : axes) {
                rest[axis] = -1;
            }
            return Arrays.toString(rest);
        };
    }

    int[] from(int axis) {
        return IntStream.range(axis, shape.length).toArray();
    }

    /** Index of an element among those from an axis on. */
    ToIntFunction<long[]> within(int axis) {
        return indices -> {
            int index = 0;
            for (int i = axis; i < shape.length; i++) {
                index = index * (int) shape[i] + (int) indices[i];
            }
            return index;
        };
    }

    /** For each element, the mean over all that belong together with it. */
    double[] mean(double[] values, Function<long[], Object> set) {
        Map<Object, double[]> sums = new HashMap<>();
        for (int i = 0; i < values.length; i++) {
            double[] sum = sums.computeIfAbsent(set.apply(indices(i)), key -> new double[2]);
            sum[0] += values[i];
            sum[1]++;
        }
        double[] means = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            double[] sum = sums.get(set.apply(indices(i)));
            means[i] = sum[0] / sum[1];
        }
        return means;
    }

    double[] variance(Function<long[], Object> set) {
        double[] mean = mean(x, set);
        double[] squares = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            squares[i] = (x[i] - mean[i]) * (x[i] - mean[i]);
        }
        return mean(squares, set);
    }

    /** y = scale·(x − mean)/√(variance + epsilon) + bias. */
    double[] standardized(Function<long[], Object> set, double epsilon, double[] scale, double[] bias,
                          ToIntFunction<long[]> parameter) {
        double[] mean = mean(x, set);
        double[] variance = variance(set);
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            int p = parameter.applyAsInt(indices(i));
            y[i] = scale[p] * (x[i] - mean[i]) / Math.sqrt(variance[i] + epsilon) + (bias == null ? 0 : bias[p]);
        }
        return y;
    }

    /** InvStdDev of layer normalization, one number for each set, in their order. */
    double[] first(double[] perElement, Function<long[], Object> set) {
        Map<Object, Double> found = new LinkedHashMap<>();
        for (int i = 0; i < perElement.length; i++) {
            found.putIfAbsent(set.apply(indices(i)), perElement[i]);
        }
        return found.values().stream().mapToDouble(Double::doubleValue).toArray();
    }

    double[] inverseDeviation(Function<long[], Object> set, double epsilon) {
        return Arrays.stream(variance(set)).map(variance -> 1 / Math.sqrt(variance + epsilon)).toArray();
    }

    double[] instance(double[] scale, double[] bias, double epsilon) {
        return standardized(over(from(2)), epsilon, scale, bias, indices -> (int) indices[1]);
    }

    /** Scaled by group before operator set 21, by channel since. */
    double[] group(int groups, double[] scale, double[] bias, double epsilon, boolean byGroup) {
        int size = (int) shape[1] / groups;
        return standardized(indices -> List.of(indices[0], indices[1] / size), epsilon, scale, bias,
                indices -> (int) indices[1] / (byGroup ? size : 1));
    }

    double[] layer(int axis, double[] scale, double[] bias, double epsilon) {
        return standardized(over(from(axis)), epsilon, scale, bias, within(axis));
    }

    double[] rms(int axis, double[] scale, double epsilon) {
        double[] meanSquare = mean(Arrays.stream(x).map(value -> value * value).toArray(), over(from(axis)));
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            y[i] = scale[within(axis).applyAsInt(indices(i))] * x[i] / Math.sqrt(meanSquare[i] + epsilon);
        }
        return y;
    }

    double[] batch(double[] scale, double[] bias, double[] mean, double[] variance, double epsilon) {
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            int c = channel(i);
            y[i] = scale[c] * (x[i] - mean[c]) / Math.sqrt(variance[c] + epsilon) + bias[c];
        }
        return y;
    }

    /** A single dimension counts as N examples of one channel. */
    int channel(int element) {
        return shape.length == 1 ? 0 : (int) indices(element)[1];
    }

    /** A number for each channel of what is the same for all of its elements. */
    double[] byChannel(double[] perElement) {
        double[] channels = new double[shape.length == 1 ? 1 : (int) shape[1]];
        for (int i = 0; i < perElement.length; i++) {
            channels[channel(i)] = perElement[i];
        }
        return channels;
    }

    Function<long[], Object> channels() {
        return indices -> shape.length == 1 ? 0L : indices[1];
    }

    /** y = (x − E[x])/(√(E[x²] − E[x]²) + 1e-9). */
    double[] meanVariance(int... axes) {
        double[] mean = mean(x, over(axes));
        double[] meanSquare = mean(Arrays.stream(x).map(value -> value * value).toArray(), over(axes));
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            y[i] = (x[i] - mean[i]) / (Math.sqrt(Math.max(0, meanSquare[i] - mean[i] * mean[i])) + 1e-9);
        }
        return y;
    }

    double[] lp(int axis, int p) {
        double[] powers = mean(Arrays.stream(x).map(value -> Math.pow(Math.abs(value), p)).toArray(), over(axis));
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            double length = Math.pow(powers[i] * shape[axis], 1.0 / p);
            y[i] = length == 0 ? 0 : x[i] / length;
        }
        return y;
    }
}
