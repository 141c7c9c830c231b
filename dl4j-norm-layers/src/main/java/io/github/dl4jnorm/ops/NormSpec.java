// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.View;
import io.github.dl4jnorm.ops.NormKind.Input;
import io.github.dl4jnorm.pass.NormParams;
import io.github.dl4jnorm.pass.NormPass;
import io.github.dl4jnorm.pass.Numbers;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * An operation with its options; a graph saves it as four whole numbers and eps.
 *
 * @param kind   which one
 * @param layout where the channels are, or null if that was not said: then x must have rank 2
 * @param gamma  whether there is a gamma
 * @param beta   whether there is a beta
 * @param groups groups of channels, 1 where it has none
 * @param eps    keeps the divisor from 0
 */
record NormSpec(NormKind kind, Layout layout, boolean gamma, boolean beta, int groups, double eps) {
    private static final int GAMMA = 1;
    private static final int BETA = 2;
    private static final int NO_LAYOUT = 4;

    static NormSpec of(List<Long> integers, double eps) {
        int options = integers.get(2).intValue();
        Layout layout = (options & NO_LAYOUT) != 0 ? null : Layout.values()[integers.get(1).intValue()];
        return new NormSpec(NormKind.values()[integers.get(0).intValue()], layout,
                (options & GAMMA) != 0, (options & BETA) != 0, integers.get(3).intValue(), eps);
    }

    long[] integers() {
        int options = (gamma ? GAMMA : 0) | (beta ? BETA : 0) | (layout == null ? NO_LAYOUT : 0);
        return new long[]{kind.ordinal(), layout == null ? 0 : layout.ordinal(), options, groups};
    }

    boolean channelsLast() {
        return layout == Layout.CHANNELS_LAST;
    }

    int channelAxis(int rank) {
        return channelsLast() ? rank - 1 : 1;
    }

    /** Its inputs in order. */
    List<Input> inputs() {
        List<Input> inputs = new ArrayList<>(List.of(Input.X));
        if (gamma) {
            inputs.add(Input.GAMMA);
        }
        if (beta) {
            inputs.add(Input.BETA);
        }
        inputs.addAll(kind.extras());
        return inputs;
    }

    /** One of the inputs, or null if the operation has none such. */
    <T> T pick(List<T> inputs, Input wanted) {
        int index = inputs().indexOf(wanted);
        return index < 0 ? null : inputs.get(index);
    }

    private double[] numbers(List<INDArray> inputs, Input wanted) {
        return Numbers.read(pick(inputs, wanted));
    }

    private View view(INDArray x) {
        return View.of(x.shape(), channelsLast());
    }

    private NormPlan plan(View view, List<INDArray> inputs) {
        INDArray weights = pick(inputs, Input.MEAN_WEIGHT);
        return kind.plan(view.shape().length, view.channels(), groups,
                weights == null ? 0 : Math.toIntExact(weights.length()));
    }

    /** A pass over checked inputs. */
    NormPass pass(List<INDArray> inputs) {
        INDArray x = inputs.get(0);
        View view = view(x);
        NormParams params = new NormParams(numbers(inputs, Input.GAMMA), numbers(inputs, Input.BETA),
                numbers(inputs, Input.MEAN_WEIGHT), numbers(inputs, Input.VAR_WEIGHT), eps);
        Pool given = kind.isInference()
                ? Pool.constant(numbers(inputs, Input.MEAN), numbers(inputs, Input.VAR)) : null;
        return NormPass.of(x, view, null, plan(view, inputs), params, given, false);
    }

    /** Writes the gradient of every input; the first one belongs to x. */
    void backward(NormPass pass, List<INDArray> inputs, INDArray dy, List<INDArray> gradients) {
        INDArray x = inputs.get(0);
        NormPass.Gradients found = pass.backward(x, dy.castTo(x.dataType()), false, gradients.get(0));
        List<Input> names = inputs();
        for (int i = 1; i < names.size(); i++) {
            INDArray into = gradients.get(i);
            switch (names.get(i)) {
                case GAMMA -> Numbers.write(found.gamma(), into);
                case BETA -> Numbers.write(found.beta(), into);
                case MEAN_WEIGHT -> Numbers.write(all(found.meanLogits(), x, inputs), into);
                case VAR_WEIGHT -> Numbers.write(all(found.varLogits(), x, inputs), into);
                case MEAN -> Numbers.write(found.mean(), into);
                default -> Numbers.write(ofPositive(found.variance(), inputs), into);
            }
        }
    }

    /** Dense input leaves out the instance part, the first one. */
    private double[] all(double[] logits, INDArray x, List<INDArray> inputs) {
        double[] all = new double[Math.toIntExact(pick(inputs, Input.MEAN_WEIGHT).length())];
        System.arraycopy(logits, 0, all, ((NormPlan.Channels) plan(view(x), inputs)).firstWeight(), logits.length);
        return all;
    }

    /** A negative variance counts as 0, whatever it is. */
    private double[] ofPositive(double[] gradient, List<INDArray> inputs) {
        double[] variance = numbers(inputs, Input.VAR);
        double[] result = gradient.clone();
        for (int c = 0; c < result.length; c++) {
            result[c] = variance[c] < 0 ? 0 : result[c];
        }
        return result;
    }
}
