// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.ops.Layout;
import io.github.dl4jnorm.ops.ResidualNorm;
import io.github.dl4jnorm.ops.SDNorm;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
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

/** A sum and its norm at once against libtorch's addition and norm; both outputs and all gradients. */
class ResidualParityTest {
    private static final int CASES = 48;
    private static final int ALWAYS = 8;

    /** A drawn operation. */
    record Case(boolean rms, DataType type, Layout layout, long[] shape, double eps, long seed) {
        static Case draw(long seed) {
            Random random = new Random(seed);
            long[] shape = random.longs(2 + random.nextInt(2), 1, 9).toArray();
            Layout layout = Layout.values()[random.nextInt(2)];
            Case drawn = new Case(random.nextBoolean(), random.nextBoolean() ? DataType.FLOAT : DataType.DOUBLE, layout, shape,
                    Math.pow(10, -2 - random.nextInt(4)), seed);
            shape[drawn.axis()] = 2 + random.nextInt(300);
            return drawn;
        }

        int axis() {
            return layout == Layout.CHANNELS_LAST ? shape.length - 1 : 1;
        }

        /** Arrays by name, as numbers. */
        Map<String, double[]> inputs() {
            Random random = new Random(seed);
            Map<String, double[]> inputs = new LinkedHashMap<>();
            for (String name : new String[]{"x", "residual", "gamma", "beta", "dy", "dSum"}) {
                boolean parameter = name.equals("gamma") || name.equals("beta");
                inputs.put(name, random.doubles(Arrays.stream(parameter ? of(name) : shape).reduce(1, (a, b) -> a * b), -2, 3)
                        .map(value -> (float) value).toArray());
            }
            return inputs;
        }

        long[] of(String name) {
            return name.equals("gamma") || name.equals("beta") ? new long[]{shape[axis()]} : shape;
        }

        /** gamma and beta as torch broadcasts them. */
        private long[] broadcast(String name) {
            long[] sizes = shape.clone();
            Arrays.fill(sizes, 1);
            sizes[axis()] = shape[axis()];
            return name.equals("gamma") || name.equals("beta") ? sizes : shape;
        }

        Map<String, double[]> ours() {
            SameDiff sd = SameDiff.create();
            Map<String, SDVariable> in = new LinkedHashMap<>();
            inputs().forEach((name, numbers) -> in.put(name, sd.var(name, Nd4j.createFromArray(numbers).castTo(type)
                    .reshape('c', of(name)))));
            SDNorm norm = new SDNorm(sd).layout(layout);
            SDVariable gamma = in.get("gamma");
            SDVariable beta = in.get("beta");
            ResidualNorm<SDVariable> both = rms ? norm.addRmsNorm(in.get("x"), in.get("residual"), gamma, beta, eps)
                    : norm.addLayerNorm(in.get("x"), in.get("residual"), gamma, beta, eps);
            both.output().mul(in.get("dy")).sum().add(both.sum().mul(in.get("dSum")).sum()).markAsLoss();
            Map<String, double[]> results = new LinkedHashMap<>();
            results.put("sum", numbers(both.sum().eval()));
            results.put("y", numbers(both.output().eval()));
            sd.calculateGradients(Map.of(), "x", "residual", "gamma", "beta")
                    .forEach((name, gradient) -> results.put("gradient of " + name, numbers(gradient)));
            return results;
        }

        Map<String, double[]> torchs(ScalarType scalar) {
            Map<String, Tensor> in = new LinkedHashMap<>();
            inputs().forEach((name, numbers) -> in.put(name, Autograd.leaf(scalar, numbers, broadcast(name))));
            Tensor sum = in.get("x").add(in.get("residual"));
            long[] axes = {axis()};
            Tensor centered = rms ? sum : sum.sub(sum.mean(axes, true, new ScalarTypeOptional()));
            Tensor square = centered.mul(centered).mean(axes, true, new ScalarTypeOptional());
            Tensor y = centered.div(square.add(new Scalar(eps)).sqrt()).mul(in.get("gamma")).add(in.get("beta"));
            Tensor loss = y.mul(in.get("dy")).sum().add(sum.mul(in.get("dSum")).sum());
            Map<String, double[]> results = new LinkedHashMap<>();
            results.put("sum", Autograd.numbers(sum));
            results.put("y", Autograd.numbers(y));
            Map<String, Tensor> sources = new LinkedHashMap<>(in);
            sources.keySet().removeAll(java.util.Set.of("dy", "dSum"));
            Autograd.gradients(loss, Autograd.tensor(scalar, new double[]{1}), sources)
                    .forEach((name, gradient) -> results.put("gradient of " + name, Autograd.numbers(gradient)));
            return results;
        }

        private static double[] numbers(INDArray array) {
            return array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
        }

        @Override
        public String toString() {
            return (rms ? "rms" : "layer") + ", " + type + ", " + layout + " " + Arrays.toString(shape) + ", seed " + seed;
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
            Map<String, double[]> expected = drawn.torchs(ScalarType.Double);
            assertThat(actual.keySet()).isEqualTo(expected.keySet());
            double tolerance = Deviations.tolerance(drawn.type(), LongStream.of(drawn.shape()).reduce(1, (a, b) -> a * b));
            expected.forEach((name, numbers) -> assertThat(Deviations.of(numbers, actual.get(name), 1))
                    .as("deviation of %s: %s", name, drawn).isLessThan(tolerance));
        }
    }
}
