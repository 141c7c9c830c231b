// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import io.github.dl4jnorm.ops.Layout;
import io.github.dl4jnorm.ops.SDNorm;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * Builds what a normalization of ONNX computes. What the operations of this library do not compute is composed in double:
 * ND4J's means in float lose digits.
 */
final class NormGraph {
    static final double EPSILON = 1e-5f;
    private static final double MOMENTUM = 0.9f;
    private static final int SPATIAL_GONE = 9;
    /** MeanVarianceNormalization adds it to the standard deviation. */
    private static final double TINY = 1e-9;
    /** Lengths and sums below these count as 0: their reciprocals, and squares, must be numbers of the type. */
    private static final double SHORTEST = Float.MIN_NORMAL;
    private static final double SHORTEST_IN_DOUBLE = 1e-150;

    private final SameDiff sd;
    private final OnnxNode node;
    private final SDNorm norm;
    private final NormInput input;

    NormGraph(SameDiff sd, OnnxNode node, NormInput input) {
        this.sd = sd;
        this.node = node;
        this.input = input;
        norm = new SDNorm(sd);
    }

    /** In the node's order; what stands where it has none is of no use. */
    List<SDVariable> outputs() {
        return switch (node.op()) {
            case BATCH -> batch();
            case INSTANCE -> {
                requireRank(3);
                yield one(input.channels(x -> norm.instanceNorm(x, input.real(1), input.real(2), eps())));
            }
            case GROUP -> group();
            case LAYER -> layer();
            case RMS -> rms();
            case MEAN_VARIANCE -> meanVariance();
            case LP -> lp();
        };
    }

    private static List<SDVariable> all(SDVariable... outputs) {
        return Arrays.asList(outputs);
    }

    private List<SDVariable> one(SDVariable y) {
        return all(typed(y, input.type(0)));
    }

    private static SDVariable typed(SDVariable y, DataType type) {
        return y.dataType() == type ? y : y.castTo(type);
    }

    private void requireRank(int least) {
        if (input.rank() < least) {
            throw node.error("input of rank " + least + " or more", "rank " + input.rank());
        }
    }

    private double eps() {
        double eps = node.number("epsilon", EPSILON);
        if (!(eps >= 0) || Double.isInfinite(eps)) {
            throw node.error("epsilon >= 0", eps);
        }
        return Math.max(eps, Float.MIN_NORMAL);
    }

    private List<SDVariable> batch() {
        boolean several = IntStream.range(1, node.outputs().size()).anyMatch(node::hasOutput);
        boolean flagged = node.opset() >= 14;
        boolean training = flagged ? node.integer("training_mode", 0) != 0 : several;
        if (!node.spatial() && node.opset() >= SPATIAL_GONE) {
            throw node.error("no attribute spatial (removed in operator set " + SPATIAL_GONE + ")", "spatial = 0");
        }
        if (several && (!training || node.integer("is_test", 0) != 0) || flagged && node.outputs().size() > 3) {
            throw node.error(flagged && training ? "Y, running_mean and running_var" : "only the output Y in test mode",
                    node.outputs());
        }
        requireRank(node.spatial() ? 1 : 2);
        UnaryOperator<SDVariable> operation = x -> training ? norm.batchNorm(x, vector(1), vector(2), eps())
                : norm.batchNormInference(x, vector(1), vector(2), vector(3), vector(4), eps());
        // Without spatial every element of an example is what a channel is else.
        SDVariable y = node.spatial() ? input.channels(operation) : input.rows(1, operation);
        return several ? statisticsOfBatch(typed(y, input.type(0))) : one(y);
    }

    /** Running averages, and in files of old the statistics of the batch themselves. */
    private List<SDVariable> statisticsOfBatch(SDVariable y) {
        int rank = input.rank();
        SDVariable x = input.x().castTo(DataType.DOUBLE);
        SDVariable cube = rank == 1 ? sd.reshape(x, -1, 1) : x;
        int[] axes = IntStream.range(0, Math.max(rank, 2)).filter(axis -> axis != 1 && (axis == 0 || node.spatial())).toArray();
        int cubes = Math.max(rank, 2);
        SDVariable mean = Reduction.of(SDVariable::mean, sd, cube, cubes, false, axes);
        SDVariable variance = Reduction.of(SDVariable::mean, sd,
                sd.math.square(cube.sub(Reduction.of(SDVariable::mean, sd, cube, cubes, true, axes))), cubes, false, axes);
        SDVariable[] outputs = new SDVariable[node.outputs().size()];
        outputs[0] = y;
        for (int i = 1; i < outputs.length; i++) {
            SDVariable current = i % 2 == 1 ? mean : variance;
            if (node.hasOutput(i)) {
                outputs[i] = i < 3 ? running(i + 2, current) : current.castTo(input.type(i));
            }
        }
        return all(outputs);
    }

    private SDVariable running(int index, SDVariable current) {
        double momentum = node.number("momentum", MOMENTUM);
        return input.real(index).castTo(DataType.DOUBLE).mul(momentum).add(current.mul(1 - momentum))
                .castTo(input.type(index));
    }

    private List<SDVariable> group() {
        requireRank(3);
        long groups = node.integer("num_groups", 0);
        long channels = input.sizes(0)[1];
        if (groups < 1 || groups > Integer.MAX_VALUE || channels > 0 && channels % groups != 0) {
            throw node.error("num_groups that divides the number of channels" + (channels > 0 ? ", " + channels : ""), groups);
        }
        int count = (int) groups;
        // The first version scales whole groups, which then are to instance norm what channels are.
        return one(node.opset() < 21
                ? input.groups(count, x -> norm.instanceNorm(x, input.real(1), input.real(2), eps()))
                : input.channels(x -> norm.groupNorm(x, input.real(1), input.real(2), count, eps())));
    }

    private List<SDVariable> layer() {
        int axis = input.axis(node.integer("axis", -1));
        DataType stash = stashType();
        boolean fusedScale = isOneForEachElement(1, axis);
        boolean biased = node.hasInput(2);
        boolean fusedBias = biased && fusedScale && isOneForEachElement(2, axis);
        SDVariable fused = input.rows(axis, x -> norm.layout(Layout.CHANNELS_LAST)
                .layerNormPerPosition(x, fusedScale ? vector(1) : null, fusedBias ? vector(2) : null, eps()));
        SDVariable scaled = fusedScale ? fused : fused.mul(typed(input.real(1), fused.dataType()));
        SDVariable y = typed(!biased || fusedBias ? scaled : scaled.add(typed(input.real(2), scaled.dataType())), input.type(0));
        if (!node.hasOutput(1) && !node.hasOutput(2)) {
            return all(y);
        }
        int[] axes = IntStream.range(axis, input.rank()).toArray();
        SDVariable x = input.x().castTo(DataType.DOUBLE);
        SDVariable mean = mean(x, axes);
        return all(y, typed(mean.add(0), stash),
                typed(sd.math.rsqrt(mean(sd.math.square(x.sub(mean)), axes).add(eps())), stash));
    }

    private List<SDVariable> rms() {
        int axis = input.axis(node.integer("axis", -1));
        stashType();
        boolean fused = isOneForEachElement(1, axis);
        SDVariable y = input.rows(axis, x -> norm.layout(Layout.CHANNELS_LAST).rmsNorm(x, fused ? vector(1) : null, null, eps()));
        DataType type = input.type(1);
        return all(fused ? typed(y, type) : typed(y.mul(typed(input.real(1), y.dataType())), type));
    }

    private SDVariable mean(SDVariable x, int... axes) {
        return Reduction.of(SDVariable::mean, sd, x, input.rank(), true, axes);
    }

    private SDVariable vector(int index) {
        SDVariable given = input.real(index);
        long[] sizes = input.sizes(index);
        return sizes != null && sizes.length == 1 ? given : sd.reshape(given, -1);
    }

    private DataType stashType() {
        long type = node.integer("stash_type", 1);
        return switch ((int) Math.min(type, Integer.MAX_VALUE)) {
            case 1, 16 -> DataType.FLOAT;
            case 10 -> DataType.HALF;
            case 11 -> DataType.DOUBLE;
            default -> throw node.error("stash_type 1 (float), 10 (float16), 11 (double) or 16 (bfloat16)", type);
        };
    }

    /** Whether an input has as many elements as an example, as far as can be told; else it is to be spread over them. */
    private boolean isOneForEachElement(int index, int axis) {
        long[] given = input.sizes(index);
        long[] x = input.sizes(0);
        if (given == null) {
            return false;
        }
        int missing = x.length - given.length;
        boolean all = missing == axis;
        for (int i = given.length - 1; i >= 0; i--) {
            long size = missing + i < 0 ? 0 : x[missing + i];
            if (size == 0 || given[i] > 1 && size > 0 && given[i] != size) {
                throw node.error("input " + index + " that can be broadcast to x " + Arrays.toString(x),
                        Arrays.toString(given));
            }
            all &= given[i] > 1 || given[i] == 1 && size == 1;
        }
        return all;
    }

    private List<SDVariable> meanVariance() {
        int[] axes = Arrays.stream(node.integers("axes", 0, 2, 3)).mapToInt(input::axis).distinct().toArray();
        SDVariable x = input.x().castTo(DataType.DOUBLE);
        SDVariable centered = axes.length == 0 ? x.sub(x) : x.sub(mean(x, axes));
        SDVariable variance = axes.length == 0 ? sd.math.square(centered) : mean(sd.math.square(centered), axes);
        // The slope of the root at 0 is infinite.
        SDVariable deviation = sd.math.sqrt(sd.math.max(variance, sd.constant(Double.MIN_NORMAL)));
        return one(centered.div(deviation.add(TINY)));
    }

    private List<SDVariable> lp() {
        long p = node.integer("p", 2);
        int axis = input.axis(node.integer("axis", -1));
        if (p == 1) {
            SDVariable x = input.x().castTo(DataType.DOUBLE);
            return one(x.div(sd.math.max(Reduction.of(SDVariable::sum, sd, sd.math.abs(x), input.rank(), true, axis),
                    sd.constant(SHORTEST_IN_DOUBLE))));
        }
        if (p != 2) {
            throw node.error("p = 1 or p = 2", p);
        }
        double shortest = input.type(0) == DataType.DOUBLE ? SHORTEST_IN_DOUBLE : SHORTEST;
        if (axis == input.rank() - 1) {
            return one(input.rows(axis, x -> norm.layout(Layout.CHANNELS_LAST).l2Normalize(x, shortest)));
        }
        UnaryOperator<SDVariable> first = x -> norm.layout(Layout.CHANNELS_FIRST).l2Normalize(x, shortest);
        return one(axis == 1 ? input.channels(first) : input.around(axis, first));
    }
}
