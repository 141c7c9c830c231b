// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.SelfAttention;
import io.github.dl4jnorm.conf.SelfAttention.QkNorm;
import io.github.dl4jnorm.layer.SelfAttentionRunner;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Self-attention with normalized queries and keys against a composition of libtorch's operations, all gradients included. */
class SelfAttentionParityTest {
    private static final LayerWorkspaceMgr NONE = LayerWorkspaceMgr.noWorkspaces();
    private static final int CASES = 48;
    private static final int ALWAYS = 8;

    /** A drawn layer over [N, T, C]. */
    record Case(QkNorm norm, DataType type, int n, int steps, int in, int out, int heads, int size, boolean masked, double eps,
                long seed) {
        static Case draw(long seed) {
            Random random = new Random(seed);
            return new Case(QkNorm.values()[(int) (seed % 4)], random.nextBoolean() ? DataType.FLOAT : DataType.DOUBLE,
                    1 + random.nextInt(3), 1 + random.nextInt(9), 1 + random.nextInt(8), 1 + random.nextInt(8),
                    1 + random.nextInt(4), 2 + random.nextInt(6), random.nextBoolean(), Math.pow(10, -2 - random.nextInt(3)),
                    seed);
        }

        private long[] shape(String name) {
            long all = (long) heads * size;
            return switch (name) {
                case "x" -> new long[]{n, steps, in};
                case "dy" -> new long[]{n, steps, out};
                case "Wo" -> new long[]{all, out};
                case "gammaQ", "gammaK" -> new long[]{size};
                default -> new long[]{in, all};
            };
        }

        private Map<String, double[]> inputs() {
            Random random = new Random(seed);
            Map<String, double[]> inputs = new LinkedHashMap<>();
            for (String name : new String[]{"x", "Wq", "Wk", "Wv", "Wo", "gammaQ", "gammaK", "dy"}) {
                if (norm != QkNorm.NONE || !name.startsWith("gamma")) {
                    int length = (int) Arrays.stream(shape(name)).reduce(1, (a, b) -> a * b);
                    inputs.put(name, random.doubles(length, -1, 1.5).map(value -> (float) value).toArray());
                }
            }
            return inputs;
        }

        /** The first timestep always counts. */
        private double[] mask() {
            Random random = new Random(seed + 1);
            return IntStream.range(0, n * steps).mapToDouble(i -> i % steps == 0 || random.nextInt(3) > 0 ? 1 : 0).toArray();
        }

        Map<String, double[]> ours() {
            SelfAttention layer = new SelfAttention.Builder().nIn(in).nOut(out).heads(heads).headSize(size).qkNorm(norm).eps(eps)
                    .dataFormat(RNNFormat.NWC).build();
            NeuralNetConfiguration conf = new NeuralNetConfiguration.Builder().dataType(type).layer(layer).build();
            long count = conf.getLayer().initializer().numParams(conf);
            SelfAttentionRunner runner = (SelfAttentionRunner) conf.getLayer().instantiate(conf, null, 0,
                    Nd4j.create(type, 1, count), true, type);
            runner.setBackpropGradientsViewArray(Nd4j.create(type, 1, count));
            Map<String, double[]> inputs = inputs();
            runner.paramTable().forEach((name, param) -> param.assign(array(name, inputs)));
            runner.setInput(array("x", inputs), NONE);
            if (masked) {
                runner.setMaskArray(Nd4j.createFromArray(mask()).castTo(type).reshape('c', n, steps));
            }
            Map<String, double[]> results = new LinkedHashMap<>();
            results.put("y", numbers(runner.activate(true, NONE)));
            var gradients = runner.backpropGradient(array("dy", inputs), NONE);
            results.put("x", numbers(gradients.getSecond()));
            gradients.getFirst().gradientForVariable().forEach((name, gradient) -> results.put(name, numbers(gradient)));
            return results;
        }

        private INDArray array(String name, Map<String, double[]> inputs) {
            return Nd4j.createFromArray(inputs.get(name)).castTo(type).reshape('c', shape(name));
        }

        private static double[] numbers(INDArray array) {
            return array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
        }

        Map<String, double[]> torchs() {
            Map<String, Tensor> in = new LinkedHashMap<>();
            inputs().forEach((name, numbers) -> in.put(name, Autograd.leaf(ScalarType.Double, numbers, shape(name))));
            Tensor queries = normalized(projected(in, "Wq"), in.get("gammaQ"));
            Tensor keys = normalized(projected(in, "Wk"), in.get("gammaK"));
            Tensor logits = queries.matmul(keys.transpose(2, 3)).div(new Scalar(Math.sqrt(size)));
            if (masked) {
                Tensor kept = Autograd.tensor(ScalarType.Double, mask(), n, 1, 1, steps);
                logits = logits.add(kept.sub(new Scalar(1.0)).mul(new Scalar(1e9)));
            }
            Tensor attended = torch.softmax(logits, 3).matmul(projected(in, "Wv")).transpose(1, 2)
                    .reshape(n, steps, (long) heads * size);
            Tensor y = attended.matmul(in.get("Wo"));
            Map<String, Tensor> sources = new LinkedHashMap<>(in);
            sources.keySet().removeAll(Set.of("dy"));
            Map<String, double[]> results = new LinkedHashMap<>();
            results.put("y", Autograd.numbers(y));
            Autograd.gradients(y, in.get("dy"), sources)
                    .forEach((name, gradient) -> results.put(name, Autograd.numbers(gradient)));
            return results;
        }

        /** [N, heads, T, d]. */
        private Tensor projected(Map<String, Tensor> in, String weight) {
            return in.get("x").matmul(in.get(weight)).reshape(n, steps, heads, size).transpose(1, 2);
        }

        private Tensor normalized(Tensor x, Tensor gamma) {
            long[] last = {3};
            return switch (norm) {
                case NONE -> x;
                case RMS -> x.div(x.mul(x).mean(last, true, new ScalarTypeOptional()).add(new Scalar(eps)).sqrt()).mul(gamma);
                case L2 -> x.div(x.mul(x).sum(last, true, new ScalarTypeOptional()).sqrt().clamp_min(new Scalar(eps))).mul(gamma);
                case LAYER -> {
                    Tensor centered = x.sub(x.mean(last, true, new ScalarTypeOptional()));
                    Tensor variance = centered.mul(centered).mean(last, true, new ScalarTypeOptional());
                    yield centered.div(variance.add(new Scalar(eps)).sqrt()).mul(gamma);
                }
            };
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
            // A float of a query is multiplied by up to 1/√eps, and the softmax by as much.
            double tolerance = drawn.type() == DataType.DOUBLE ? 1e-9 : 1e-3;
            expected.forEach((name, numbers) -> assertThat(Deviations.of(numbers, actual.get(name), 1))
                    .as("deviation of %s: %s", name, drawn).isLessThan(tolerance));
        }
    }
}
