// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Pooling;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.NormalizeFuncOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Normalizations without parameters and state, by libtorch, channels first. */
final class Formulas {
    private Formulas() {
    }

    /** Over dimension 1, unless told otherwise. */
    static Tensor unit(Tensor x, double eps) {
        NormalizeFuncOptions options = new NormalizeFuncOptions();
        options.eps().put(eps);
        return torch.normalize(x, options);
    }

    /** What gamma is multiplied with (Woo et al. 2023, arXiv 2301.00808). */
    static Tensor globalResponse(Tensor x, long[] positions, double eps) {
        Tensor length = x.mul(x).sum(positions, true, new ScalarTypeOptional()).sqrt();
        Tensor mean = length.mean(new long[]{1}, true, new ScalarTypeOptional());
        return x.mul(length.div(mean.add(new Scalar(eps))));
    }

    /** As the paper has EvoNorm-S0 (Liu et al. 2020, arXiv 2004.02967). */
    static Tensor gated(Tensor x, Tensor v, long groups, double eps) {
        Tensor variance = x.reshape(x.size(0), groups, -1).var(new long[]{2}, false, true);
        Tensor y = x.mul(x.mul(v).sigmoid()).reshape(x.size(0), groups, -1);
        return y.div(variance.add(new Scalar(eps)).sqrt()).reshape(x.shape());
    }

    /** As the paper has EvoNorm-B0 (Liu et al. 2020, arXiv 2004.02967). */
    static Tensor byLargerDeviation(Tensor x, Tensor v, Tensor ofBatch, long[] positions, double eps) {
        Scalar least = new Scalar(eps);
        Tensor other = x.mul(v).add(x.var(positions, false, true).add(least).sqrt());
        return x.div(torch.maximum(ofBatch.add(least).sqrt(), other));
    }

    /** The axes of [N, C, …] that each statistic of a plan is over, for plans with one kind of statistics. */
    static long[] axes(NormPlan plan, int channels, int rank) {
        if (plan instanceof NormPlan.Positions positions && positions.groups() == 1 && !positions.elements()) {
            return new long[]{1};
        }
        if (plan instanceof NormPlan.Curved || plan instanceof NormPlan.Gated || plan instanceof NormPlan.LargerDeviation
                || plan instanceof NormPlan.InstanceAndBatch || plan instanceof NormPlan.Split) {
            return LongStream.range(0, rank).filter(axis -> axis != 1).toArray();
        }
        if (plan instanceof NormPlan.Channels channelPlan && channelPlan.parts().size() == 1 && channelPlan.renorm() == null) {
            Pooling part = channelPlan.parts().get(0);
            LongStream positions = LongStream.range(2, rank);
            if (part.overBatch()) {
                return LongStream.concat(LongStream.of(0), positions).toArray();
            }
            if (part.groups() == 1 || part.groups() == channels) {
                return part.groups() == channels ? positions.toArray() : LongStream.range(1, rank).toArray();
            }
        }
        throw new IllegalArgumentException("expected a plan with one kind of statistics, got " + plan
                + " (give the norm a constant of Drawn.Norm and a formula in Libtorch)");
    }

    /** Mean and variance are given for divisors that subtract a mean, axes for the others. */
    static Tensor divided(Tensor x, Tensor mean, Tensor variance, NormPlan plan, double eps, long... axes) {
        Divisor divisor = plan instanceof NormPlan.Positions positions ? positions.divisor()
                : plan instanceof NormPlan.Channels channels ? channels.divisor() : Divisor.DEVIATION;
        Scalar least = new Scalar(eps);
        return switch (divisor) {
            case DEVIATION -> x.sub(mean).div(variance.add(least).sqrt());
            case DEVIATION_ALONE -> x.div(variance.add(least).sqrt());
            case DEVIATION_PLUS_EPS -> x.sub(mean).div(variance.sqrt().add(least));
            case NOTHING -> x.sub(mean);
            case ONE -> x;
            case ROOT_MEAN_SQUARE -> x.div(x.mul(x).mean(axes, true, new ScalarTypeOptional()).add(least).sqrt());
            case LENGTH -> x.div(x.mul(x).sum(axes, true, new ScalarTypeOptional()).sqrt().clamp_min(least));
        };
    }
}
