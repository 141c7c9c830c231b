// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.util.Arrays;
import java.util.Random;
import java.util.function.LongConsumer;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Layers and input drawn at random for as many seconds as {@code -Dfuzz.seconds}, or the environment variable
 * FUZZ_SECONDS, says, from the seed {@code -Dfuzz.seed} on. A failure names its seed; with that and 0 seconds the case
 * comes again, alone.
 *
 * <p>Conditional norms are drawn from the options that {@link ConditionalOptionsTest} combines by hand: they are no norms of the
 * factory and have two inputs, so that what is drawn for those does not fit them. Attention, which is no norm either, is not
 * drawn: {@link SelfAttentionTest} compares it with its formula, for every norm of queries and keys.
 */
@Tag("long")
class FuzzTest {
    private static final Logger LOG = LoggerFactory.getLogger(FuzzTest.class);
    private static final DataType[] TYPES = {DataType.FLOAT, DataType.FLOAT, DataType.DOUBLE, DataType.HALF,
        DataType.BFLOAT16, DataType.INT32, DataType.INT64, DataType.BOOL};

    private static void fuzz(String what, double share, LongConsumer target) {
        double seconds = Double.parseDouble(System.getProperty("fuzz.seconds",
                System.getenv().getOrDefault("FUZZ_SECONDS", "4")));
        long first = Long.getLong("fuzz.seed", 1);
        long end = System.nanoTime() + (long) (1e9 * share * seconds);
        LOG.info("{}: from seed {} on for {} s", what, first, share * seconds);
        long seed = first;
        do {
            try {
                target.accept(seed);
            } catch (Throwable failure) {
                throw new AssertionError(what + ": seed " + seed + " failed; again with -Dfuzz.seed=" + seed
                        + " -Dfuzz.seconds=0", failure);
            }
            seed++;
        } while (System.nanoTime() < end);
        LOG.info("{}: seeds {} to {} done", what, first, seed - 1);
    }

    @Test
    void whateverIsAllowedComesOutAsDefined() {
        fuzz("allowed input", 0.7, seed -> new FuzzCase(seed).check());
    }

    @Test
    void conditionsComeOutAsDefined() {
        fuzz("conditions", 0.05, ConditionalOptionsTest::compare);
    }

    @Test
    void aSaturatedTanhHasNoSlopeInFloat() {
        new FuzzCase(494).check();
    }

    @Test
    void halfOverflowsToInfinity() {
        new FuzzCase(1281).check();
    }

    @Test
    void whateverIsNotAllowedIsAnErrorThatSaysSo() {
        fuzz("any input", 0.25, FuzzTest::anyInput);
    }

    /** Shapes of any rank with sizes around those that fit; nothing but the exception meant for it may come out. */
    private static void anyInput(long seed) {
        Random random = new Random(seed);
        Norm norm = Norm.values()[random.nextInt(Norm.values().length)];
        Kind kind = Kind.values()[random.nextInt(Kind.values().length)];
        NormLayer conf = norm.layer();
        LayerUnderTest layer = NormCases.layer(conf, NormCases.takes(norm, kind) ? kind : Kind.CNN_FIRST, 4, DataType.FLOAT);
        double[] params = TestNetwork.numbers(layer.params);
        INDArray x = any(random, random.nextInt(8));
        INDArray mask = random.nextBoolean() ? null : any(random, random.nextBoolean() ? x.rank() : 2);
        layer.mask(mask);
        boolean accepted = false;
        try {
            INDArray y = layer.forward(x, random.nextBoolean());
            accepted = true;
            assertThat(y.shape()).isEqualTo(x.shape());
            assertThat(TestNetwork.isFinite(y)).isTrue();
            INDArray dy = random.nextBoolean() ? Nd4j.ones(DataType.FLOAT, x.shape()) : any(random, x.rank());
            assertThat(layer.dx(dy).shape()).isEqualTo(x.shape());
            assertThat(TestNetwork.isFinite(layer.params)).isTrue();
        } catch (DL4JInvalidInputException expected) {
            String what = "x " + Arrays.toString(x.shape()) + (mask == null ? "" : ", mask " + Arrays.toString(mask.shape()));
            assertThat(expected.getMessage()).as(what).contains("expected", "got");
            if (!accepted) {
                assertThat(TestNetwork.numbers(layer.params)).as(what).containsExactly(params);
            }
        }
    }

    private static INDArray any(Random random, int rank) {
        DataType type = TYPES[random.nextInt(TYPES.length)];
        long[] shape = new long[rank];
        int[] sizes = {4, 4, 4, 1, 2, 3, 5};
        for (int i = 0; i < rank; i++) {
            shape[i] = random.nextInt(40) == 0 ? 0 : sizes[random.nextInt(sizes.length)];
        }
        if (Arrays.stream(shape).anyMatch(d -> d == 0)) {
            return Nd4j.create(type, shape);
        }
        INDArray values = rank == 0 ? Nd4j.scalar(random.nextDouble())
                : Nd4j.createFromArray(random.doubles(Arrays.stream(shape).reduce(1, (a, b) -> a * b), -2, 3).toArray())
                .reshape(shape);
        return values.castTo(type);
    }
}
