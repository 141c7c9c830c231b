// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.UnitNormalization;
import io.github.dl4jnorm.ops.NDNorm;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A layer and its input drawn from a seed: any option, shape, layout, type, strides and mask that are allowed. */
final class FuzzCase {
    private static final int[] SIZES = {1, 1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 33, 64, 130};
    private static final DataType[] TYPES = {DataType.FLOAT, DataType.DOUBLE, DataType.HALF};
    private static final Activation[] ACTIVATIONS = {Activation.IDENTITY, Activation.RELU, Activation.TANH};

    private final Random random;
    private final DataType type;
    private final long[] shape;
    private final NormLayer conf;
    private final int channels;
    private final boolean training;
    private final INDArray x;
    private final INDArray dy;
    private final INDArray mask;
    private final LayerUnderTest layer;

    FuzzCase(long seed) {
        random = new Random(seed);
        type = TYPES[random.nextInt(TYPES.length)];
        training = random.nextInt(4) > 0;
        shape = new long[2 + random.nextInt(4)];
        // Now and then large enough to be split among tasks.
        long most = random.nextInt(20) == 0 ? 80_000 : 3_000;
        long length = 1;
        for (int i = 0; i < shape.length; i++) {
            shape[i] = Math.max(1, Math.min(SIZES[random.nextInt(SIZES.length)], most / length));
            length *= shape[i];
        }
        boolean channelsLast = random.nextBoolean();
        channels = (int) shape[channelsLast ? shape.length - 1 : 1];
        conf = options(builder());
        boolean outside = seed % 3 == 0 && shape.length > 2;
        if (conf instanceof GroupNormalization group) {
            group.setEpsOutside(outside);
        } else if (conf instanceof InstanceNormalization instance) {
            instance.setEpsOutside(outside);
        }
        conf.setChannelsLast(channelsLast);
        conf.setNIn(channels);
        if (seed % 5 == 2 && conf.parameters().stream().anyMatch(parameter -> parameter.name().equals(NormParameter.GAMMA))) {
            conf.setGammaOffset(1);
        }
        layer = new LayerUnderTest(conf, channels, type);
        conf.parameters().forEach(this::draw);
        double deviation = type == DataType.HALF ? 1 : new double[]{1, 100, 0.01}[random.nextInt(3)];
        x = inMemory(numbers(length, deviation * random.nextInt(4), deviation));
        dy = inMemory(numbers(length, 0.2, 1));
        mask = random.nextBoolean() ? null : drawMask();
    }

    private NormBuilder<?, ?> builder() {
        return switch (random.nextInt(8)) {
            case 0 -> batch();
            case 1 -> new GroupNormalization.Builder(divisor());
            case 2 -> new LayerNormalization.Builder().perPosition(random.nextBoolean());
            case 3 -> new SwitchableNormalization.Builder().useBatch(random.nextBoolean()).runningStatistics(policy());
            case 4 -> new RmsNormalization.Builder().perPosition(random.nextBoolean());
            case 5 -> new UnitNormalization.Builder().perPosition(random.nextBoolean());
            case 6 -> new GhostBatchNormalization.Builder(1 + random.nextInt(5)).runningStatistics(policy());
            default -> shape.length == 2 ? batch()
                    : new InstanceNormalization.Builder().trackRunningStats(random.nextBoolean()).runningStatistics(policy());
        };
    }

    private BatchNormalization.Builder batch() {
        return random.nextInt(4) == 0 ? new BatchNormalization.Builder(1.5, -0.25, true)
                : new BatchNormalization.Builder().runningStatistics(policy()).useLogStd(random.nextBoolean());
    }

    private RunningStatistics policy() {
        RunningStatistics policy = switch (random.nextInt(4)) {
            case 0 -> RunningStatistics.decay(random.nextDouble());
            case 1 -> RunningStatistics.momentum(random.nextDouble());
            case 2 -> RunningStatistics.decay(random.nextDouble()).debiased();
            default -> RunningStatistics.cumulative();
        };
        return policy.unbiased(random.nextBoolean());
    }

    private int divisor() {
        int[] all = IntStream.rangeClosed(1, channels).filter(d -> channels % d == 0).toArray();
        return all[random.nextInt(all.length)];
    }

    private NormLayer options(NormBuilder<?, ?> builder) {
        return (NormLayer) builder.scale(random.nextInt(4) > 0).center(random.nextInt(4) > 0)
                .eps(new double[]{1e-5, 1e-3, 0.1}[random.nextInt(3)])
                .activation(ACTIVATIONS[random.nextInt(ACTIVATIONS.length)]).build();
    }

    private void draw(NormParameter parameter) {
        INDArray array = layer.param(parameter.name());
        for (int i = 0; i < array.length(); i++) {
            array.putScalar(i, switch (parameter.name()) {
                case NormParameter.GAMMA -> (random.nextBoolean() ? 1 : -1) * (0.5 + random.nextDouble());
                case NormParameter.VAR -> 0.1 + 3 * random.nextDouble();
                case NormParameter.BATCHES -> random.nextInt(5);
                default -> random.nextGaussian() / 2;
            });
        }
    }

    /** Mostly drawn from a bell, sometimes one and the same, sometimes whole numbers, of which many are the same. */
    private INDArray numbers(long length, double mean, double deviation) {
        int kind = random.nextInt(10);
        double[] values = new double[(int) length];
        for (int i = 0; i < values.length; i++) {
            values[i] = kind == 0 ? mean : kind == 1 ? random.nextInt(3) : mean + deviation * random.nextGaussian();
        }
        return Nd4j.createFromArray(values).reshape('c', shape).castTo(type);
    }

    private INDArray inMemory(INDArray array) {
        StrideTest.Memory[] memories = StrideTest.Memory.values();
        SeamView[] views = SeamView.values();
        int kind = random.nextInt(memories.length + views.length + 3);
        if (kind < memories.length) {
            return memories[kind].of(array);
        }
        if (kind < memories.length + views.length) {
            List<INDArray> all = views[kind - memories.length].of(array);
            return all.get(random.nextInt(all.size()));
        }
        return array;
    }

    /** Channels first; [N, 1], [N, T], or of the rank of the input with any axis but that of examples broadcast. */
    private INDArray drawMask() {
        long[] maskShape;
        if (shape.length == 2 || random.nextInt(3) == 0) {
            maskShape = new long[]{shape[0], 1};
        } else {
            maskShape = new long[shape.length];
            maskShape[0] = shape[0];
            for (int axis = 1; axis < shape.length; axis++) {
                maskShape[axis] = random.nextBoolean() ? 1 : sizeChannelsFirst(axis);
            }
            if (shape.length == 3 && random.nextBoolean()) {
                maskShape = new long[]{shape[0], sizeChannelsFirst(2)};
            }
        }
        double share = new double[]{0, 0.5, 0.9}[random.nextInt(3)];
        double[] drawn = random.doubles(Arrays.stream(maskShape).reduce(1, (a, b) -> a * b)).map(d -> d < share ? 1 : 0)
                .toArray();
        return Nd4j.createFromArray(drawn).reshape('c', maskShape).castTo(random.nextBoolean() ? DataType.FLOAT : type);
    }

    private long sizeChannelsFirst(int axis) {
        return axis == 1 ? channels : conf.isChannelsLast() ? shape[axis - 1] : shape[axis];
    }

    private boolean[] keep() {
        boolean[] keep = new boolean[(int) x.length()];
        double[] masked = mask == null ? null : TestNetwork.numbers(mask);
        for (int i = 0; i < keep.length; i++) {
            keep[i] = masked == null || masked[maskIndex(i)] != 0;
        }
        return keep;
    }

    private int maskIndex(int element) {
        long[] at = new long[shape.length];
        int rest = element;
        for (int axis = shape.length - 1; axis >= 0; axis--) {
            at[axis] = rest % shape[axis];
            rest /= (int) shape[axis];
        }
        if (conf.isChannelsLast()) {
            long channel = at[at.length - 1];
            System.arraycopy(at, 1, at, 2, at.length - 2);
            at[1] = channel;
        }
        if (mask.rank() == 2 && shape.length > 2) {
            at = new long[]{at[0], shape.length == 3 ? at[2] : 0};
        }
        int index = 0;
        for (int axis = 0; axis < at.length; axis++) {
            index = (int) (index * mask.size(axis) + (mask.size(axis) == 1 ? 0 : at[axis]));
        }
        return index;
    }

    /** Both passes against the definition; input, and what a test mode may not change, as they were. */
    void check() {
        double[] before = TestNetwork.numbers(x);
        double[] beforeDy = TestNetwork.numbers(dy);
        double[] params = TestNetwork.numbers(layer.params);
        boolean[] keep = keep();
        LayerReference expected = new LayerReference(layer, shape, before, beforeDy, keep, training);
        layer.mask(mask);
        double tolerance = type == DataType.DOUBLE ? 1e-11 : type == DataType.FLOAT ? 2e-5 : 4e-3;
        compare("y", layer.forward(x, training), expected.y, tolerance * expected.sizeOfY);
        layer.gradients.assign(77);
        INDArray dx = layer.dx(dy);
        // At its bend a ReLU may count as active in one of both and not in the other.
        if (!conf.fusesRelu() || expected.bend > tolerance * expected.sizeOfY) {
            compare("dx", dx, expected.dx, tolerance * expected.sizeOfDx);
            compare("gradient of gamma", gradient(NormParameter.GAMMA), expected.gamma, tolerance * expected.sizeOfGradients);
            compare("gradient of beta", gradient(NormParameter.BETA), expected.beta, tolerance * expected.sizeOfGradients);
        }
        checkSum();
        checkAxes();
        require(Arrays.equals(before, TestNetwork.numbers(x)), "x was changed");
        require(Arrays.equals(beforeDy, TestNetwork.numbers(dy)), "dy was changed");
        require(TestNetwork.isFinite(layer.params), "parameters are not finite");
        require(training || Arrays.equals(params, TestNetwork.numbers(layer.params)), "test mode changed parameters");
    }

    /** Of a sum, a norm that normalizes it in the same pass gives what it gives for any input. */
    private void checkSum() {
        INDArray sum = Nd4j.createUninitialized(type, shape, 'c');
        if (layer.layer.activateSum(x, dy, sum, training, LayerWorkspaceMgr.noWorkspaces())) {
            double[] y = TestNetwork.numbers(layer.forward(sum, training));
            double[] dx = TestNetwork.numbers(layer.dx(dy));
            require(Arrays.equals(y, TestNetwork.numbers(layer.forward(x.add(dy), training))), "another norm of a sum");
            require(Arrays.equals(dx, TestNetwork.numbers(layer.dx(dy))), "another gradient of a sum");
        }
    }

    /** Over any axes is over the last ones of an array with its axes in another order. */
    private void checkAxes() {
        int rank = shape.length;
        int reduced = 1 + random.nextInt((1 << rank) - 1);
        int[] axes = IntStream.range(0, rank).filter(axis -> (reduced >> axis & 1) == 1).toArray();
        int[] order = IntStream.concat(IntStream.range(0, rank).filter(axis -> (reduced >> axis & 1) == 0),
                Arrays.stream(axes)).toArray();
        NDNorm norm = new NDNorm();
        boolean rms = random.nextBoolean();
        INDArray moved = x.permute(order);
        double[] expected = TestNetwork.numbers(rms ? norm.rmsNormLastAxes(moved, axes.length, null, null, 0.1)
                : norm.layerNormLastAxes(moved, axes.length, null, null, 0.1));
        INDArray y = rms ? norm.rmsNormalize(x, axes, new int[0], null, null, 0.1)
                : norm.normalize(x, axes, new int[0], null, null, 0.1);
        compare("over axes " + Arrays.toString(axes) + ", y", y.permute(order), expected,
                type == DataType.DOUBLE ? 1e-9 : type == DataType.FLOAT ? 1e-4 : 0.1);
    }

    private INDArray gradient(String name) {
        return conf.initializer().getGradientsFromFlattened(layer.layer.conf(), layer.gradients).get(name);
    }

    private void compare(String what, INDArray actual, double[] expected, double tolerance) {
        if (actual == null) {
            return;
        }
        double[] numbers = TestNetwork.numbers(actual);
        require(numbers.length == expected.length, what + " has " + numbers.length + " elements");
        for (int i = 0; i < expected.length; i++) {
            boolean close = Math.abs(numbers[i] - expected[i]) <= tolerance + Double.MIN_NORMAL
                    || tooLarge(expected[i], tolerance) && numbers[i] == Math.copySign(Double.POSITIVE_INFINITY, expected[i]);
            if (!close) {
                // Only then: most of the time of all cases would go into messages.
                require(false, what + "[" + i + "]: expected " + expected[i] + ", got " + numbers[i] + ", tolerance "
                        + tolerance);
            }
        }
    }

    /** Whether a HALF has no finite value for a number, or perhaps none. */
    private boolean tooLarge(double number, double tolerance) {
        return type == DataType.HALF && Math.abs(number) + tolerance > 65504;
    }

    private void require(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what + " of " + this);
        }
    }

    @Override
    public String toString() {
        return conf + " " + type + " x " + Arrays.toString(shape) + " strides " + Arrays.toString(x.stride()) + " dy strides "
                + Arrays.toString(dy.stride()) + " mask " + (mask == null ? "none" : Arrays.toString(mask.shape()))
                + (training ? " training" : " test mode");
    }
}
