// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.ops.NormKind.Input;
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
        x = inputs.get(0);
    }

    SDVariable output() {
        SDVariable shape = sd.shape(x);
        SDVariable cube = sd.reshape(x.castTo(DataType.DOUBLE), cubeShape(shape));
        if (spec.channelsLast()) {
            cube = sd.permute(cube, 0, 2, 1);
        }
        SDVariable y = normalized(cube);
        if (spec.gamma()) {
            y = y.mul(perChannel(Input.GAMMA));
        }
        if (spec.beta()) {
            y = y.add(perChannel(Input.BETA));
        }
        if (spec.kind() == NormKind.GLOBAL_RESPONSE_NORM) {
            y = y.add(cube);
        }
        if (spec.channelsLast()) {
            y = sd.permute(y, 0, 2, 1);
        }
        return sd.reshape(y, shape).castTo(x.dataType());
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

    private SDVariable normalized(SDVariable cube) {
        return switch (spec.kind()) {
            case BATCH_NORM -> standardized(cube, 0, 2);
            case BATCH_NORM_INFERENCE -> standardized(cube, perChannel(Input.MEAN), given());
            case GROUP_NORM -> grouped(cube, spec.groups());
            case INSTANCE_NORM -> standardized(cube, 2);
            case LAYER_NORM -> {
                SDVariable byPosition = rankIsAtMost(3);
                yield standardized(cube, 1).mul(byPosition).add(standardized(cube, 1, 2).mul(byPosition.rsub(1)));
            }
            case LAYER_NORM_PER_POSITION -> standardized(cube, 1);
            case SWITCHABLE_NORM, SWITCHABLE_NORM_INFERENCE -> switched(cube);
            case RMS_NORM -> cube.mul(unit(sd.math.square(cube).mean(true, 1)));
            // The square is bounded, not its root, whose slope at 0 is infinite.
            case L2_NORMALIZE -> cube.mul(sd.math.rsqrt(sd.math.max(sd.math.square(cube).sum(true, 1),
                    sd.constant(Math.max(Double.MIN_NORMAL, spec.eps() * spec.eps())))));
            case FILTER_RESPONSE_NORM -> cube.mul(unit(sd.math.square(cube).mean(true, 2)));
            case GLOBAL_RESPONSE_NORM -> {
                SDVariable length = sd.math.sqrt(sd.math.max(sd.math.square(cube).sum(true, 2), sd.constant(Double.MIN_NORMAL)));
                yield cube.mul(length.div(length.mean(true, 1).add(spec.eps())));
            }
        };
    }

    private SDVariable standardized(SDVariable cube, int... axes) {
        SDVariable mean = cube.mean(true, axes);
        return standardized(cube, mean, variance(cube, mean, axes));
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

    private SDVariable variance(SDVariable cube, SDVariable mean, int... axes) {
        return sd.math.square(cube.sub(mean)).mean(true, axes);
    }

    private SDVariable grouped(SDVariable cube, int groups) {
        SDVariable shape = sd.shape(cube);
        SDVariable n = sd.gather(shape, new int[]{0}, 0);
        SDVariable joined = sd.reshape(cube, sd.concat(0, n, sd.constant(Nd4j.createFromArray(groups, -1L))));
        return sd.reshape(standardized(joined, 2), shape);
    }

    private SDVariable switched(SDVariable cube) {
        int[][] axes = {{2}, {1, 2}, {0, 2}};
        SDVariable[] meanWeights = weights(Input.MEAN_WEIGHT);
        SDVariable[] varWeights = weights(Input.VAR_WEIGHT);
        SDVariable mean = null;
        SDVariable variance = null;
        for (int k = 0; k < meanWeights.length; k++) {
            boolean given = k == axes.length - 1 && spec.kind().isInference();
            SDVariable own = given ? perChannel(Input.MEAN) : cube.mean(true, axes[k]);
            mean = plus(mean, own.mul(meanWeights[k]));
            variance = plus(variance, (given ? given() : variance(cube, own, axes[k])).mul(varWeights[k]));
        }
        return standardized(cube, mean, variance);
    }

    private static SDVariable plus(SDVariable sum, SDVariable summand) {
        return sum == null ? summand : sum.add(summand);
    }

    /** Softmax; input of rank 2 has no instance part. A sum picks a weight: the gradient of gather is a loop. */
    private SDVariable[] weights(Input input) {
        SDVariable logits = spec.pick(inputs, input);
        long[] shape = logits.getShape();
        int parts = shape == null ? NormKind.PARTS : (int) Arrays.stream(shape).max().orElse(NormKind.PARTS);
        double[] noInstance = new double[parts];
        noInstance[0] = NEVER;
        SDVariable all = sd.nn.softmax(sd.reshape(logits.castTo(DataType.DOUBLE), parts)
                .add(sd.constant(Nd4j.createFromArray(noInstance)).mul(rankIsAtMost(2))), 0);
        SDVariable[] weights = new SDVariable[parts];
        for (int k = 0; k < parts; k++) {
            double[] only = new double[parts];
            only[k] = 1;
            weights[k] = all.mul(sd.constant(Nd4j.createFromArray(only))).sum();
        }
        return weights;
    }

    /** A number for each channel as [1, C, 1]. */
    private SDVariable perChannel(Input input) {
        return sd.reshape(spec.pick(inputs, input).castTo(DataType.DOUBLE), 1, -1, 1);
    }

    private SDVariable given() {
        return sd.nn.relu(perChannel(Input.VAR), 0);
    }

    /** 1 or 0. */
    private SDVariable rankIsAtMost(int rank) {
        return sd.rank(x).lte(rank).castTo(DataType.DOUBLE);
    }
}
