// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What holds for a norm by its nature, on drawn shapes and numbers: in training mode, forward and backward. */
class NormPropertiesTest {
    private static final double TOLERANCE = 1e-9;

    static Stream<Arguments> cases() {
        return NormCases.all();
    }

    /** Norms of one part without an activation, whose gamma and beta can be left out. */
    static Stream<Arguments> plainCases() {
        Set<Norm> plain = Set.of(Norm.BATCH, Norm.GROUP, Norm.INSTANCE, Norm.LAYER, Norm.LAYER_PER_POSITION);
        return NormCases.all().filter(arguments -> plain.contains((Norm) arguments.get()[0]));
    }

    /** Norms that know nothing of the other examples. */
    static Stream<Arguments> casesByExample() {
        return NormCases.all().filter(arguments -> {
            Norm norm = (Norm) arguments.get()[0];
            return norm != Norm.SWITCHABLE && !norm.overBatch();
        });
    }

    /** A drawn input, and what a layer makes of it. */
    private static final class Drawn {
        final Norm norm;
        final Kind kind;
        final Random random;
        final long[] shape;
        final int channels;
        final INDArray x;
        final INDArray dy;

        Drawn(Norm norm, Kind kind, long seed) {
            this.norm = norm;
            this.kind = kind;
            random = new Random(1000L * norm.ordinal() + 10L * kind.ordinal() + 100_000 * seed);
            channels = 2 + 2 * random.nextInt(4);
            shape = NormCases.shape(kind, 2 + random.nextInt(4), channels, 1 + random.nextInt(4), 2 + random.nextInt(6));
            x = NormCases.gaussian(random, 0.7, 2, shape);
            dy = NormCases.gaussian(random, 0.2, 1, shape);
        }

        NormLayer conf(double eps) {
            NormLayer conf = norm.layer();
            conf.setEps(eps);
            return conf;
        }

        Result run(double eps, INDArray ofX, INDArray ofDy) {
            return run(NormCases.layer(conf(eps), kind, channels, DataType.DOUBLE), ofX, ofDy);
        }

        static Result run(LayerUnderTest layer, INDArray x, INDArray dy) {
            INDArray y = layer.forward(x, true);
            INDArray dx = layer.dx(dy);
            Map<String, double[]> gradients = new LinkedHashMap<>();
            layer.layer.layerConf().initializer().getGradientsFromFlattened(layer.layer.conf(), layer.gradients)
                    .forEach((name, array) -> gradients.put(name, TestNetwork.numbers(array)));
            return new Result(y, dx, gradients);
        }

        int channelAxis() {
            return kind.channelsLast ? shape.length - 1 : 1;
        }

        /** Any of the axes of positions. */
        int positionAxis() {
            return kind.channelsLast ? shape.length - 2 : shape.length - 1;
        }

        int[] shuffled(int axis) {
            int[] order = IntStream.range(0, (int) shape[axis]).toArray();
            for (int i = order.length - 1; i > 0; i--) {
                int j = random.nextInt(i + 1);
                int kept = order[i];
                order[i] = order[j];
                order[j] = kept;
            }
            return order;
        }
    }

    private record Result(INDArray y, INDArray dx, Map<String, double[]> gradients) {
        void assertSame(Result expected) {
            assertClose(y, expected.y, "y");
            assertClose(dx, expected.dx, "dx");
            assertSameGradients(expected.gradients);
        }

        void assertSameGradients(Map<String, double[]> expected) {
            expected.forEach((name, numbers) -> assertClose(gradients.get(name), numbers, "gradient of " + name));
        }

        Result take(int axis, int[] order) {
            return new Result(NormPropertiesTest.take(y, axis, order), NormPropertiesTest.take(dx, axis, order), gradients);
        }
    }

    /** Some of an array along an axis, in a new order. */
    private static INDArray take(INDArray array, int axis, int[] order) {
        long[] shape = array.shape().clone();
        int size = (int) shape[axis];
        int inner = (int) LongStream.of(shape).skip(axis + 1).reduce(1, (a, b) -> a * b);
        int outer = (int) (array.length() / inner / size);
        double[] from = TestNetwork.numbers(array);
        double[] to = new double[outer * order.length * inner];
        for (int o = 0; o < outer; o++) {
            for (int i = 0; i < order.length; i++) {
                System.arraycopy(from, (o * size + order[i]) * inner, to, (o * order.length + i) * inner, inner);
            }
        }
        shape[axis] = order.length;
        return Nd4j.createFromArray(to).reshape('c', shape);
    }

    private static void assertClose(INDArray actual, INDArray expected, String what) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        assertClose(TestNetwork.numbers(actual), TestNetwork.numbers(expected), what);
    }

    private static void assertClose(double[] actual, double[] expected, String what) {
        double largest = Arrays.stream(expected).map(Math::abs).max().orElse(0);
        for (int i = 0; i < expected.length; i++) {
            if (!(Math.abs(actual[i] - expected[i]) <= TOLERANCE * Math.max(1, largest))) {
                assertThat(actual[i]).as("%s[%d]", what, i).isEqualTo(expected[i]);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void scalingTheInputAndTheRootOfEpsChangesNothing(Norm norm, Kind kind) {
        Drawn drawn = new Drawn(norm, kind, 1);
        Result expected = drawn.run(1e-3, drawn.x, drawn.dy);
        for (double alpha : new double[]{1e-3, 12.7, 3e5}) {
            // Of unit length eps is a length, else a square.
            Result scaled = drawn.run(1e-3 * alpha * (norm == Norm.UNIT ? 1 : alpha), drawn.x.mul(alpha), drawn.dy);
            new Result(scaled.y, scaled.dx.mul(alpha), scaled.gradients).assertSame(expected);
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.dl4jnorm.layer.NormCases#centering")
    void shiftingTheInputChangesNothing(Norm norm, Kind kind) {
        Drawn drawn = new Drawn(norm, kind, 2);
        Result expected = drawn.run(1e-3, drawn.x, drawn.dy);
        for (double shift : new double[]{-3.3, 1000}) {
            drawn.run(1e-3, drawn.x.add(shift), drawn.dy).assertSame(expected);
        }
        if (norm.overBatch() || NormCases.isInstance(norm)) {
            long[] shape = new long[drawn.shape.length];
            Arrays.fill(shape, 1);
            shape[drawn.channelAxis()] = drawn.channels;
            INDArray shifts = NormCases.gaussian(drawn.random, 0, 50, shape);
            drawn.run(1e-3, drawn.x.add(shifts.broadcast(drawn.shape)), drawn.dy).assertSame(expected);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void examplesInAnotherOrderComeOutInThatOrder(Norm norm, Kind kind) {
        Drawn drawn = new Drawn(norm, kind, 3);
        int[] order = drawn.shuffled(0);
        Result expected = drawn.run(1e-3, drawn.x, drawn.dy).take(0, order);
        drawn.run(1e-3, take(drawn.x, 0, order), take(drawn.dy, 0, order)).assertSame(expected);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void positionsInAnotherOrderComeOutInThatOrder(Norm norm, Kind kind) {
        Drawn drawn = new Drawn(norm, kind, 4);
        int axis = kind.dense() ? 0 : drawn.positionAxis();
        int[] order = drawn.shuffled(axis);
        Result expected = drawn.run(1e-3, drawn.x, drawn.dy).take(axis, order);
        drawn.run(1e-3, take(drawn.x, axis, order), take(drawn.dy, axis, order)).assertSame(expected);
    }

    /** From last to first, which keeps the groups together. */
    @ParameterizedTest
    @MethodSource("cases")
    void channelsInReverseComeOutInReverse(Norm norm, Kind kind) {
        Drawn drawn = new Drawn(norm, kind, 5);
        int axis = drawn.channelAxis();
        int[] reverse = IntStream.range(0, drawn.channels).map(c -> drawn.channels - 1 - c).toArray();
        Result expected = drawn.run(1e-3, drawn.x, drawn.dy);
        LayerUnderTest layer = NormCases.layer(drawn.conf(1e-3), kind, drawn.channels, DataType.DOUBLE);
        layer.layer.paramTable().forEach((name, array) -> {
            if (array.length() == drawn.channels) {
                array.assign(take(array.dup('c').reshape(drawn.channels), 0, reverse).reshape(array.shape()));
            }
        });
        Result actual = Drawn.run(layer, take(drawn.x, axis, reverse), take(drawn.dy, axis, reverse)).take(axis, reverse);
        assertClose(actual.y, expected.y, "y");
        assertClose(actual.dx, expected.dx, "dx");
        expected.gradients.forEach((name, numbers) -> {
            double[] found = actual.gradients.get(name);
            boolean ofChannels = name.equals("gamma") || name.equals("beta");
            double[] back = ofChannels ? IntStream.of(reverse).mapToDouble(c -> found[c]).toArray() : found;
            assertClose(back, numbers, "gradient of " + name);
        });
    }

    @ParameterizedTest
    @MethodSource("casesByExample")
    void anExampleAloneIsTrainedAsInABatch(Norm norm, Kind kind) {
        Drawn drawn = new Drawn(norm, kind, 6);
        Result together = drawn.run(1e-3, drawn.x, drawn.dy);
        for (int n = 0; n < drawn.shape[0]; n++) {
            int[] one = {n};
            Result alone = drawn.run(1e-3, take(drawn.x, 0, one), take(drawn.dy, 0, one));
            assertClose(alone.y, take(together.y, 0, one), "y");
            assertClose(alone.dx, take(together.dx, 0, one), "dx");
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void maskingIsDeleting(Norm norm, Kind kind) {
        Drawn drawn = new Drawn(norm, kind, 7);
        int[] axes = kind.dense() ? new int[]{0} : new int[]{0, drawn.positionAxis()};
        for (int axis : axes) {
            int size = (int) drawn.shape[axis];
            int[] kept = IntStream.range(0, size).filter(i -> i % 3 != 1).toArray();
            INDArray mask = mask(drawn, axis, kept);
            LayerUnderTest layer = NormCases.layer(drawn.conf(1e-3), kind, drawn.channels, DataType.DOUBLE).mask(mask);
            Result masked = Drawn.run(layer, drawn.x, drawn.dy).take(axis, kept);
            masked.assertSame(drawn.run(1e-3, take(drawn.x, axis, kept), take(drawn.dy, axis, kept)));
        }
    }

    /** As Deeplearning4j makes them: [N, 1], [N, T], or channels first with 1 for what is broadcast. */
    private static INDArray mask(Drawn drawn, int axis, int[] kept) {
        long examples = drawn.shape[0];
        long[] shape = {examples, axis == 0 ? 1 : drawn.shape[axis]};
        INDArray mask = Nd4j.zeros(DataType.DOUBLE, shape);
        for (int i : kept) {
            if (axis == 0) {
                mask.getRow(i).assign(1);
            } else {
                mask.getColumn(i).assign(1);
            }
        }
        if (axis == 0 || drawn.kind.rnn()) {
            return mask;
        }
        long[] full = new long[drawn.shape.length];
        Arrays.fill(full, 1);
        full[0] = examples;
        full[full.length - 1] = drawn.shape[axis];
        return mask.reshape(full);
    }

    private static LayerUnderTest affineFree(Drawn drawn, double eps) {
        NormLayer conf = drawn.conf(eps);
        conf.setScale(false);
        conf.setCenter(false);
        return NormCases.layer(conf, drawn.kind, drawn.channels, DataType.DOUBLE);
    }

    private static boolean[] all(Drawn drawn) {
        boolean[] keep = new boolean[(int) drawn.x.length()];
        Arrays.fill(keep, true);
        return keep;
    }

    private static LayerReference reference(Drawn drawn, LayerUnderTest layer) {
        return new LayerReference(layer, drawn.shape, TestNetwork.numbers(drawn.x), TestNetwork.numbers(drawn.dy),
                all(drawn), true);
    }

    /** Within a statistic's elements Σdx = 0 and Σdx·x̂ = eps/(v + eps)·Σdy·x̂/√(v + eps). */
    @ParameterizedTest
    @MethodSource("plainCases")
    void theGradientHasNoComponentAlongAConstantAndAlmostNoneAlongTheInput(Norm norm, Kind kind) {
        Drawn drawn = new Drawn(norm, kind, 8);
        double eps = 0.3;
        LayerUnderTest layer = affineFree(drawn, eps);
        double[] dx = TestNetwork.numbers(Drawn.run(layer, drawn.x, drawn.dy).dx);
        LayerReference reference = reference(drawn, layer);
        double[] x = TestNetwork.numbers(drawn.x);
        double[] dy = TestNetwork.numbers(drawn.dy);
        double[] hat = IntStream.range(0, x.length).mapToDouble(i -> reference.hat(0, i, x[i])).toArray();
        double[] variance = reference.variances(0);
        double[] toHat = reference.sums(0, IntStream.range(0, x.length).mapToDouble(i -> dy[i] * hat[i]).toArray());
        for (int p = 0; p < variance.length; p++) {
            toHat[p] *= eps / (variance[p] + eps) / Math.sqrt(variance[p] + eps);
        }
        assertClose(reference.sums(0, dx), new double[variance.length], "Σdx");
        assertClose(reference.sums(0, IntStream.range(0, x.length).mapToDouble(i -> dx[i] * hat[i]).toArray()), toHat,
                "Σdx·x̂");
    }

    static Stream<Arguments> switchableCases() {
        return NormCases.all().filter(arguments -> arguments.get()[0] == Norm.SWITCHABLE
                || arguments.get()[0] == Norm.SWITCHABLE_WITHOUT_BATCH);
    }

    @ParameterizedTest
    @MethodSource("switchableCases")
    void theGradientOfSwitchableNormHasSumZero(Norm norm, Kind kind) {
        Drawn drawn = new Drawn(norm, kind, 9);
        double[] dx = TestNetwork.numbers(Drawn.run(affineFree(drawn, 1e-3), drawn.x, drawn.dy).dx);
        assertClose(new double[]{Arrays.stream(dx).sum()}, new double[1], "ΣΣdx");
    }

    /** norm(norm(x)) = norm(x)/√(v/(v + eps) + eps): norm(x) again, up to eps. */
    @ParameterizedTest
    @MethodSource("plainCases")
    void normalizingTwiceIsNormalizingOnceUpToEps(Norm norm, Kind kind) {
        Drawn drawn = new Drawn(norm, kind, 10);
        for (double eps : new double[]{1e-7, 0.1}) {
            LayerUnderTest layer = affineFree(drawn, eps);
            INDArray once = layer.forward(drawn.x, true);
            double[] twice = TestNetwork.numbers(layer.forward(once, true));
            LayerReference reference = reference(drawn, layer);
            double[] expected = TestNetwork.numbers(once);
            for (int i = 0; i < expected.length; i++) {
                double variance = reference.variances(0)[reference.pool(0, i)];
                expected[i] /= Math.sqrt(variance / (variance + eps) + eps);
            }
            assertClose(twice, expected, "y of y");
        }
    }
}
