// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Exchange;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.View;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * One forward pass and what it leaves behind for the backward pass of the same input. Holds tables of statistics, but
 * no array.
 */
public interface NormPass {
    /**
     * A pass over an input that is the whole batch.
     *
     * @param x       input
     * @param view    view of it, nothing folded
     * @param mask    mask for it, or null
     * @param plan    how to normalize
     * @param params  learned numbers
     * @param given   what stands in for the statistics of the batch, or null to compute those
     * @param observe whether the statistics of the batch are wanted although others stand in for them
     * @return the pass
     */
    static NormPass of(INDArray x, View view, Mask mask, NormPlan plan, NormParams params, Pool given, boolean observe) {
        return of(x, view, mask, plan, params, given, observe, null);
    }

    /**
     * A pass over an input that may be part of a batch.
     *
     * @param x        input
     * @param view     view of it, nothing folded
     * @param mask     mask for it, or null
     * @param plan     how to normalize
     * @param params   learned numbers
     * @param given    what stands in for the statistics of the batch, or null to compute those
     * @param observe  whether the statistics of the batch are wanted although others stand in for them
     * @param exchange what makes one batch of the parts that several workers have, or null; only for statistics over a
     *                 batch that nothing stands in for
     * @return the pass
     * @throws IllegalArgumentException if there is no pass for such a plan
     */
    static NormPass of(INDArray x, View view, Mask mask, NormPlan plan, NormParams params, Pool given, boolean observe,
                       Exchange exchange) {
        if (params.tau() != null) {
            return new ThresholdPass(view, mask, params, inner -> of(x, view, mask, plan, inner, given, observe, exchange));
        }
        if (plan instanceof NormPlan.Responses) {
            return new GlobalResponsePass(x, view, mask, params);
        }
        if (plan instanceof NormPlan.Positions positions) {
            return FramedPass.of(x, input -> PositionPass.of(view, mask, positions, params),
                    input -> PositionPass.frames(input, view, mask, positions));
        }
        if (plan instanceof NormPlan.Ghost ghost) {
            return given == null ? new GhostPass(x, view, mask, ghost, params)
                    : channels(x, view, mask, NormPlan.batch(), params, given, observe, exchange);
        }
        if (plan instanceof NormPlan.Channels channels) {
            return channels(x, view, mask, channels, params, given, observe, exchange);
        }
        throw new IllegalArgumentException("expected a plan with a normalization pass, got " + plan);
    }

    private static NormPass channels(INDArray x, View view, Mask mask, NormPlan.Channels plan, NormParams params, Pool given,
                                     boolean observe, Exchange exchange) {
        return FramedPass.of(x, input -> new ChannelPass(input, view, mask, plan, params, given, observe, exchange),
                input -> ChannelPass.frames(input, view, mask, plan, exchange));
    }

    /** {@return statistics of the batch as running statistics take them up, or null if none were computed} */
    default ChannelStatistics batchStatistics() {
        return null;
    }

    /** {@return whether a statistic that the norm uses, and computes itself, is not a finite number} */
    default boolean overflowed() {
        return false;
    }

    /** {@return statistics that running statistics take up one after the other} */
    default List<ChannelStatistics> updates() {
        return List.of(batchStatistics());
    }

    /**
     * Writes the output.
     *
     * @param x    input
     * @param relu whether max(·, 0) follows
     * @param y    receives the output
     */
    void forward(INDArray x, boolean relu, INDArray y);

    /**
     * Writes the gradient of the input. Without a forward pass before it, it finds the statistics first.
     *
     * @param x    input
     * @param dy   gradient of the output
     * @param relu whether max(·, 0) followed
     * @param dx   receives the gradient of the input
     * @return gradients of all else
     */
    Gradients backward(INDArray x, INDArray dy, boolean relu, INDArray dx);

    /**
     * Gradients of what is not the input; null where a norm has no such thing.
     *
     * @param gamma      of gamma
     * @param beta       of beta
     * @param meanLogits of the logits of the parts in use, for the mean
     * @param varLogits  of the logits of the parts in use, for the variance
     * @param mean       of the given mean
     * @param variance   of the given variance
     * @param eps        of eps, NaN where it is not known
     * @param tau        of the threshold
     */
    record Gradients(double[] gamma, double[] beta, double[] meanLogits, double[] varLogits, double[] mean,
                     double[] variance, double eps, double[] tau) {

        Gradients(double[] gamma, double[] beta, double[] meanLogits, double[] varLogits, double[] mean,
                  double[] variance) {
            this(gamma, beta, meanLogits, varLogits, mean, variance, Double.NaN, null);
        }
    }
}
