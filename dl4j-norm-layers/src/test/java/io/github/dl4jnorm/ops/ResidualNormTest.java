// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.Thinned;
import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A sum and its norm at once, against one after the other and against finite differences. */
@Tag("long")
class ResidualNormTest {
    private static final double EPS = 1e-3;
    private static final double STEP = 1e-5;

    /** A drawn operation; every third has no gamma and beta, and gradients of either output are missing in some. */
    record Case(boolean rms, Layout layout, long[] shape, DataType type, long seed) {
        static Case draw(long seed) {
            Random random = new Random(seed);
            long[] shape = random.longs(2 + seed % 4, 1, 5).toArray();
            Layout layout = Layout.values()[random.nextInt(2)];
            // Of one channel, a norm would give nothing but beta.
            shape[layout == Layout.CHANNELS_LAST ? shape.length - 1 : 1] = 3 + random.nextInt(70);
            DataType[] types = {DataType.DOUBLE, DataType.FLOAT, DataType.HALF};
            return new Case(random.nextBoolean(), layout, shape, types[random.nextInt(3)], seed);
        }

        boolean affine() {
            return seed % 3 > 0;
        }

        /** x, residual, and gamma and beta if there are any. */
        Map<String, INDArray> inputs() {
            Random random = new Random(seed);
            Map<String, INDArray> inputs = new LinkedHashMap<>();
            inputs.put("x", drawn(random, 1, shape));
            // As a view of another order.
            inputs.put("residual", drawn(random, 0, shape).dup('f'));
            if (affine()) {
                long channels = shape[layout == Layout.CHANNELS_LAST ? shape.length - 1 : 1];
                inputs.put("gamma", drawn(random, 1, channels));
                inputs.put("beta", drawn(random, 0, channels));
            }
            return inputs;
        }

        INDArray drawn(Random random, double mean, long... sizes) {
            int length = (int) java.util.Arrays.stream(sizes).reduce(1, (a, b) -> a * b);
            double[] numbers = IntStream.range(0, length).mapToDouble(i -> mean + random.nextGaussian()).toArray();
            return Nd4j.createFromArray(numbers).reshape('c', sizes).castTo(type);
        }

        <A> ResidualNorm<A> both(NormOps<A> ops, Map<String, A> in) {
            return rms ? ops.layout(layout).addRmsNorm(in.get("x"), in.get("residual"), in.get("gamma"), in.get("beta"), EPS)
                    : ops.layout(layout).addLayerNorm(in.get("x"), in.get("residual"), in.get("gamma"), in.get("beta"), EPS);
        }

        <A> A norm(NormOps<A> ops, A sum, Map<String, A> in) {
            return rms ? ops.layout(layout).rmsNorm(sum, in.get("gamma"), in.get("beta"), EPS)
                    : ops.layout(layout).layerNorm(sum, in.get("gamma"), in.get("beta"), EPS);
        }

        /** How a loss weighs the outputs: all zeros instead of one of both, now and then. */
        INDArray[] weights() {
            Random random = new Random(seed + 1);
            INDArray[] weights = {drawn(random, 0.2, shape), drawn(random, -0.1, shape)};
            if (seed % 5 < 2) {
                weights[(int) (seed % 5)] = null;
            }
            return weights;
        }

        Graph graph(boolean fused, boolean together) {
            SameDiff sd = SameDiff.create();
            Map<String, SDVariable> in = new LinkedHashMap<>();
            inputs().forEach((name, array) -> in.put(name, sd.var(name, array.dup('c'))));
            SDNorm ops = new SDNorm(sd, fused);
            SDVariable sum = together ? null : in.get("x").add(in.get("residual"));
            ResidualNorm<SDVariable> outputs = together ? both(ops, in) : new ResidualNorm<>(sum, norm(ops, sum, in));
            INDArray[] weights = weights();
            SDVariable loss = null;
            for (int i = 0; i < 2; i++) {
                if (weights[i] != null) {
                    SDVariable part = (i == 0 ? outputs.sum() : outputs.output()).mul(sd.constant(weights[i])).sum();
                    loss = loss == null ? part : loss.add(part);
                }
            }
            loss.markAsLoss();
            return new Graph(sd, outputs, List.copyOf(in.keySet()));
        }
    }

    record Graph(SameDiff sd, ResidualNorm<SDVariable> outputs, List<String> inputs) {
        List<INDArray> results() {
            List<INDArray> results = new ArrayList<>(List.of(outputs.sum().eval(), outputs.output().eval()));
            Map<String, INDArray> gradients = sd.calculateGradients(Map.of(), inputs);
            inputs.forEach(name -> results.add(gradients.get(name)));
            return results;
        }
    }

    static Stream<Case> cases() {
        return Thinned.cases(IntStream.range(0, 60).mapToObj(Case::draw));
    }

    static Stream<Case> doubles() {
        return cases().map(c -> new Case(c.rms, c.layout, c.shape, DataType.DOUBLE, c.seed));
    }

    static Stream<Case> some() {
        return cases().limit(10);
    }

    @ParameterizedTest
    @MethodSource("some")
    void bothAtOnceAreWhatOneAfterTheOtherGives(Case c) {
        compare(c);
    }

    @Tag("full")
    @ParameterizedTest
    @MethodSource("cases")
    void bothAtOnceAreWhatOneAfterTheOtherGivesInMoreCases(Case c) {
        compare(c);
    }

    private static void compare(Case c) {
        Map<String, INDArray> in = c.inputs();
        ResidualNorm<INDArray> both = c.both(new NDNorm(), in);
        assertThat(both.sum()).isEqualTo(in.get("x").add(in.get("residual")));
        assertThat(both.output()).isEqualTo(c.norm(new NDNorm(), both.sum(), in));
        List<INDArray> together = c.graph(true, true).results();
        List<INDArray> apart = c.graph(true, false).results();
        assertThat(together.get(0)).isEqualTo(both.sum());
        assertThat(together.get(1)).isEqualTo(both.output());
        double tolerance = c.type == DataType.HALF ? 1e-2 : 1e-5;
        for (int i = 2; i < together.size(); i++) {
            assertThat(together.get(i).dataType()).isEqualTo(c.type);
            assertClose(together.get(i), apart.get(i), tolerance);
        }
    }

    @Tag("full")
    @ParameterizedTest
    @MethodSource("doubles")
    void theCompositionGivesTheSame(Case c) {
        List<INDArray> fused = c.graph(true, true).results();
        List<INDArray> composed = c.graph(false, true).results();
        for (int i = 0; i < fused.size(); i++) {
            assertClose(composed.get(i), fused.get(i), 1e-11);
        }
    }

    private static void assertClose(INDArray actual, INDArray expected, double tolerance) {
        if (actual == null || expected == null) {
            // A graph without a path to the loss has no gradient, and a node all of them.
            assertThat((actual == null ? expected : actual).amaxNumber().doubleValue()).isZero();
            return;
        }
        assertThat(actual.shape()).isEqualTo(expected.shape());
        double largest = Math.max(1, expected.castTo(DataType.DOUBLE).amaxNumber().doubleValue());
        assertThat(actual.castTo(DataType.DOUBLE).dup('c').data().asDouble())
                .containsExactly(expected.castTo(DataType.DOUBLE).dup('c').data().asDouble(), within(tolerance * largest));
    }

    @Tag("full")
    @ParameterizedTest
    @MethodSource("doubles")
    void gradientsAgreeWithCentralDifferences(Case c) {
        Map<String, INDArray> in = c.inputs();
        List<INDArray> results = c.graph(true, true).results();
        int input = 2;
        for (Map.Entry<String, INDArray> entry : in.entrySet()) {
            INDArray gradient = results.get(input++).dup('c');
            for (long i = 0; i < entry.getValue().length(); i += 1 + entry.getValue().length() / 20) {
                double[] losses = new double[2];
                for (int side = 0; side < 2; side++) {
                    Map<String, INDArray> moved = new LinkedHashMap<>(in);
                    INDArray copy = entry.getValue().dup('c');
                    copy.putScalar(i, copy.getDouble(i) + (side == 0 ? STEP : -STEP));
                    moved.put(entry.getKey(), copy);
                    losses[side] = loss(c, moved);
                }
                assertThat(gradient.getDouble(i)).as("gradient of %s[%d]", entry.getKey(), i)
                        .isCloseTo((losses[0] - losses[1]) / (2 * STEP), within(1e-6));
            }
        }
    }

    private static double loss(Case c, Map<String, INDArray> in) {
        ResidualNorm<INDArray> both = c.both(new NDNorm(), in);
        INDArray[] weights = c.weights();
        double loss = weights[0] == null ? 0 : both.sum().mul(weights[0]).sumNumber().doubleValue();
        return loss + (weights[1] == null ? 0 : both.output().mul(weights[1]).sumNumber().doubleValue());
    }

    /** Numbers near the end of the range, whose squares are beyond it. */
    @Test
    void aSumOfTheLargestNumbersIsNormalized() {
        INDArray x = Nd4j.createFromArray(new double[][]{{1e300, -2e300, 3e300}});
        INDArray residual = Nd4j.createFromArray(new double[][]{{2e300, 1e300, -1e300}});
        ResidualNorm<INDArray> both = new NDNorm().addLayerNorm(x, residual, null, null, 1e-5);
        INDArray small = new NDNorm().layerNorm(Nd4j.createFromArray(new double[][]{{3, -1, 2}}), null, null, 0);
        assertThat(both.output().toDoubleVector()).containsExactly(small.toDoubleVector(), within(1e-12));
    }

    @Test
    void anOffsetIsAddedToGamma() {
        INDArray x = Nd4j.rand(DataType.DOUBLE, 3, 5);
        INDArray gamma = Nd4j.rand(DataType.DOUBLE, 5);
        ResidualNorm<INDArray> expected = new NDNorm().addRmsNorm(x, x, gamma.add(1), null, EPS);
        assertThat(new NDNorm().gammaOffset(1).addRmsNorm(x, x, gamma, null, EPS)).isEqualTo(expected);
        for (boolean fused : new boolean[]{true, false}) {
            SameDiff sd = SameDiff.create();
            ResidualNorm<SDVariable> both = new SDNorm(sd, fused).gammaOffset(1).addRmsNorm(sd.constant(x), sd.constant(x),
                    sd.constant(gamma), null, EPS);
            assertClose(both.output().eval(), expected.output(), 1e-12);
        }
    }

    @Test
    void aSavedGraphGivesTheSame(@TempDir Path directory) {
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.FLOAT, -1, -1, 6);
        SDVariable weights = sd.var("weights", Nd4j.rand(DataType.FLOAT, 6));
        SDVariable gamma = sd.var("gamma", Nd4j.rand(DataType.FLOAT, 6));
        ResidualNorm<SDVariable> both = new SDNorm(sd).layout(Layout.CHANNELS_LAST).named("normalized")
                .addRmsNorm(x.mul(weights), x, gamma, null, EPS);
        both.sum().add(both.output()).sum().rename("loss").markAsLoss();
        assertThat(both.output().name()).isEqualTo("normalized");
        File file = directory.resolve("graph.fb").toFile();
        sd.save(file, true);
        SameDiff loaded = SameDiff.load(file, true);
        Map<String, INDArray> in = Map.of("x", Nd4j.rand(DataType.FLOAT, 2, 3, 6));
        assertThat(loaded.output(in, "normalized")).isEqualTo(sd.output(in, "normalized"));
        assertThat(loaded.calculateGradients(in, "weights", "gamma")).isEqualTo(sd.calculateGradients(in, "weights", "gamma"));
    }
}
