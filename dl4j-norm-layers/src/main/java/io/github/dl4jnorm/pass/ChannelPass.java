// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Frames;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.kernel.NormKernels;
import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.Exchange;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormGradients;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A pass of a channel normalization: tables of statistics, never anything of the size of the input.
 *
 * @param pass     the normalization
 * @param plan     its plan
 * @param view     how the norm sees the input: for batch normalization as one example with N·S positions, whose tables have C
 *                 cells
 * @param mask     mask for it, or null
 * @param norm     its algebra
 * @param observed the statistics that running statistics take up, or null if they were not computed
 */
record ChannelPass(NormPass pass, NormPlan.Channels plan, View view, Mask mask, Norm norm, Pool observed) implements Saved {

    static Saved forward(NormPass pass, NormPlan.Channels plan, INDArray x, INDArray y) {
        boolean batch = isBatch(plan);
        View view = batch ? pass.view().batchAsPositions() : pass.view();
        Mask mask = batch && pass.mask() != null ? pass.mask().batchAsPositions() : pass.mask();
        if (pass.isGiven() || plan.divisor() == Divisor.ONE || !isAtOnce(pass, plan)) {
            return inTurn(pass, plan, view, mask, x, y);
        }
        // The kernels find statistics and output of a group of channels in turn, while its elements are in a cache.
        Moments cells = new Moments(view.examples(), view.channels());
        Pooling pooling = plan.parts().get(0);
        Pool own = Pool.over(pooling, cells);
        Norm norm = norm(pass, plan, view, List.of(own));
        Kernels.get().normalize(x, view, mask, pooling.groupsOf(view.channels()), cells, norm, pass.relu(), y);
        return new ChannelPass(pass, plan, view, mask, norm, plan.hasRunning() ? own : null);
    }

    private static boolean isBatch(NormPlan.Channels plan) {
        return plan.parts().equals(List.of(Pooling.BATCH));
    }

    /**
     * Whether the kernels find sums and results of a group of channels in turn: not of several parts, nor channel by channel
     * where sums wait for other workers.
     */
    private static boolean isAtOnce(NormPass pass, NormPlan.Channels plan) {
        return plan.parts().size() == 1 && (isBatch(plan) || !isDense(pass.view())) && pass.exchange() == null;
    }

    /** Of dense input, a number for each example and channel is as much as the input. */
    private static boolean isDense(View view) {
        return view.positions() == 1 && view.shape().length == 2;
    }

    private static ChannelPass inTurn(NormPass pass, NormPlan.Channels plan, View view, Mask mask, INDArray x, INDArray y) {
        Values values = pass.values();
        int channels = view.channels();
        Pool given = plan.divisor() == Divisor.ONE ? Pool.constant(new double[channels], new double[channels])
                : pass.isGiven() ? Pool.constant(values.get(Parameter.MEAN), variances(values)) : null;
        boolean computed = given == null || pass.observe() || plan.parts().size() > 1;
        Moments cells = computed && !isDense(pass.view()) ? Kernels.get().moments(x, view, mask) : null;
        List<Pool> parts = new ArrayList<>();
        Pool observed = null;
        for (int k = 0; k < plan.parts().size(); k++) {
            Pooling pooling = plan.parts().get(k);
            boolean replaced = given != null && (k == plan.running() || plan.divisor() == Divisor.ONE);
            Pool own = replaced && !pass.observe() ? null
                    : (cells == null ? densePool(pass, x, pooling) : Pool.of(pooling, cells)).shared(pass.exchange());
            observed = k == plan.running() ? own : observed;
            parts.add(replaced ? given : own);
        }
        Norm norm = norm(pass, plan, view, parts);
        Kernels.get().affine(x, view, mask, norm, pass.relu(), y);
        return new ChannelPass(pass, plan, view, mask, norm, observed);
    }

    /** What only subtracts a mean is not given a variance. */
    private static double[] variances(Values values) {
        if (values.has(Parameter.VAR)) {
            return values.get(Parameter.VAR);
        }
        double[] ones = new double[values.get(Parameter.MEAN).length];
        Arrays.fill(ones, 1);
        return ones;
    }

    /** A learned eps counts by its size. */
    private static Norm norm(NormPass pass, NormPlan.Channels plan, View view, List<Pool> parts) {
        Values values = pass.values();
        double[] learned = values.get(Parameter.LEARNED_EPS);
        return new Norm(view.examples(), view.channels(), parts, weights(values.get(Parameter.MEAN_WEIGHT), plan),
                weights(values.get(Parameter.VAR_WEIGHT), plan), values.get(Parameter.GAMMA), values.get(Parameter.BETA),
                pass.eps() + (learned == null ? 0 : Math.abs(learned[0])), pass.isGiven() ? null : plan.renorm(),
                plan.divisor());
    }

    /** Softmax over the logits of the parts in use; one part alone has weight 1. */
    private static double[] weights(double[] logits, NormPlan.Channels plan) {
        return logits == null ? new double[]{1}
                : Norm.softmax(Arrays.copyOfRange(logits, plan.firstWeight(), plan.firstWeight() + plan.parts().size()));
    }

    private static Pool densePool(NormPass pass, INDArray x, Pooling pooling) {
        View view = pass.view();
        Mask mask = pass.mask();
        int channels = view.channels();
        Moments rows = pooling.overBatch()
                ? Kernels.get().moments(x, view.batchAsPositions(), mask == null ? null : mask.batchAsPositions())
                : Kernels.get().moments(x, view.channelsAsPositions(), mask == null ? null : mask.channelsAsPositions(channels));
        return Pool.ofPooled(pooling, channels, rows);
    }

    /** What brings input into the range of double, or null if it is there, or if the output is as large as the input. */
    static Frames frames(NormPass pass, NormPlan.Channels plan, INDArray x) {
        if (plan.divisor() == Divisor.NOTHING) {
            return null;
        }
        boolean centered = plan.divisor().isCentered();
        if (plan.parts().size() > 1) {
            return Frames.find(x, pass.view(), pass.mask(), Frames.Shared.ALL, 1, centered, null);
        }
        Pooling pooling = plan.parts().get(0);
        return Frames.find(x, pass.view(), pass.mask(), pooling.overBatch() ? Frames.Shared.BATCH : Frames.Shared.GROUP,
                pooling.groupsOf(pass.view().channels()), centered, pass.exchange());
    }

    @Override
    public boolean overflowed() {
        return norm.overflowed();
    }

    @Override
    public ChannelStatistics batchStatistics() {
        return observed == null ? null : observed.perChannel();
    }

    @Override
    public void again(INDArray x, INDArray y) {
        Kernels.get().affine(x, view, mask, norm, false, y);
    }

    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        NormKernels kernels = Kernels.get();
        Exchange exchange = pass.exchange();
        NormGradients gradients;
        if (isAtOnce(pass, plan)) {
            gradients = new NormGradients(norm, true);
            kernels.normalizeGrad(x, dy, view, mask, norm.parts().get(0).groups(), norm, pass.relu(), gradients, dx);
        } else {
            gradients = norm.backward(kernels.gradSums(x, dy, view, mask, norm, pass.relu()));
            if (exchange != null) {
                gradients.share(exchange);
            }
            kernels.affineGrad(x, dy, view, mask, norm, pass.relu(), gradients, dx);
        }
        return values(gradients);
    }

    private Values values(NormGradients gradients) {
        Values given = pass.values();
        Values all = new Values().set(Parameter.GAMMA, gradients.gamma()).set(Parameter.BETA, gradients.beta());
        for (Parameter weights : List.of(Parameter.MEAN_WEIGHT, Parameter.VAR_WEIGHT)) {
            if (given.has(weights)) {
                // Parts that are not in use receive nothing.
                double[] ofAll = new double[given.get(weights).length];
                double[] used = weights == Parameter.MEAN_WEIGHT ? gradients.meanLogits() : gradients.varLogits();
                System.arraycopy(used, 0, ofAll, plan.firstWeight(), used.length);
                all.set(weights, ofAll);
            }
        }
        if (given.has(Parameter.LEARNED_EPS)) {
            all.set(Parameter.LEARNED_EPS,
                    new double[]{Math.signum(given.get(Parameter.LEARNED_EPS)[0]) * gradients.eps()});
        }
        if (pass.isGiven()) {
            double[] variances = variances(given);
            double[] toVariance = gradients.givenVariance().clone();
            // A negative variance counts as 0, whatever it is.
            Arrays.setAll(toVariance, c -> variances[c] < 0 ? 0 : toVariance[c]);
            all.set(Parameter.MEAN, gradients.givenMean()).set(Parameter.VAR, toVariance);
        }
        return all;
    }
}
