// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import io.github.dl4jnorm.conf.ConditionalNormalization;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;

/** All options of conditional normalization, drawn at random, against compositions of libtorch's operations. */
class ConditionalOptionsParityTest {
    private static final int REPEATS = Integer.getInteger("parity.repeats", 4);
    private static final long SEED = Long.getLong("parity.seed", System.nanoTime() % 1_000_000);
    private static final double EPS = 1e-3;

    /** The vertex, its input channels first, and the positions of the condition, or null where that is vectors. */
    record Case(ConditionalNormalization conf, DataType type, long[] shape, long[] positions, long seed) {
        static Case draw(long seed) {
            Random random = new Random(seed);
            boolean normalize = random.nextInt(4) > 0;
            boolean perPosition = normalize && random.nextBoolean();
            int groups = normalize && random.nextBoolean() ? 1 + random.nextInt(3) : 0;
            int least = !normalize || perPosition || groups > 0 ? 2 : 3;
            long[] shape = random.longs(least + random.nextInt(6 - least), 4, 7).toArray();
            shape[1] = (long) Math.max(1, groups) * (4 + random.nextInt(4));
            boolean map = shape.length > 2 && random.nextBoolean();
            ConditionalNormalization conf = new ConditionalNormalization.Builder().eps(EPS).normalize(normalize)
                    .perPosition(perPosition).groups(groups).rms(normalize && random.nextBoolean()).shift(random.nextInt(4) > 0)
                    .gammaOffset(random.nextInt(2)).channelsLast(random.nextBoolean()).build();
            // Smaller, as large, or larger.
            long[] positions = map ? random.longs(shape.length - 2, 1, 9).toArray() : null;
            return new Case(conf, random.nextBoolean() ? DataType.FLOAT : DataType.DOUBLE, shape, positions, seed);
        }

        private long[] stored(long[] first) {
            return conf.isChannelsLast() ? LongStream.concat(LongStream.concat(LongStream.of(first[0]),
                    LongStream.of(first).skip(2)), LongStream.of(first[1])).toArray() : first;
        }

        private long[] condition() {
            long[] vectors = {shape[0], conf.conditionLength(shape[1])};
            return positions == null ? vectors : stored(LongStream.concat(LongStream.of(vectors), LongStream.of(positions))
                    .toArray());
        }

        private Tensor first(Tensor stored) {
            int last = shape.length - 1;
            return conf.isChannelsLast() && last > 1 ? stored.permute(LongStream.concat(LongStream.of(0, last),
                    LongStream.range(1, last)).toArray()) : stored;
        }

        private Tensor last(Tensor first) {
            return conf.isChannelsLast() && shape.length > 2 ? first.permute(LongStream.concat(LongStream.concat(
                    LongStream.of(0), LongStream.range(2, shape.length)), LongStream.of(1)).toArray()).contiguous() : first;
        }

        @Override
        public String toString() {
            return conf + ", " + type + " " + Arrays.toString(shape) + ", condition " + Arrays.toString(condition()) + ", seed "
                    + seed;
        }
    }

    @BeforeAll
    static void loadLibtorch() {
        Autograd.load();
    }

    static Stream<Case> cases() {
        return IntStream.range(0, 15 * REPEATS).mapToObj(i -> Case.draw(SEED + i));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void equalsLibtorch(Case drawn) {
        Random random = new Random(drawn.seed());
        long[] xShape = drawn.stored(drawn.shape());
        long[] otherShape = drawn.condition();
        double[] x = ConditionedParityTest.gaussian(random, xShape, 1);
        double[] other = ConditionedParityTest.gaussian(random, otherShape, 0.5);
        double[] dy = ConditionedParityTest.gaussian(random, xShape, 0.25);
        double[][] ours = ConditionedParityTest.ours(drawn.conf(), ConditionedParityTest.array(x, drawn.type(), xShape),
                ConditionedParityTest.array(other, drawn.type(), otherShape),
                ConditionedParityTest.array(dy, drawn.type(), xShape));
        try (PointerScope scope = new PointerScope(Tensor.class)) {
            Tensor content = Autograd.leaf(ScalarType.Double, x, xShape);
            Tensor condition = Autograd.leaf(ScalarType.Double, other, otherShape);
            ConditionedParityTest.compare(drawn.toString(), drawn.type(), ours, output(drawn, content, condition),
                    Autograd.tensor(ScalarType.Double, dy, xShape), content, condition);
        }
    }

    private static Tensor output(Case drawn, Tensor content, Tensor condition) {
        long channels = drawn.shape()[1];
        Tensor v = drawn.positions() == null ? condition : resized(drawn, drawn.first(condition));
        long[] broadcast = LongStream.range(0, drawn.shape().length).map(axis -> axis < 2 ? drawn.shape()[(int) axis] : 1)
                .toArray();
        Tensor gamma = v.narrow(1, 0, channels).add(new Scalar(drawn.conf().getGammaOffset()));
        gamma = drawn.positions() == null ? gamma.reshape(broadcast) : gamma;
        Tensor y = normalized(drawn, drawn.first(content)).mul(gamma);
        if (!drawn.conf().isUnshifted()) {
            Tensor beta = v.narrow(1, channels, channels);
            y = y.add(drawn.positions() == null ? beta.reshape(broadcast) : beta);
        }
        return drawn.last(y);
    }

    private static Tensor resized(Case drawn, Tensor maps) {
        Tensor result = maps;
        for (int axis = 2; axis < drawn.shape().length; axis++) {
            long to = drawn.shape()[axis];
            long from = drawn.positions()[axis - 2];
            double[] sources = LongStream.range(0, to).mapToDouble(i -> i * from / to).toArray();
            result = torch.index_select(result, axis, Autograd.tensor(ScalarType.Double, sources, to).to(ScalarType.Long));
        }
        return result;
    }

    /** Groups of channels as an axis of their own. */
    private static Tensor normalized(Case drawn, Tensor x) {
        ConditionalNormalization conf = drawn.conf();
        if (conf.isUnnormalized()) {
            return x;
        }
        boolean positions = conf.isPerPosition() || drawn.shape().length == 2;
        long groups = conf.getGroups() > 0 ? conf.getGroups() : positions ? 1 : drawn.shape()[1];
        long[] split = LongStream.concat(LongStream.of(drawn.shape()[0], groups, drawn.shape()[1] / groups),
                LongStream.of(drawn.shape()).skip(2)).toArray();
        Tensor grouped = x.reshape(split);
        long[] axes = positions ? new long[]{2} : LongStream.range(2, split.length).toArray();
        Tensor mean = grouped.mean(axes, true, new ScalarTypeOptional());
        Tensor centered = conf.isRms() ? grouped : grouped.sub(mean);
        Tensor square = centered.mul(centered).mean(axes, true, new ScalarTypeOptional());
        return centered.div(square.add(new Scalar(EPS)).sqrt()).reshape(drawn.shape());
    }
}
