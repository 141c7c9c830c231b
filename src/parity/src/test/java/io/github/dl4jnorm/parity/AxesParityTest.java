// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.ops.SDNorm;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Normalization over any axes against libtorch: its layer_norm over the last axes, and compositions over others. */
class AxesParityTest {
    private static final int CASES = 64;
    private static final int ALWAYS = 8;

    /** A drawn operation; axes as the bits of two numbers. */
    record Case(boolean rms, DataType type, long[] shape, int reduced, int features, double eps, long seed) {
        static Case draw(long seed) {
            Random random = new Random(seed);
            int rank = 1 + random.nextInt(5);
            long[] shape = random.longs(rank, 1, rank > 3 ? 6 : 20).toArray();
            // Every other one over the last axes, with gamma and beta for each of their elements.
            int count = 1 + random.nextInt(rank);
            int last = (1 << rank) - (1 << rank - count);
            boolean named = seed % 2 == 0;
            int reduced = named ? last : 1 + random.nextInt((1 << rank) - 1);
            return new Case(random.nextBoolean(), random.nextBoolean() ? DataType.FLOAT : DataType.DOUBLE, shape, reduced,
                    named ? last : 1 + random.nextInt((1 << rank) - 1), Math.pow(10, -1 - random.nextInt(3)), seed);
        }

        private int[] axes(int bits) {
            return IntStream.range(0, shape.length).filter(axis -> (bits >> axis & 1) == 1).toArray();
        }

        private long[] featureShape() {
            return Arrays.stream(axes(features)).mapToLong(axis -> shape[axis]).toArray();
        }

        private long[] of(String name) {
            return name.equals("gamma") || name.equals("beta") ? featureShape() : shape;
        }

        private Map<String, double[]> inputs() {
            Random random = new Random(seed);
            Map<String, double[]> inputs = new LinkedHashMap<>();
            for (String name : new String[]{"x", "gamma", "beta", "dy"}) {
                inputs.put(name, random.doubles(Arrays.stream(of(name)).reduce(1, (a, b) -> a * b), -2, 3)
                        .map(value -> (float) value).toArray());
            }
            return inputs;
        }

        Map<String, double[]> ours() {
            SameDiff sd = SameDiff.create();
            Map<String, SDVariable> in = new LinkedHashMap<>();
            inputs().forEach((name, numbers) -> in.put(name, sd.var(name, Nd4j.createFromArray(numbers).castTo(type)
                    .reshape('c', of(name)))));
            SDNorm norm = new SDNorm(sd);
            SDVariable gamma = in.get("gamma");
            SDVariable beta = in.get("beta");
            SDVariable y = rms ? norm.rmsNormalize(in.get("x"), axes(reduced), axes(features), gamma, beta, eps)
                    : norm.normalize(in.get("x"), axes(reduced), axes(features), gamma, beta, eps);
            y.mul(in.get("dy")).sum().markAsLoss();
            Map<String, double[]> results = new LinkedHashMap<>();
            results.put("y", numbers(y.eval()));
            sd.calculateGradients(Map.of(), "x", "gamma", "beta")
                    .forEach((name, gradient) -> results.put("gradient of " + name, numbers(gradient)));
            return results;
        }

        Map<String, double[]> torchs() {
            Map<String, Tensor> in = new LinkedHashMap<>();
            inputs().forEach((name, numbers) -> in.put(name, Autograd.leaf(ScalarType.Double, numbers, of(name))));
            Tensor y = reduced == features && !rms && reduced == (1 << shape.length) - (1 << shape.length - axes(reduced).length)
                    ? layerNorm(in) : composed(in);
            Map<String, Tensor> sources = new LinkedHashMap<>(in);
            sources.keySet().removeAll(Set.of("dy"));
            Map<String, double[]> results = new LinkedHashMap<>();
            results.put("y", Autograd.numbers(y));
            Autograd.gradients(y, in.get("dy"), sources)
                    .forEach((name, gradient) -> results.put("gradient of " + name, Autograd.numbers(gradient)));
            return results;
        }

        private Tensor layerNorm(Map<String, Tensor> in) {
            return torch.layer_norm(in.get("x"), featureShape(), new TensorOptional(in.get("gamma")),
                    new TensorOptional(in.get("beta")), eps, false);
        }

        private Tensor composed(Map<String, Tensor> in) {
            long[] axes = Arrays.stream(axes(reduced)).asLongStream().toArray();
            long[] sizes = new long[shape.length];
            Arrays.setAll(sizes, axis -> (features >> axis & 1) == 1 ? shape[axis] : 1);
            Tensor x = in.get("x");
            Tensor centered = rms ? x : x.sub(x.mean(axes, true, new ScalarTypeOptional()));
            Tensor square = centered.mul(centered).mean(axes, true, new ScalarTypeOptional());
            return centered.div(square.add(new Scalar(eps)).sqrt()).mul(in.get("gamma").reshape(sizes))
                    .add(in.get("beta").reshape(sizes));
        }

        private static double[] numbers(INDArray array) {
            return array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
        }

        @Override
        public String toString() {
            return (rms ? "rms" : "layer") + ", " + type + ", " + Arrays.toString(shape) + ", axes "
                    + Arrays.toString(axes(reduced)) + ", featureAxes " + Arrays.toString(axes(features)) + ", seed " + seed;
        }
    }

    @BeforeAll
    static void loadLibtorch() {
        Autograd.load();
    }

    static Stream<Case> some() {
        return IntStream.range(0, ALWAYS).mapToObj(Case::draw);
    }

    static Stream<Case> others() {
        return IntStream.range(ALWAYS, CASES).mapToObj(Case::draw);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("some")
    void equalsLibtorch(Case drawn) {
        compare(drawn);
    }

    @Tag("full")
    @ParameterizedTest(name = "{0}")
    @MethodSource("others")
    void equalsLibtorchInMoreCases(Case drawn) {
        compare(drawn);
    }

    private static void compare(Case drawn) {
        Map<String, double[]> actual = drawn.ours();
        try (PointerScope scope = new PointerScope(Tensor.class)) {
            Map<String, double[]> expected = drawn.torchs();
            assertThat(actual.keySet()).isEqualTo(expected.keySet());
            double tolerance = Deviations.tolerance(drawn.type(), LongStream.of(drawn.shape()).reduce(1, (a, b) -> a * b));
            // The gradient of x comes to nearly nothing where hardly anything varies, as a difference of such numbers.
            double largest = 1 / Math.sqrt(drawn.eps());
            expected.forEach((name, numbers) -> {
                double deviation = Deviations.of(numbers, actual.get(name), name.endsWith("x") ? largest : 1);
                assertThat(deviation).as("deviation of %s: %s", name, drawn).isLessThan(tolerance);
            });
        }
    }
}
