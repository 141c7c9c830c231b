// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What holds for a norm by its nature, on drawn shapes and numbers: in training mode, forward and backward. */
@Tag("long")
class NormPropertiesTest {

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

    private static Drawn draw(Norm norm, Kind kind, long seed) {
        return new Drawn(norm::layer, kind, 1000L * norm.ordinal() + 10L * kind.ordinal() + 100_000 * seed);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void scalingTheInputAndTheRootOfEpsChangesNothing(Norm norm, Kind kind) {
        // Of unit length eps is a length, else a square.
        draw(norm, kind, 1).scalingChangesNothing(norm.byLength() ? 1 : 2);
    }

    @ParameterizedTest
    @MethodSource("io.github.dl4jnorm.layer.NormCases#centering")
    void shiftingTheInputChangesNothing(Norm norm, Kind kind) {
        Drawn drawn = draw(norm, kind, 2);
        Drawn.Result expected = drawn.run(1e-3, drawn.x, drawn.dy);
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
        draw(norm, kind, 3).anotherOrderComesOutInThatOrder(0);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void positionsInAnotherOrderComeOutInThatOrder(Norm norm, Kind kind) {
        Drawn drawn = draw(norm, kind, 4);
        drawn.anotherOrderComesOutInThatOrder(kind.dense() ? 0 : drawn.positionAxis());
    }

    /** From last to first, which keeps the groups together. */
    @ParameterizedTest
    @MethodSource("cases")
    void channelsInReverseComeOutInReverse(Norm norm, Kind kind) {
        Drawn drawn = draw(norm, kind, 5);
        int axis = drawn.channelAxis();
        int[] reverse = IntStream.range(0, drawn.channels).map(c -> drawn.channels - 1 - c).toArray();
        Drawn.Result expected = drawn.run(1e-3, drawn.x, drawn.dy);
        LayerUnderTest layer = drawn.layer();
        layer.layer.paramTable().forEach((name, array) -> {
            if (array.length() == drawn.channels) {
                array.assign(Drawn.take(array.dup('c').reshape(drawn.channels), 0, reverse).reshape(array.shape()));
            }
        });
        Drawn.Result actual = Drawn.run(layer, Drawn.take(drawn.x, axis, reverse), Drawn.take(drawn.dy, axis, reverse))
                .take(axis, reverse);
        Drawn.assertClose(actual.y(), expected.y(), "y");
        Drawn.assertClose(actual.dx(), expected.dx(), "dx");
        expected.gradients().forEach((name, numbers) -> {
            double[] found = actual.gradients().get(name);
            boolean ofChannels = name.equals("gamma") || name.equals("beta");
            double[] back = ofChannels ? IntStream.of(reverse).mapToDouble(c -> found[c]).toArray() : found;
            Drawn.assertClose(back, numbers, "gradient of " + name);
        });
    }

    @ParameterizedTest
    @MethodSource("casesByExample")
    void anExampleAloneIsTrainedAsInABatch(Norm norm, Kind kind) {
        draw(norm, kind, 6).anExampleAloneIsAsInABatch();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void maskingIsDeleting(Norm norm, Kind kind) {
        draw(norm, kind, 7).maskingIsDeleting();
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
        Drawn drawn = draw(norm, kind, 8);
        double eps = 0.3;
        LayerUnderTest layer = affineFree(drawn, eps);
        double[] dx = TestNetwork.numbers(Drawn.run(layer, drawn.x, drawn.dy).dx());
        LayerReference reference = reference(drawn, layer);
        double[] x = TestNetwork.numbers(drawn.x);
        double[] dy = TestNetwork.numbers(drawn.dy);
        double[] hat = IntStream.range(0, x.length).mapToDouble(i -> reference.hat(0, i, x[i])).toArray();
        double[] variance = reference.variances(0);
        double[] toHat = reference.sums(0, IntStream.range(0, x.length).mapToDouble(i -> dy[i] * hat[i]).toArray());
        for (int p = 0; p < variance.length; p++) {
            toHat[p] *= eps / (variance[p] + eps) / Math.sqrt(variance[p] + eps);
        }
        Drawn.assertClose(reference.sums(0, dx), new double[variance.length], "Σdx");
        Drawn.assertClose(reference.sums(0, IntStream.range(0, x.length).mapToDouble(i -> dx[i] * hat[i]).toArray()), toHat,
                "Σdx·x̂");
    }

    static Stream<Arguments> switchableCases() {
        return NormCases.all().filter(arguments -> arguments.get()[0] == Norm.SWITCHABLE
                || arguments.get()[0] == Norm.SWITCHABLE_WITHOUT_BATCH);
    }

    @ParameterizedTest
    @MethodSource("switchableCases")
    void theGradientOfSwitchableNormHasSumZero(Norm norm, Kind kind) {
        Drawn drawn = draw(norm, kind, 9);
        double[] dx = TestNetwork.numbers(Drawn.run(affineFree(drawn, 1e-3), drawn.x, drawn.dy).dx());
        Drawn.assertClose(new double[]{Arrays.stream(dx).sum()}, new double[1], "ΣΣdx");
    }

    /** norm(norm(x)) = norm(x)/√(v/(v + eps) + eps): norm(x) again, up to eps. */
    @ParameterizedTest
    @MethodSource("plainCases")
    void normalizingTwiceIsNormalizingOnceUpToEps(Norm norm, Kind kind) {
        Drawn drawn = draw(norm, kind, 10);
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
            Drawn.assertClose(twice, expected, "y of y");
        }
    }
}
