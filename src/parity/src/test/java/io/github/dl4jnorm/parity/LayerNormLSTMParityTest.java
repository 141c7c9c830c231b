// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.layer.LayerNormLSTMLayer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The LSTM with layer norm inside against a cell composed of libtorch's operations, with its layer norm and autograd. */
class LayerNormLSTMParityTest {
    private static final double EPS = 1e-3;
    private static final LayerWorkspaceMgr NONE = LayerWorkspaceMgr.noWorkspaces();

    @BeforeAll
    static void loadLibtorch() {
        Autograd.load();
    }

    private static double[] gaussian(Random random, long length, double mean, double deviation) {
        double[] values = new double[(int) length];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (mean + deviation * random.nextGaussian());
        }
        return values;
    }

    @ParameterizedTest
    @CsvSource({"FLOAT, false, 3, 5, 4, 6", "DOUBLE, false, 3, 5, 4, 6", "FLOAT, true, 2, 4, 7, 3", "DOUBLE, true, 2, 4, 7, 3",
            "FLOAT, false, 16, 20, 32, 24", "DOUBLE, false, 16, 20, 32, 24", "DOUBLE, true, 1, 1, 2, 30"})
    void equalsLibtorch(DataType type, boolean perGate, int examples, int in, int size, int steps) {
        Random random = new Random(81);
        NeuralNetConfiguration conf = new NeuralNetConfiguration.Builder().dataType(type).layer(new LayerNormLSTM.Builder()
                .nIn(in).nOut(size).eps(EPS).normalizeGates(perGate).build()).build();
        long count = conf.getLayer().initializer().numParams(conf);
        LayerNormLSTMLayer layer = (LayerNormLSTMLayer) conf.getLayer().instantiate(conf, null, 0,
                Nd4j.create(type, 1, count), true, type);
        layer.setBackpropGradientsViewArray(Nd4j.create(type, 1, count));
        Map<String, double[]> params = new LinkedHashMap<>();
        layer.paramTable().forEach((name, array) -> {
            double[] values = gaussian(random, array.length(), name.startsWith("gamma") ? 1 : 0, 0.5);
            params.put(name, values);
            array.assign(Nd4j.createFromArray(values).castTo(type).reshape('c', array.shape()));
        });
        long[] shape = {examples, in, steps};
        double[] x = gaussian(random, (long) examples * in * steps, 0.25, 1);
        double[] dy = gaussian(random, (long) examples * size * steps, 0.1, 1);
        double[] y = numbers(layer.activate(array(x, type, shape), true, NONE));
        Pair<Gradient, INDArray> result = layer.backpropGradient(array(dy, type, examples, size, steps), NONE);
        try (PointerScope scope = new PointerScope(Tensor.class, TensorVector.class)) {
            ScalarType exact = ScalarType.Double;
            Map<String, Tensor> sources = new LinkedHashMap<>();
            params.forEach((name, values) -> sources.put(name, Autograd.leaf(exact, values, layer.getParam(name).shape())));
            sources.put("x", Autograd.leaf(exact, x, shape));
            Tensor expected = run(sources, perGate, size);
            compare(type, "y", y, Autograd.numbers(expected));
            Autograd.gradients(expected, Autograd.tensor(exact, dy, examples, size, steps), sources).forEach((name, gradient) ->
                    compare(type, "gradient of " + name, numbers(name.equals("x") ? result.getSecond()
                            : result.getFirst().getGradientFor(name)), Autograd.numbers(gradient)));
        }
    }

    private static void compare(DataType type, String what, double[] actual, double[] expected) {
        double deviation = Deviations.of(expected, actual, 0);
        assertThat(deviation).as("deviation of %s, %s", what, type).isLessThan(Deviations.tolerance(type, 1));
    }

    private static INDArray array(double[] values, DataType type, long... shape) {
        return Nd4j.createFromArray(values).castTo(type).reshape('c', shape);
    }

    private static double[] numbers(INDArray array) {
        return array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
    }

    /** All gates together, or each by itself. */
    private static Tensor normalized(Tensor v, boolean perGate, Tensor gamma, int size) {
        TensorOptional none = new TensorOptional();
        Tensor groups = perGate ? v.reshape(v.size(0), 4, size) : v;
        return torch.layer_norm(groups, new long[]{perGate ? size : 4L * size}, none, none, EPS, false)
                .reshape(v.size(0), 4L * size).mul(gamma);
    }

    private static Tensor run(Map<String, Tensor> p, boolean perGate, int size) {
        Tensor x = p.get("x");
        Tensor h = torch.zeros(new long[]{x.size(0), size}, x.options());
        Tensor c = h;
        TensorVector outputs = new TensorVector();
        for (long t = 0; t < x.size(2); t++) {
            Tensor z = normalized(x.select(2, t).matmul(p.get("W")), perGate, p.get("gammaInput"), size).add(p.get("b"))
                    .add(normalized(h.matmul(p.get("RW")), perGate, p.get("gammaRecurrent"), size));
            Tensor in = z.narrow(1, 0, size).tanh();
            Tensor forget = z.narrow(1, size, size).sigmoid();
            Tensor out = z.narrow(1, 2L * size, size).sigmoid();
            c = c.mul(forget).add(z.narrow(1, 3L * size, size).sigmoid().mul(in));
            h = torch.layer_norm(c, new long[]{size}, new TensorOptional(p.get("gammaCell")),
                    new TensorOptional(p.get("betaCell")), EPS, false).tanh().mul(out);
            outputs.push_back(h);
        }
        return torch.stack(outputs, 2);
    }
}
