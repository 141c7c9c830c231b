// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static io.github.dl4jnorm.conf.NormParameter.LOG10_STDEV;
import static io.github.dl4jnorm.conf.NormParameter.MEAN;
import static io.github.dl4jnorm.conf.NormParameter.VAR;

import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.norm.Parameter;
import java.io.IOException;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What a norm has learned, as arrays with the names that PyTorch's state_dict has for them. */
final class NormArrays {
    static final String RUNNING_MEAN = Parameter.MEAN.pyTorch();
    static final String RUNNING_VARIANCE = Parameter.VAR.pyTorch();
    static final String COUNT = Parameter.BATCHES.pyTorch();
    private static final double LARGEST_HALF = 65504;

    private NormArrays() {
    }

    /** All names there are. */
    static Collection<String> names() {
        return Arrays.stream(Parameter.values()).map(Parameter::pyTorch).toList();
    }

    /** PyTorch's name of a parameter. */
    static String name(NormParameter parameter) {
        return parameter.pyTorch();
    }

    /** Whether a name is that of a kind of parameter, also of a part of the batch. */
    static boolean is(String name, String kind) {
        return name.equals(kind) || name.endsWith("." + kind);
    }

    /** Names of the counts of batches that PyTorch has for running statistics, whether they are needed here or not. */
    static List<String> counts(Collection<String> names) {
        return names.stream().filter(name -> is(name, RUNNING_MEAN)).map(name -> name.replace(RUNNING_MEAN, COUNT)).toList();
    }

    private static double[] each(double[] values, DoubleUnaryOperator function) {
        return Arrays.stream(values).map(function).toArray();
    }

    /** What a layer has learned; variances as they are, whichever way they are stored. */
    static Map<String, double[]> of(NormalizationLayer layer) {
        Map<String, double[]> values = new LinkedHashMap<>();
        for (NormParameter parameter : layer.layerConf().parameters()) {
            INDArray stored = layer.getParam(parameter.name());
            values.put(name(parameter), switch (parameter.name()) {
                case MEAN -> withinRange(layer.runningMean(), stored);
                case VAR -> withinRange(layer.runningVariance(), stored);
                case LOG10_STDEV -> layer.runningVariance();
                default -> parameter.kind() == Parameter.LOG10_STDEV ? each(BatchNormMap.doubles(stored), NormArrays::variance)
                        : BatchNormMap.doubles(stored);
            });
        }
        return values;
    }

    /** In HALF a layer knows its statistics beyond the range of the parameter; a file holds what the parameter can. */
    private static double[] withinRange(double[] values, INDArray stored) {
        return stored.dataType() != DataType.HALF ? values
                : Arrays.stream(values).map(v -> Math.max(-LARGEST_HALF, Math.min(LARGEST_HALF, v))).toArray();
    }

    /** Such values for a file. */
    static INDArray array(String name, double[] values, DataType type) {
        if (!is(name, COUNT)) {
            return Nd4j.createFromArray(values).castTo(type == DataType.DOUBLE ? type : DataType.FLOAT);
        }
        long[] counts = Arrays.stream(values).mapToLong(Math::round).toArray();
        // PyTorch has one number, without a shape. Where channels have seen different numbers of batches, it is to notice.
        return Arrays.stream(counts).distinct().count() == 1 ? Nd4j.scalar(counts[0]) : Nd4j.createFromArray(counts);
    }

    /**
     * Reads values for a layer and checks that its parameter can hold them.
     *
     * @param source   has them
     * @param module   what their name begins with
     * @param name     PyTorch's name of the values
     * @param layer    the layer
     * @param expected how many of them the layer has
     * @throws IOException if they are not what the layer needs
     */
    static double[] read(TensorSource source, String module, String name, NormalizationLayer layer, int expected)
            throws IOException {
        String what = source.what(module + name);
        double[] values = is(name, COUNT) ? source.integers(module + name, expected)
                : BatchNormMap.doubles(source.values(module + name, expected));
        boolean negative = !is(name, COUNT) && !is(name, RUNNING_VARIANCE);
        for (double value : values) {
            if (!Double.isFinite(value) || value < 0 && !negative) {
                throw new IOException(what + ": expected " + (negative ? "finite" : "non-negative") + " numbers, got " + value);
            }
        }
        for (NormParameter parameter : layer.layerConf().parameters()) {
            if (name(parameter).equals(name)) {
                requireRange(values, parameter.kind(), layer.getParam(parameter.name()).dataType(), what);
            }
        }
        return values;
    }

    /** What is stored of a variance by {@link NormParameter#LOG10_STDEV}. */
    static double log10Stdev(double variance) {
        return Math.log10(Math.max(variance, Double.MIN_NORMAL)) / 2;
    }

    /** Reverses {@link #log10Stdev}. */
    static double variance(double log10Stdev) {
        return Math.pow(10, 2 * log10Stdev);
    }

    private static void requireRange(double[] values, Parameter parameter, DataType type, String what) throws IOException {
        boolean log = parameter == Parameter.LOG10_STDEV;
        double[] given = log ? each(values, NormArrays::log10Stdev) : values;
        double[] stored = BatchNormMap.doubles(Nd4j.createFromArray(given).castTo(type));
        for (int i = 0; i < values.length; i++) {
            if (!Double.isFinite(log ? variance(stored[i]) : stored[i])) {
                throw new IOException(what + ": expected numbers within the range of " + type + ", got " + values[i]);
            }
        }
    }

    /** Gives a layer what was read for it. */
    static void set(NormalizationLayer layer, Map<String, double[]> values) {
        for (NormParameter parameter : layer.layerConf().parameters()) {
            double[] given = values.get(name(parameter));
            boolean statistics = name(parameter).equals(RUNNING_MEAN) || name(parameter).equals(RUNNING_VARIANCE);
            if (given != null && !statistics) {
                INDArray target = layer.getParam(parameter.name());
                if (parameter.kind() == Parameter.LOG10_STDEV) {
                    given = each(given, NormArrays::log10Stdev);
                }
                if (given.length < target.length()) {
                    target.assign(given[0]);
                } else {
                    target.assign(Nd4j.createFromArray(given).castTo(target.dataType()).reshape(target.shape()));
                }
            }
        }
        if (values.containsKey(RUNNING_MEAN) || values.containsKey(RUNNING_VARIANCE)) {
            layer.setRunningStatistics(values.getOrDefault(RUNNING_MEAN, layer.runningMean()),
                    values.getOrDefault(RUNNING_VARIANCE, layer.runningVariance()));
        }
    }
}
