// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import io.github.dl4jnorm.pass.NormPass;
import io.github.dl4jnorm.pass.ParameterArrays;
import io.github.dl4jnorm.pass.Saved;
import io.github.dl4jnorm.pass.SumPass;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * An operation with its options; a graph saves it as whole numbers, eps and the offset.
 *
 * @param kind        which one
 * @param layout      where the channels are, or null if that was not said: then x must have rank 2
 * @param gamma       whether there is a gamma
 * @param beta        whether there is a beta
 * @param groups      groups of channels, 1 where it has none
 * @param eps         keeps the divisor from 0
 * @param gammaOffset what is added to gamma
 * @param residual    whether there is a residual, which is added to x before and gives the sum as another output
 * @param axes        what to reduce instead of the axes of a layout, or null
 */
record NormSpec(NormOps.Kind kind, Layout layout, boolean gamma, boolean beta, int groups, double eps, double gammaOffset,
                boolean residual, Axes axes) {
    /** What to call the input that is normalized. */
    static final String X = "x";
    /** What to call the input that is added to it. */
    static final String RESIDUAL_NAME = "residual";

    private static final int GAMMA = 1;
    private static final int BETA = 2;
    private static final int NO_LAYOUT = 4;
    private static final int RESIDUAL = 8;
    /** Whole numbers of an operation that has no axes. */
    private static final int PLAIN = 4;

    /** An operation without a residual. */
    NormSpec(NormOps.Kind kind, Layout layout, boolean gamma, boolean beta, int groups, double eps, double gammaOffset) {
        this(kind, layout, gamma, beta, groups, eps, gammaOffset, false, null);
    }

    /** Without an offset. */
    NormSpec(NormOps.Kind kind, Layout layout, boolean gamma, boolean beta, int groups, double eps) {
        this(kind, layout, gamma, beta, groups, eps, 0);
    }

    static NormSpec of(List<Long> integers, List<Double> reals) {
        int options = integers.get(2).intValue();
        Layout layout = (options & NO_LAYOUT) != 0 ? null : Layout.values()[integers.get(1).intValue()];
        return new NormSpec(NormOps.Kind.values()[integers.get(0).intValue()], layout,
                (options & GAMMA) != 0, (options & BETA) != 0, integers.get(3).intValue(), reals.get(0),
                reals.size() > 1 ? reals.get(1) : 0, (options & RESIDUAL) != 0,
                integers.size() == PLAIN ? null : Axes.of(integers.stream().skip(PLAIN).mapToLong(Long::longValue).toArray()));
    }

    /** Graphs saved before there was an offset have eps alone. */
    double[] reals() {
        return gammaOffset == 0 ? new double[]{eps} : new double[]{eps, gammaOffset};
    }

    long[] integers() {
        int options = (gamma ? GAMMA : 0) | (beta ? BETA : 0) | (layout == null ? NO_LAYOUT : 0) | (residual ? RESIDUAL : 0);
        long[] plain = {kind.ordinal(), layout == null ? 0 : layout.ordinal(), options, groups};
        return axes == null ? plain : LongStream.concat(Arrays.stream(plain), Arrays.stream(axes.saved())).toArray();
    }

    /** Name of the operation in a graph. */
    String opName() {
        return "dl4jnorm_" + (residual ? "add_" : axes == null ? "" : "axes_") + kind.name().toLowerCase(Locale.ROOT);
    }

    boolean channelsLast() {
        return layout == Layout.CHANNELS_LAST;
    }

    int channelAxis(int rank) {
        return channelsLast() ? rank - 1 : 1;
    }

    /** What to call it in messages: the method that makes it. */
    String method() {
        String name = kind.toString();
        if (axes != null) {
            return kind == NormOps.Kind.RMS_NORM ? "rmsNormalize" : "normalize";
        }
        return residual ? "add" + name.substring(0, 1).toUpperCase(Locale.ROOT) + name.substring(1) : name;
    }

    /** How many inputs come before the parameters, x and perhaps a residual; and how many outputs there are, y and the sum. */
    int arrays() {
        return residual ? 2 : 1;
    }

    /** What it takes behind x and the residual, in order. */
    List<Parameter> parameters() {
        List<Parameter> parameters = new ArrayList<>();
        if (gamma) {
            parameters.add(Parameter.GAMMA);
        }
        if (beta) {
            parameters.add(Parameter.BETA);
        }
        parameters.addAll(kind.definition().extras());
        return parameters;
    }

    /** What there is of x, residual, gamma, beta and the other inputs, in order. */
    @SafeVarargs
    final <T> List<T> inputs(T x, T added, T gamma, T beta, T... extras) {
        List<T> inputs = new ArrayList<>();
        inputs.add(x);
        if (residual) {
            inputs.add(added);
        }
        Stream.of(gamma, beta).filter(Objects::nonNull).forEach(inputs::add);
        inputs.addAll(Arrays.asList(extras));
        int missing = inputs.indexOf(null);
        if (missing >= 0) {
            throw new IllegalArgumentException(method() + ": " + name(missing) + " must not be null");
        }
        return inputs;
    }

    /** What to call its inputs in messages. */
    String name(int input) {
        return input == 0 ? X : input < arrays() ? RESIDUAL_NAME : parameters().get(input - arrays()).key();
    }

    /** One of the inputs, or null if the operation has none such. */
    <T> T pick(List<T> inputs, Parameter wanted) {
        int index = parameters().indexOf(wanted);
        return index < 0 ? null : inputs.get(index + arrays());
    }

    /** How input of a rank is normalized. */
    NormPlan plan(int rank, int channels, int weights) {
        return kind.definition().plan(rank, channels, groups, weights);
    }

    /** Normalizes checked inputs; the outputs are y and, with a residual, the sum. */
    Saved forward(List<INDArray> inputs, List<INDArray> outputs) {
        if (axes != null) {
            return AxesPass.forward(this, values(inputs), inputs.get(0), outputs.get(0));
        }
        NormPass pass = pass(inputs);
        return residual ? pass.forward(inputs.get(0), inputs.get(1), outputs.get(1), outputs.get(0))
                : pass.forward(inputs.get(0), outputs.get(0));
    }

    /** A pass over checked inputs. */
    private NormPass pass(List<INDArray> inputs) {
        View view = View.of(inputs.get(0).shape(), channelsLast());
        Values values = values(inputs);
        double[] weights = values.get(Parameter.MEAN_WEIGHT);
        NormPlan plan = plan(view.shape().length, view.channels(), weights == null ? 0 : weights.length);
        return new NormPass(view, null, plan, values, eps);
    }

    /** The numbers of all inputs behind x and the residual. */
    private Values values(List<INDArray> inputs) {
        Values values = new Values();
        List<Parameter> parameters = parameters();
        for (int i = 0; i < parameters.size(); i++) {
            values.set(parameters.get(i), ParameterArrays.read(inputs.get(i + arrays())));
        }
        values.shift(Parameter.GAMMA, gammaOffset);
        return values;
    }

    /** Writes the gradient of every input; those of x and the residual are the same. What was normalized is x or the sum. */
    void backward(Saved saved, INDArray x, INDArray dy, INDArray dSum, List<INDArray> gradients) {
        INDArray dx = gradients.get(0);
        Values found;
        if (residual) {
            found = ((SumPass) saved).backward(x, dy.castTo(x.dataType()), dSum.castTo(x.dataType()), dx);
            gradients.get(1).assign(dx);
        } else {
            found = saved.backward(x, dy.castTo(x.dataType()), dx);
        }
        List<Parameter> parameters = parameters();
        for (int i = 0; i < parameters.size(); i++) {
            ParameterArrays.write(found.get(parameters.get(i)), gradients.get(i + arrays()));
        }
    }
}
