// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.Thinned;
import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Normalization over any axes against plain loops over double, and its gradients against central differences. */
@Tag("long")
class AxesTest {
    private static final double EPS = 1e-2;
    private static final double STEP = 1e-5;
    private static final long[] SIZES = {3, 2, 4, 2, 3};

    /** Axes as the bits of two numbers. */
    record Case(boolean rms, int rank, int reduced, int features) {
        static Stream<Case> all(int least, int most) {
            List<Case> cases = new ArrayList<>();
            for (int rank = least; rank <= most; rank++) {
                for (int reduced = 1; reduced < 1 << rank; reduced++) {
                    for (int features = 0; features < 1 << rank; features++) {
                        cases.add(new Case(false, rank, reduced, features));
                        cases.add(new Case(true, rank, reduced, features));
                    }
                }
            }
            return cases.stream();
        }

        private static int[] axes(int bits) {
            return IntStream.range(0, 5).filter(axis -> (bits >> axis & 1) == 1).toArray();
        }

        /** Now and then in another order and counted from the end. */
        private int[] said(int bits) {
            int[] axes = axes(bits);
            if (reduced % 3 == 0) {
                int last = axes.length - 1;
                return IntStream.rangeClosed(0, last).map(i -> axes[last - i] - rank).toArray();
            }
            return axes;
        }

        long[] shape() {
            return Arrays.copyOf(SIZES, rank);
        }

        boolean affine() {
            return features > 0 || reduced % 2 == 0;
        }

        Map<String, INDArray> inputs(DataType type) {
            Random random = new Random(31L * reduced + features);
            Map<String, INDArray> inputs = new LinkedHashMap<>();
            INDArray x = drawn(random, shape()).castTo(type);
            inputs.put("x", features % 2 == 0 ? x : x.dup('f'));
            if (affine()) {
                long[] shape = Arrays.stream(axes(features)).mapToLong(axis -> SIZES[axis]).toArray();
                inputs.put("gamma", drawn(random, shape).castTo(type));
                inputs.put("beta", drawn(random, shape).castTo(type));
            }
            return inputs;
        }

        <A> A y(NormOps<A> ops, Map<String, A> in) {
            A x = in.get("x");
            return rms ? ops.rmsNormalize(x, said(reduced), said(features), in.get("gamma"), in.get("beta"), EPS)
                    : ops.normalize(x, said(reduced), said(features), in.get("gamma"), in.get("beta"), EPS);
        }

        /** Written straight from the definition. */
        double[] expected(Map<String, INDArray> in) {
            double[] x = numbers(in.get("x"));
            double[] count = new double[x.length];
            double[] mean = new double[x.length];
            double[] squares = new double[x.length];
            int kept = (1 << rank) - 1 - reduced;
            for (int i = 0; i < x.length; i++) {
                count[place(i, kept)]++;
                mean[place(i, kept)] += rms ? 0 : x[i];
            }
            for (int i = 0; i < x.length; i++) {
                double difference = x[i] - mean[place(i, kept)] / count[place(i, kept)];
                squares[place(i, kept)] += difference * difference;
            }
            double[] gamma = affine() ? numbers(in.get("gamma")) : null;
            double[] beta = affine() ? numbers(in.get("beta")) : null;
            double[] y = new double[x.length];
            for (int i = 0; i < x.length; i++) {
                int of = place(i, kept);
                y[i] = (x[i] - mean[of] / count[of]) / Math.sqrt(squares[of] / count[of] + EPS);
                y[i] = affine() ? gamma[place(i, features)] * y[i] + beta[place(i, features)] : y[i];
            }
            return y;
        }

        private int index(int element, int axis) {
            int rest = element;
            for (int a = rank - 1; a > axis; a--) {
                rest /= (int) SIZES[a];
            }
            return (int) (rest % SIZES[axis]);
        }

        /** Where an element is among those of some axes. */
        private int place(int element, int bits) {
            int index = 0;
            for (int axis = 0; axis < rank; axis++) {
                index = (bits >> axis & 1) == 1 ? (int) (index * SIZES[axis] + index(element, axis)) : index;
            }
            return index;
        }
    }

    private static INDArray drawn(Random random, long... shape) {
        int length = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        INDArray flat = Nd4j.createFromArray(random.doubles(length, -1, 2).toArray());
        return shape.length == 0 ? Nd4j.scalar(flat.getDouble(0)) : flat.reshape('c', shape);
    }

    private static double[] numbers(INDArray array) {
        return array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
    }

    static Stream<Case> lowRanks() {
        return Thinned.cases(Case.all(1, 3));
    }

    static Stream<Case> highRanks() {
        return Thinned.cases(Case.all(4, 5));
    }

    @Test
    void allAxesOfLowRanksAgreeWithPlainLoops() {
        lowRanks().forEach(AxesTest::outputAgrees);
    }

    @Test
    @Tag("full")
    void allAxesOfHighRanksAgreeWithPlainLoops() {
        highRanks().forEach(AxesTest::outputAgrees);
    }

    private static void outputAgrees(Case c) {
        for (DataType type : new DataType[]{DataType.DOUBLE, DataType.FLOAT, DataType.HALF}) {
            Map<String, INDArray> in = c.inputs(type);
            INDArray y = c.y(new NDNorm(), in);
            assertThat(y.shape()).isEqualTo(c.shape());
            assertThat(y.dataType()).isEqualTo(type);
            double tolerance = type == DataType.DOUBLE ? 1e-12 : type == DataType.FLOAT ? 2e-6 : 1e-2;
            assertThat(numbers(y)).as("%s %s", c, type).containsExactly(c.expected(in), within(tolerance));
        }
    }

    private static Map<String, INDArray> gradients(Case c, boolean fused, Map<String, INDArray> in, INDArray dy) {
        SameDiff sd = SameDiff.create();
        Map<String, SDVariable> variables = new LinkedHashMap<>();
        in.forEach((name, array) -> variables.put(name, sd.var(name, array.dup('c'))));
        c.y(new SDNorm(sd, fused), variables).mul(sd.constant(dy)).sum().markAsLoss();
        return sd.calculateGradients(Map.of(), in.keySet());
    }

    @Test
    @Tag("full")
    void gradientsAgreeWithCentralDifferences() {
        // Of the high ranks a part: each graph takes some milliseconds.
        Stream.concat(Case.all(1, 3), Case.all(4, 5).filter(c -> (31 * c.reduced + c.features) % 41 == 0)).forEach(c -> {
            Map<String, INDArray> in = c.inputs(DataType.DOUBLE);
            INDArray dy = drawn(new Random(5), c.shape());
            Map<String, INDArray> fused = gradients(c, true, in, dy);
            Map<String, INDArray> composed = gradients(c, false, in, dy);
            for (String name : in.keySet()) {
                assertThat(fused.get(name).shape()).as("%s of %s", name, c).isEqualTo(in.get(name).shape());
                double[] gradient = numbers(fused.get(name));
                assertThat(numbers(composed.get(name))).as("composed, %s of %s", name, c)
                        .containsExactly(gradient, within(1e-10));
                for (int i = 0; i < gradient.length; i += 1 + gradient.length / 6) {
                    double difference = loss(c, in, name, i, STEP, dy) - loss(c, in, name, i, -STEP, dy);
                    assertThat(gradient[i]).as("gradient of %s[%d], %s", name, i, c)
                            .isCloseTo(difference / (2 * STEP), within(1e-7));
                }
            }
        });
    }

    @Test
    void aCompositionTakesAnInputOfUnknownRank() {
        INDArray x = drawn(new Random(4), 2, 3, 4);
        INDArray dy = drawn(new Random(6), 2, 3, 4);
        List<INDArray> gradients = new ArrayList<>();
        for (boolean fused : new boolean[]{true, false}) {
            SameDiff sd = SameDiff.create();
            SDVariable y = new SDNorm(sd, fused).normalize(sd.nn.tanh(sd.var("x", x)), new int[]{2, 0}, new int[0], null, null,
                    EPS);
            y.mul(sd.constant(dy)).sum().markAsLoss();
            gradients.add(sd.calculateGradients(Map.of(), "x").get("x"));
        }
        assertThat(numbers(gradients.get(1))).containsExactly(numbers(gradients.get(0)), within(1e-11));
        SameDiff sd = SameDiff.create();
        refused("normalize: expected an x of known rank, or axes that count from the start, as the operation is composed "
                + "of ND4J's; got axes [0, -1], featureAxes []", () -> new SDNorm(sd, false).normalize(sd.nn.tanh(sd.constant(x)),
                new int[]{0, -1}, new int[0], null, null, EPS));
    }

    private static double loss(Case c, Map<String, INDArray> in, String name, int i, double step, INDArray dy) {
        Map<String, INDArray> moved = new LinkedHashMap<>(in);
        INDArray copy = in.get(name).dup('c');
        copy.putScalar(i, copy.getDouble(i) + step);
        moved.put(name, copy);
        return c.y(new NDNorm(), moved).mul(dy).sumNumber().doubleValue();
    }

    @ParameterizedTest
    @MethodSource("lastAxes")
    void theLastAxesAreTheNamedSpecialCase(int rank, int count) {
        long[] features = Arrays.copyOfRange(SIZES, rank - count, rank);
        Random random = new Random(rank);
        INDArray x = drawn(random, Arrays.copyOf(SIZES, rank));
        INDArray gamma = drawn(random, features);
        int[] axes = IntStream.range(rank - count, rank).toArray();
        NDNorm norm = new NDNorm();
        assertThat(norm.layerNormLastAxes(x, count, gamma, gamma, EPS))
                .isEqualTo(norm.normalize(x, axes, axes, gamma, gamma, EPS));
        assertThat(norm.rmsNormLastAxes(x, count, gamma, null, EPS))
                .isEqualTo(norm.rmsNormalize(x, axes, axes, gamma, null, EPS));
    }

    static Stream<Arguments> lastAxes() {
        return IntStream.rangeClosed(1, 5).boxed().flatMap(rank -> IntStream.rangeClosed(1, rank).boxed()
                .map(count -> Arguments.of(rank, count)));
    }

    /** What these axes are called elsewhere, bit for bit. */
    @Test
    void namedNormsAreSpecialCases() {
        Random random = new Random(3);
        INDArray x = drawn(random, 3, 4, 2, 5);
        INDArray gamma = drawn(random, 4);
        NDNorm norm = new NDNorm();
        int[] channels = {1};
        assertThat(norm.normalize(x, new int[]{0, 2, 3}, channels, gamma, gamma, EPS))
                .isEqualTo(norm.batchNorm(x, gamma, gamma, EPS));
        assertThat(norm.normalize(x, channels, channels, gamma, gamma, EPS))
                .isEqualTo(norm.layout(Layout.CHANNELS_FIRST).layerNormPerPosition(x, gamma, gamma, EPS));
        INDArray last = x.permute(0, 2, 3, 1).dup('c');
        assertThat(norm.normalize(last, new int[]{1, 2}, new int[]{-1}, gamma, gamma, EPS))
                .isEqualTo(norm.layout(Layout.CHANNELS_LAST).instanceNorm(last, gamma, gamma, EPS));
        assertThat(norm.rmsNormalize(last, new int[]{1, 2}, new int[]{-1}, gamma, gamma, EPS))
                .isEqualTo(norm.layout(Layout.CHANNELS_LAST).filterResponseNorm(last, gamma, gamma, EPS));
    }

    @Test
    void anOffsetIsAddedToGamma() {
        INDArray x = drawn(new Random(7), 2, 3, 4);
        INDArray gamma = drawn(new Random(8), 4);
        INDArray expected = new NDNorm().normalize(x, new int[]{0}, new int[]{2}, gamma.add(1), null, EPS);
        assertThat(numbers(new NDNorm().gammaOffset(1).normalize(x, new int[]{0}, new int[]{2}, gamma, null, EPS)))
                .containsExactly(numbers(expected), within(1e-12));
        for (boolean fused : new boolean[]{true, false}) {
            SameDiff sd = SameDiff.create();
            SDVariable y = new SDNorm(sd, fused).gammaOffset(1).normalize(sd.constant(x), new int[]{0}, new int[]{2},
                    sd.constant(gamma), null, EPS);
            assertThat(numbers(y.eval())).containsExactly(numbers(expected), within(1e-12));
        }
    }

    @Test
    void aSavedGraphWithASizeThatIsNotKnownGivesTheSame(@TempDir Path directory) {
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.FLOAT, -1, -1, 3);
        SDVariable gamma = sd.var("gamma", Nd4j.rand(DataType.FLOAT, 3));
        SDVariable y = new SDNorm(sd).named("y").normalize(sd.nn.tanh(x), new int[]{1}, new int[]{-1}, gamma, null, EPS);
        new SDNorm(sd).rmsNormLastAxes(y, 2, null, null, EPS).sum().markAsLoss();
        File file = directory.resolve("graph.fb").toFile();
        sd.save(file, true);
        SameDiff loaded = SameDiff.load(file, true);
        Map<String, INDArray> in = Map.of("x", Nd4j.rand(DataType.FLOAT, 2, 5, 3));
        assertThat(loaded.output(in, "y")).isEqualTo(sd.output(in, "y"));
        assertThat(loaded.calculateGradients(in, "gamma")).isEqualTo(sd.calculateGradients(in, "gamma"));
    }

    @Test
    void badAxesAreRefused() {
        INDArray x = Nd4j.rand(DataType.FLOAT, 2, 3, 4);
        INDArray four = Nd4j.ones(DataType.FLOAT, 4);
        NDNorm norm = new NDNorm();
        refused("normalize: expected axes from -3 to 2, each once, got [0, 3]; x [2, 3, 4]",
                () -> norm.normalize(x, new int[]{0, 3}, new int[0], null, null, EPS));
        refused("normalize: expected axes from -3 to 2, each once, got [2, -1]; x [2, 3, 4]",
                () -> norm.normalize(x, new int[]{2, -1}, new int[0], null, null, EPS));
        refused("rmsNormalize: expected featureAxes from -3 to 2, each once, got [-4]; x [2, 3, 4]",
                () -> norm.rmsNormalize(x, new int[]{2}, new int[]{-4}, null, null, EPS));
        refused("normalize: expected at least one axis to reduce, got none; x [2, 3, 4]",
                () -> norm.normalize(x, new int[0], new int[0], null, null, EPS));
        refused("normalize: expected at least one axis to reduce, got none; x [2, 3, 4]",
                () -> norm.layerNormLastAxes(x, 0, null, null, EPS));
        refused("rmsNormalize: expected axes from -3 to 2, each once, got [-4, -3, -2, -1]; x [2, 3, 4]",
                () -> norm.rmsNormLastAxes(x, 4, null, null, EPS));
        refused("normalize: expected gamma of shape [3, 4], the sizes of featureAxes [-2, -1]; x [2, 3, 4], gamma [4]",
                () -> norm.layerNormLastAxes(x, 2, four, null, EPS));
        refused("normalize: expected rank 1 to 5, got rank 6; x [1, 1, 1, 1, 1, 24]",
                () -> norm.layerNormLastAxes(x.reshape(1, 1, 1, 1, 1, 24), 1, null, null, EPS));
        refused("normalize: expected eps >= 0, got -1.0", () -> norm.layerNormLastAxes(x, 1, null, null, -1));
        SameDiff sd = SameDiff.create();
        refused("normalize: expected axes from -3 to 2, each once, got [3]; x [2, 3, 4]",
                () -> new SDNorm(sd).normalize(sd.constant(x), new int[]{3}, new int[0], null, null, EPS));
        refused("normalize: expected an x of known shape, as gamma has other axes than the last ones",
                () -> new SDNorm(sd, false).normalize(sd.nn.tanh(sd.constant(x)), new int[]{1}, new int[]{0},
                        sd.constant(Nd4j.ones(DataType.FLOAT, 2)), null, EPS));
    }

    private static void refused(String message, ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class).hasMessageStartingWith(message);
    }
}
