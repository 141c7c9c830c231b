// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.norm.Parameter;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Checks the inputs of an operation as far as their shapes are known: an unknown shape is null, an unknown size −1. */
final class NormChecks {
    private static final List<DataType> TYPES = List.of(DataType.FLOAT, DataType.DOUBLE, DataType.HALF);
    private static final List<String> WEIGHTS = List.of(Parameter.MEAN_WEIGHT.key(), Parameter.VAR_WEIGHT.key());
    static final int MAX_RANK = 5;

    private final NormSpec spec;
    private final List<long[]> shapes;

    private NormChecks(NormSpec spec, List<long[]> shapes) {
        this.spec = spec;
        this.shapes = shapes;
    }

    static void arrays(NormSpec spec, List<INDArray> inputs) {
        check(spec, inputs.stream().map(INDArray::shape).toList(), inputs.stream().map(INDArray::dataType).toList());
    }

    static void variables(NormSpec spec, List<SDVariable> inputs) {
        check(spec, Arrays.asList(inputs.stream().map(SDVariable::getShape).toArray(long[][]::new)),
                inputs.stream().map(SDVariable::dataType).toList());
    }

    private static void check(NormSpec spec, List<long[]> shapes, List<DataType> types) {
        NormChecks checks = new NormChecks(spec, shapes);
        checks.options();
        checks.types(types);
        if (spec.axes() != null) {
            checks.axes();
            return;
        }
        long channels = checks.input();
        checks.residual(types);
        for (int i = spec.arrays(); i < shapes.size(); i++) {
            checks.vector(i, channels);
        }
        checks.weights();
    }

    private void options() {
        require(spec.eps() >= 0 && Double.isFinite(spec.eps()), () -> "eps >= 0, got " + spec.eps());
        require(Double.isFinite(spec.gammaOffset()) && (spec.gamma() || spec.gammaOffset() == 0),
                () -> "a finite gammaOffset, and 0 without a gamma, got " + spec.gammaOffset());
        require(spec.groups() >= 1, () -> "groups >= 1, got " + spec.groups());
    }

    private void types(List<DataType> types) {
        for (int i = 0; i < types.size(); i++) {
            DataType type = types.get(i);
            String input = spec.name(i);
            require(TYPES.contains(type), () -> input + " of type FLOAT, DOUBLE or HALF, got " + type);
        }
    }

    /** Checks axes, and whether gamma and beta have the sizes of theirs, if the rank of x is known. */
    private void axes() {
        long[] x = shapes.get(0);
        if (x == null) {
            return;
        }
        String problem = spec.axes().problem(x.length);
        require(problem == null, () -> problem);
        notEmpty(x);
        long[] expected = spec.axes().of(x.length).featureShape(x);
        for (int i = 1; i < shapes.size(); i++) {
            String input = spec.name(i);
            require(alike(shapes.get(i), expected), () -> input + " of shape " + Arrays.toString(expected)
                    + ", the sizes of featureAxes " + Arrays.toString(spec.axes().features()));
        }
    }

    private void notEmpty(long[] x) {
        require(Arrays.stream(x).noneMatch(size -> size == 0), () -> "at least one example and position, got none");
    }

    /** Whether two shapes are the same, as far as they are known. */
    private static boolean alike(long[] one, long[] other) {
        return one == null || other == null || one.length == other.length
                && IntStream.range(0, one.length).allMatch(i -> one[i] == other[i] || one[i] < 0 || other[i] < 0);
    }

    /** Checks x and gives its channels, or −1. */
    private long input() {
        long[] x = shapes.get(0);
        if (x == null) {
            return -1;
        }
        require(x.length >= definition().minRank() && x.length <= MAX_RANK,
                () -> "rank " + definition().minRank() + " to " + MAX_RANK + ", got rank " + x.length
                        + (x.length == 2 ? " (each statistic would cover a single element; use layerNorm)" : ""));
        require(spec.layout() != null || x.length == 2, () -> "a layout for rank 3 and higher, "
                + "got none (call layout(Layout.CHANNELS_LAST) first if the channels are the last axis, as in [N, T, D], or "
                + "layout(Layout.CHANNELS_FIRST) if they are dimension 1, as in [N, C, T])");
        notEmpty(x);
        int axis = spec.channelAxis(x.length);
        require(x[axis] < 0 || x[axis] % spec.groups() == 0,
                () -> "a number of channels divisible by groups = " + spec.groups() + ", got " + x[axis]
                        + " in dimension " + axis);
        return x[axis];
    }

    private void residual(List<DataType> types) {
        if (spec.residual()) {
            require(types.get(1) == types.get(0), () -> "x and residual of the same type, got " + types.get(0) + " and "
                    + types.get(1));
            require(alike(shapes.get(0), shapes.get(1)), () -> "x and residual of the same shape");
        }
    }

    /** All but the weights have one element for each channel. */
    private void vector(int i, long channels) {
        String input = spec.name(i);
        long length = length(shapes.get(i));
        if (length < 0) {
            return;
        }
        long longest = Arrays.stream(shapes.get(i)).max().orElse(1);
        require(longest == length, () -> input + " to be a vector");
        if (definition().length(Parameter.of(input), 0) == 1) {
            require(length == 1, () -> input + " with one element for all channels, got " + length);
        } else if (!WEIGHTS.contains(input)) {
            require(channels < 0 || length == channels,
                    () -> input + " with one element per channel, " + channels + ", got " + length
                            + otherLayout(length));
            require(length % spec.groups() == 0, () -> "a number of channels divisible by groups = "
                    + spec.groups() + ", got " + input + " of length " + length);
        }
    }

    /** What to do if the channels are where the other layout has them. */
    private String otherLayout(long length) {
        long[] x = shapes.get(0);
        boolean last = spec.channelsLast();
        return x != null && x.length > 2 && x[last ? 1 : x.length - 1] == length
                ? ", the size of dimension " + (last ? 1 : x.length - 1) + " (if that holds the channels, call layout(Layout."
                        + (last ? Layout.CHANNELS_FIRST : Layout.CHANNELS_LAST) + ") first)" : "";
    }

    private void weights() {
        if (!definition().extras().contains(Parameter.MEAN_WEIGHT)) {
            return;
        }
        long mean = length(spec.pick(shapes, Parameter.MEAN_WEIGHT));
        long var = length(spec.pick(shapes, Parameter.VAR_WEIGHT));
        require(mean < 0 || var < 0 || mean == var,
                () -> "varWeight and meanWeight of equal length, got " + var + " and " + mean);
        boolean batch = definition().isInference();
        for (long length : new long[]{mean, var}) {
            require(length < 0 || length == Definition.PARTS || !batch && length == Definition.PARTS - 1,
                    () -> "three weights (instance, layer, batch)" + (batch ? "" : " or two (instance, layer)")
                            + ", got " + length);
        }
    }

    private Definition definition() {
        return spec.kind().definition();
    }

    private static long length(long[] shape) {
        boolean unknown = shape == null || Arrays.stream(shape).anyMatch(size -> size < 0);
        return unknown ? -1 : Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }

    private void require(boolean condition, Supplier<String> expected) {
        if (!condition) {
            StringBuilder all = new StringBuilder();
            for (int i = 0; i < shapes.size(); i++) {
                String shape = shapes.get(i) == null ? "of unknown shape" : Arrays.toString(shapes.get(i));
                all.append(i == 0 ? "" : ", ").append(spec.name(i)).append(' ').append(shape);
            }
            throw new IllegalArgumentException(spec.method() + ": expected " + expected.get() + "; " + all
                    + (spec.layout() == null ? "" : ", " + spec.layout()));
        }
    }
}
