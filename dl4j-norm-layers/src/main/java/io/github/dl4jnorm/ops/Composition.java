// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.norm.Curve;
import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Pooling;
import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/**
 * An operation composed of ND4J's own, for where a single node cannot run. Computes in double, as ND4J's means in float
 * lose digits, and sees its input as [N, C, S], so that neither rank nor sizes have to be known in advance.
 */
final class Composition {
    /** Stands for all channels, as many as there may be. */
    private static final int ALL = Integer.MAX_VALUE;
    /** Added to the logit of a part that is not there: its weight is 0. */
    private static final double NEVER = -1e9;
    /** Of a mean in double, relative to it. */
    private static final double ROUNDING = 1e-13;

    private final SameDiff sd;
    private final NormSpec spec;
    private final List<SDVariable> inputs;
    private final SDVariable x;

    Composition(SameDiff sd, NormSpec spec, List<SDVariable> inputs) {
        this.sd = sd;
        this.spec = spec;
        this.inputs = inputs;
        x = spec.residual() ? inputs.get(0).add(inputs.get(1)) : inputs.get(0);
    }

    /** y and, with a residual, the sum. */
    List<SDVariable> outputs() {
        return spec.residual() ? List.of(output(), x) : List.of(output());
    }

    private SDVariable output() {
        if (spec.axes() != null) {
            return overAxes();
        }
        SDVariable shape = sd.shape(x);
        SDVariable cube = sd.reshape(x.castTo(DataType.DOUBLE), cubeShape(shape));
        if (spec.channelsLast()) {
            cube = sd.permute(cube, 0, 2, 1);
        }
        SDVariable y = normalized(cube);
        if (spec.gamma()) {
            SDVariable gamma = perChannel(Parameter.GAMMA);
            y = y.mul(spec.gammaOffset() == 0 ? gamma : gamma.add(spec.gammaOffset()));
        }
        if (spec.beta()) {
            y = y.add(perChannel(Parameter.BETA));
        }
        if (plan(NormChecks.MAX_RANK) instanceof NormPlan.Responses) {
            y = y.add(cube);
        }
        if (spec.channelsLast()) {
            y = sd.permute(y, 0, 2, 1);
        }
        return sd.reshape(y, shape).castTo(x.dataType());
    }

    private SDVariable overAxes() {
        Divisor divisor = spec.kind() == NormOps.Kind.RMS_NORM ? Divisor.ROOT_MEAN_SQUARE : Divisor.DEVIATION;
        long[] shape = x.getShape();
        // The gradients of ND4J's reductions are wrong for axes that count from the end.
        Axes axes = shape == null ? spec.axes().inOrder() : spec.axes().of(shape.length);
        if (axes == null) {
            throw new IllegalArgumentException(spec.method() + ": expected an x of known rank, or axes that count from the "
                    + "start, as the operation is composed of ND4J's; got " + spec.axes());
        }
        SDVariable y = divided(x.castTo(DataType.DOUBLE), divisor, axes.reduced());
        if (spec.gamma()) {
            y = y.mul(perFeature(Parameter.GAMMA).add(spec.gammaOffset()));
        }
        if (spec.beta()) {
            y = y.add(perFeature(Parameter.BETA));
        }
        return y.castTo(x.dataType());
    }

    /** Numbers of feature axes as an array that broadcasts: as it is, if the axes are the last ones. */
    private SDVariable perFeature(Parameter parameter) {
        SDVariable numbers = spec.pick(inputs, parameter).castTo(DataType.DOUBLE);
        int[] features = spec.axes().features();
        if (Arrays.equals(features, Axes.last(features.length).features())) {
            return numbers;
        }
        long[] shape = x.getShape();
        if (shape == null || Arrays.stream(spec.axes().of(shape.length).featureShape(shape)).anyMatch(size -> size < 0)) {
            throw new IllegalArgumentException(spec.method() + ": expected an x of known shape, as " + parameter.key()
                    + " has other axes than the last ones and the operation is composed of ND4J's; got one of shape "
                    + Arrays.toString(shape));
        }
        return sd.reshape(numbers, AxesPlan.broadcastShape(spec.axes().of(shape.length), shape));
    }

    /** [N, C, −1] or [N, −1, C]; [N, C, 1], which only rank 2 can take, where the layout was not said. */
    private SDVariable cubeShape(SDVariable shape) {
        if (spec.layout() == null) {
            return sd.concat(0, sd.gather(shape, new int[]{0, 1}, 0), sd.constant(Nd4j.createFromArray(1L)));
        }
        SDVariable all = sd.constant(Nd4j.createFromArray(-1L));
        SDVariable n = sd.gather(shape, new int[]{0}, 0);
        if (!spec.channelsLast()) {
            return sd.concat(0, n, sd.gather(shape, new int[]{1}, 0), all);
        }
        SDVariable last = sd.rank(x).castTo(DataType.LONG).sub(sd.constant(Nd4j.scalar(1L)));
        return sd.concat(0, n, all, sd.gather(shape, sd.reshape(last, 1), 0));
    }

    /** By the plan for the rank of x; where that is not known, by those for all ranks, of which one counts. */
    private SDVariable normalized(SDVariable cube) {
        long[] shape = x.getShape();
        if (shape != null) {
            return normalized(cube, plan(shape.length));
        }
        SDVariable sum = null;
        for (int rank = spec.kind().definition().minRank(); rank <= NormChecks.MAX_RANK; rank++) {
            int from = rank;
            while (rank < NormChecks.MAX_RANK && plan(rank + 1).equals(plan(from))) {
                rank++;
            }
            SDVariable counts = rankIsAtMost(rank).sub(rankIsAtMost(from - 1));
            sum = plus(sum, normalized(cube, plan(from)).mul(counts));
        }
        return sum;
    }

    private NormPlan plan(int rank) {
        return spec.plan(rank, ALL, parts());
    }

    private SDVariable normalized(SDVariable cube, NormPlan plan) {
        if (plan instanceof NormPlan.Responses) {
            SDVariable length = sd.math.sqrt(sd.math.max(sd.math.square(cube).sum(true, 2), sd.constant(Double.MIN_NORMAL)));
            return cube.mul(length.div(length.mean(true, 1).add(spec.eps())));
        }
        if (plan instanceof NormPlan.InstanceAndBatch) {
            boolean given = spec.kind().definition().isInference();
            SDVariable batch = given ? standardized(cube, perChannel(Parameter.MEAN), given())
                    : divided(cube, Divisor.DEVIATION, 0, 2);
            SDVariable first = firstHalf(cube);
            return divided(cube, Divisor.DEVIATION, 2).mul(first).add(batch.mul(first.rsub(1)));
        }
        if (plan instanceof NormPlan.LargerDeviation) {
            SDVariable variance = spec.kind().definition().isInference() ? given() : variance(cube, 0, 2);
            SDVariable ofBatch = deviation(variance);
            SDVariable more = sd.nn.relu(cube.mul(perChannel(Parameter.V)).add(deviation(variance(cube, 2))).sub(ofBatch), 0);
            SDVariable quotient = cube.div(ofBatch.add(more));
            return spec.eps() > 0 ? quotient : quotient.mul(variance.gt(0).castTo(DataType.DOUBLE));
        }
        if (plan instanceof NormPlan.Gated gated) {
            return gated(cube, gated.groups());
        }
        if (plan instanceof NormPlan.Curved curved) {
            SDVariable z = cube.mul(perChannel(Parameter.ALPHA));
            return curved.curve() == Curve.TANH ? sd.math.tanh(z) : sd.math.erf(z.add(perChannel(Parameter.SHIFT)));
        }
        if (plan instanceof NormPlan.Positions positions) {
            return positions.groups() > 1 ? grouped(cube, positions.groups(), positions.divisor())
                    : divided(cube, positions.divisor(), 1);
        }
        if (plan instanceof NormPlan.Channels channels) {
            return spec.kind().definition().extras().isEmpty() ? only(cube, channels.parts().get(0), channels.divisor())
                    : mixed(cube, channels);
        }
        throw new IllegalArgumentException("expected a plan with an operation, got " + plan);
    }

    private SDVariable only(SDVariable cube, Pooling part, Divisor divisor) {
        return part.groups() > 1 && part.groups() != ALL ? grouped(cube, part.groups(), divisor)
                : divided(cube, divisor, axes(part));
    }

    /** What a statistic is over in [N, C, S]; not for groups. */
    private static int[] axes(Pooling pooling) {
        return pooling.overBatch() ? new int[]{0, 2} : pooling.groups() == ALL ? new int[]{2} : new int[]{1, 2};
    }

    private SDVariable divided(SDVariable cube, Divisor divisor, int... axes) {
        SDVariable mean = divisor.isCentered() ? cube.mean(true, axes) : null;
        return switch (divisor) {
            case DEVIATION -> standardized(cube, mean, variance(cube, mean, axes));
            case NOTHING -> cube.sub(mean);
            case ONE -> cube;
            case ROOT_MEAN_SQUARE -> cube.mul(unit(sd.math.square(cube).mean(true, axes)));
            case LENGTH -> cube.mul(reciprocal(sd.math.square(cube).sum(true, axes)));
            default -> throw new IllegalArgumentException("expected a divisor with an operation, got " + divisor);
        };
    }

    private SDVariable standardized(SDVariable cube, SDVariable mean, SDVariable variance) {
        if (spec.eps() > 0) {
            return cube.sub(mean).mul(unit(variance));
        }
        // The mean of equal numbers is off by some units in the last place.
        SDVariable rounding = sd.math.square(mean).mul(ROUNDING * ROUNDING);
        return cube.sub(mean).mul(unit(variance.mul(variance.gt(rounding).castTo(DataType.DOUBLE))));
    }

    /** 1/√(square + eps), or 0 where that is not finite. */
    private SDVariable unit(SDVariable square) {
        if (spec.eps() > 0) {
            return sd.math.rsqrt(square.add(spec.eps()));
        }
        SDVariable positive = square.gt(0).castTo(DataType.DOUBLE);
        return sd.math.rsqrt(square.add(positive.rsub(1))).mul(positive);
    }

    /** 1/max(√square, eps), or 0 where that is not finite. The square is bounded, not its root, whose slope at 0 is infinite. */
    private SDVariable reciprocal(SDVariable square) {
        return spec.eps() == 0 ? unit(square)
                : sd.math.rsqrt(sd.math.max(square, sd.constant(Math.max(Double.MIN_NORMAL, spec.eps() * spec.eps()))));
    }

    /** 1 for each of the first ⌊C/2⌋ channels, 0 for the others, as [1, C, 1]. */
    private SDVariable firstHalf(SDVariable cube) {
        SDVariable channels = sd.squeeze(sd.gather(sd.shape(cube), new int[]{1}, 0), 0).castTo(DataType.DOUBLE);
        SDVariable index = sd.range(sd.constant(0.0), channels, sd.constant(1.0), DataType.DOUBLE);
        return sd.reshape(index.lt(sd.math.floor(channels.div(2))).castTo(DataType.DOUBLE), 1, -1, 1);
    }

    private SDVariable deviation(SDVariable variance) {
        return sd.math.sqrt(sd.math.max(variance.add(spec.eps()), sd.constant(Double.MIN_NORMAL)));
    }

    private SDVariable variance(SDVariable cube, int... axes) {
        return variance(cube, cube.mean(true, axes), axes);
    }

    private SDVariable variance(SDVariable cube, SDVariable mean, int... axes) {
        return sd.math.square(cube.sub(mean)).mean(true, axes);
    }

    private SDVariable grouped(SDVariable cube, int groups, Divisor divisor) {
        return sd.reshape(divided(joined(cube, groups), divisor, 2), sd.shape(cube));
    }

    /** The elements of a group in one row. */
    private SDVariable joined(SDVariable cube, int groups) {
        SDVariable n = sd.gather(sd.shape(cube), new int[]{0}, 0);
        return sd.reshape(cube, sd.concat(0, n, sd.constant(Nd4j.createFromArray(groups, -1L))));
    }

    private SDVariable gated(SDVariable cube, int groups) {
        SDVariable h = cube.mul(sd.nn.sigmoid(cube.mul(perChannel(Parameter.V))));
        SDVariable elements = joined(cube, groups);
        SDVariable unit = unit(variance(elements, elements.mean(true, 2), 2));
        return sd.reshape(joined(h, groups).mul(unit), sd.shape(cube));
    }

    /** By weighted means and variances, of which the last ones may be given. */
    private SDVariable mixed(SDVariable cube, NormPlan.Channels plan) {
        SDVariable[] meanWeights = weights(Parameter.MEAN_WEIGHT, plan);
        SDVariable[] varWeights = weights(Parameter.VAR_WEIGHT, plan);
        SDVariable mean = null;
        SDVariable variance = null;
        for (int k = 0; k < plan.parts().size(); k++) {
            boolean given = k == plan.running() && spec.kind().definition().isInference();
            int[] axes = axes(plan.parts().get(k));
            SDVariable own = given ? perChannel(Parameter.MEAN) : cube.mean(true, axes);
            mean = plus(mean, weighted(own, meanWeights, k));
            if (plan.divisor() != Divisor.NOTHING) {
                SDVariable square = given ? given() : variance(cube, own, axes);
                variance = plus(variance, weighted(square, varWeights, k));
            }
        }
        return variance == null ? cube.sub(mean) : standardized(cube, mean, variance);
    }

    private static SDVariable weighted(SDVariable value, SDVariable[] weights, int k) {
        return weights == null ? value : value.mul(weights[k]);
    }

    private static SDVariable plus(SDVariable sum, SDVariable summand) {
        return sum == null ? summand : sum.add(summand);
    }

    /** How many weights there are. */
    private int parts() {
        SDVariable logits = spec.pick(inputs, Parameter.MEAN_WEIGHT);
        long[] shape = logits == null ? null : logits.getShape();
        return shape == null ? Definition.PARTS : (int) Arrays.stream(shape).max().orElse(Definition.PARTS);
    }

    /** Softmax over the parts in use, or null with one part. A sum picks a weight: the gradient of gather is a loop. */
    private SDVariable[] weights(Parameter parameter, NormPlan.Channels plan) {
        SDVariable logits = spec.pick(inputs, parameter);
        if (logits == null) {
            return null;
        }
        int all = parts();
        double[] unused = new double[all];
        Arrays.fill(unused, 0, plan.firstWeight(), NEVER);
        SDVariable softmax = sd.nn.softmax(sd.reshape(logits.castTo(DataType.DOUBLE), all)
                .add(sd.constant(Nd4j.createFromArray(unused))), 0);
        SDVariable[] weights = new SDVariable[plan.parts().size()];
        for (int k = 0; k < weights.length; k++) {
            double[] only = new double[all];
            only[plan.firstWeight() + k] = 1;
            weights[k] = softmax.mul(sd.constant(Nd4j.createFromArray(only))).sum();
        }
        return weights;
    }

    /** A number for each channel as [1, C, 1]. */
    private SDVariable perChannel(Parameter parameter) {
        return sd.reshape(spec.pick(inputs, parameter).castTo(DataType.DOUBLE), 1, -1, 1);
    }

    private SDVariable given() {
        return sd.nn.relu(perChannel(Parameter.VAR), 0);
    }

    /** 1 or 0. */
    private SDVariable rankIsAtMost(int rank) {
        return sd.rank(x).lte(rank).castTo(DataType.DOUBLE);
    }
}
