// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Frames;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.norm.Exchange;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A normalization of one input: what it takes besides the array itself.
 *
 * @param view     view of the input, nothing folded
 * @param mask     mask for it, or null
 * @param plan     how to normalize
 * @param values   learned numbers; no gamma is a gamma of 1, no beta one of 0. A {@link Parameter#MEAN} and a
 *                 {@link Parameter#VAR} stand in for the statistics of the batch
 * @param eps      keeps the divisor from 0
 * @param relu     whether max(·, 0) follows
 * @param observe  whether the statistics of the batch are wanted although others stand in for them
 * @param exchange what makes one batch of the parts that several workers have, or null; only for statistics over a batch that
 *                 nothing stands in for
 */
public record NormPass(View view, Mask mask, NormPlan plan, Values values, double eps, boolean relu, boolean observe,
                       Exchange exchange) {
    /**
     * A pass over a whole batch.
     *
     * @param view   view of the input, nothing folded
     * @param mask   mask for it, or null
     * @param plan   how to normalize
     * @param values learned numbers, and statistics that stand in for those of the batch
     * @param eps    keeps the divisor from 0
     */
    public NormPass(View view, Mask mask, NormPlan plan, Values values, double eps) {
        this(view, mask, plan, values, eps, false, false, null);
    }

    /** The same with another plan. */
    NormPass with(NormPlan other) {
        return new NormPass(view, mask, other, values, eps, relu, observe, exchange);
    }

    /** The same with other numbers. */
    NormPass with(Values others) {
        return new NormPass(view, mask, plan, others, eps, relu, observe, exchange);
    }

    /** The same with a ReLU or without. */
    NormPass with(boolean otherRelu) {
        return new NormPass(view, mask, plan, values, eps, otherRelu, observe, exchange);
    }

    /** Whether statistics are given instead of computed. */
    boolean isGiven() {
        return values.has(Parameter.MEAN) || values.has(Parameter.VAR);
    }

    /** Whether examples have gammas or betas of their own. */
    private boolean isPerExample() {
        return isPerExample(values.get(Parameter.GAMMA)) || isPerExample(values.get(Parameter.BETA));
    }

    private boolean isPerExample(double[] given) {
        return given != null && given.length > view.channels();
    }

    /**
     * Writes the output.
     *
     * @param x input
     * @param y receives the output
     * @return what the backward pass needs
     * @throws IllegalArgumentException if there is no pass for such a plan
     */
    public Saved forward(INDArray x, INDArray y) {
        double[] gamma = values.get(Parameter.GAMMA);
        if (gamma != null && gamma.length == 1 && view.channels() > 1) {
            return withOneGamma(x, y, gamma[0]);
        }
        if (values.has(Parameter.TAU)) {
            return ThresholdPass.forward(this, x, y);
        }
        if (plan instanceof NormPlan.Channels channels) {
            return inRange(ChannelPass.forward(this, channels, x, y), x, y);
        }
        if (plan instanceof NormPlan.Positions positions && !positions.elements() && isPerExample()) {
            return PerExamplePass.forward(this, x, y);
        }
        if (plan instanceof NormPlan.Positions positions) {
            return inRange(PositionPass.forward(this, positions, x, null, null, y), x, y);
        }
        if (plan instanceof NormPlan.Responses) {
            return GlobalResponsePass.forward(this, x, y);
        }
        if (plan instanceof NormPlan.InstanceAndBatch both) {
            return InstanceAndBatchPass.forward(this, both.first(), x, y);
        }
        if (plan instanceof NormPlan.LargerDeviation) {
            return inRange(LargerDeviationPass.forward(this, x, y), x, y);
        }
        if (plan instanceof NormPlan.Gated gated) {
            return GatePass.forward(this, gated.groups(), x, y);
        }
        if (plan instanceof NormPlan.Curved curved) {
            return CurvePass.forward(this, curved.curve(), x, y);
        }
        if (plan instanceof NormPlan.Ghost) {
            // With given statistics, those of parts of a batch are those of the batch.
            return isGiven() ? new NormPass(view, mask, NormPlan.batch(), values, eps, relu, observe, exchange).forward(x, y)
                    : GhostPass.forward(this, x, y);
        }
        if (plan instanceof NormPlan.Split split) {
            return SplitPass.forward(this, split.parts(), x, y);
        }
        throw new IllegalArgumentException("expected a plan with a normalization pass, got " + plan);
    }

    /**
     * Writes the sum of two arrays and the output for it: in one traversal, if statistics are those of positions.
     *
     * @param x        input
     * @param residual what is added to it, also where the mask leaves it out
     * @param sum      receives the sum
     * @param y        receives the output
     * @return what the backward pass needs, whose input is the sum
     */
    public SumPass forward(INDArray x, INDArray residual, INDArray sum, INDArray y) {
        if (fusesSum()) {
            return new SumPass(inRange(PositionPass.forward(this, (NormPlan.Positions) plan, x, residual, sum, y), sum, y));
        }
        Kernels.get().add(x, residual, sum);
        return new SumPass(forward(sum, y));
    }

    /** {@return whether a sum is written and normalized in one traversal} */
    public boolean fusesSum() {
        double[] gamma = values.get(Parameter.GAMMA);
        return plan instanceof NormPlan.Positions && !values.has(Parameter.TAU)
                && (gamma == null || gamma.length > 1 || view.channels() == 1);
    }

    /** The pass, or another one over smaller numbers if its statistics overflowed. */
    private Saved inRange(Saved saved, INDArray x, INDArray y) {
        Frames frames = x.dataType() == DataType.DOUBLE && saved.overflowed() ? frames(x) : null;
        // There are none for what they have brought into the range.
        return frames == null ? saved : new FramedPass(saved, forward(frames.into(x), y), frames);
    }

    /** What brings input into the range of double, or null if it is there, or if the output is as large as the input. */
    private Frames frames(INDArray x) {
        if (plan instanceof NormPlan.LargerDeviation) {
            return isGiven() ? null : Frames.find(x, view, mask, Frames.Shared.BATCH, view.channels(), false, exchange);
        }
        return plan instanceof NormPlan.Channels channels ? ChannelPass.frames(this, channels, x)
                : PositionPass.frames(this, (NormPlan.Positions) plan, x);
    }

    /** One gamma for all channels: its gradient is the sum of theirs. */
    private Saved withOneGamma(INDArray x, INDArray y, double gamma) {
        double[] each = new double[view.channels()];
        Arrays.fill(each, gamma);
        Saved saved = with(values.copy().set(Parameter.GAMMA, each)).forward(x, y);
        return new Wrapped(saved) {
            @Override
            public Values backward(INDArray x, INDArray dy, INDArray dx) {
                Values gradients = super.backward(x, dy, dx);
                return gradients.set(Parameter.GAMMA, new double[]{Arrays.stream(gradients.get(Parameter.GAMMA)).sum()});
            }
        };
    }
}
