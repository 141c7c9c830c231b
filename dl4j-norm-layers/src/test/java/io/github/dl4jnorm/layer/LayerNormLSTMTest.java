// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.nd4j.linalg.indexing.NDArrayIndex.all;
import static org.nd4j.linalg.indexing.NDArrayIndex.interval;
import static org.nd4j.linalg.indexing.NDArrayIndex.point;

import io.github.dl4jnorm.conf.LayerNormLSTM;
import java.util.Map;
import java.util.Random;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.Shape;
import org.nd4j.linalg.factory.Nd4j;

/** The layer alone, in double: its formula, its states, its gradients, what it refuses. */
@Tag("long")
@Tag("vectors-first")
class LayerNormLSTMTest {
    private static final int N = 2;
    private static final int IN = 3;
    private static final int OUT = 4;
    private static final int T = 5;
    private static final double EPS = 1e-3;
    private static final LayerWorkspaceMgr NONE = LayerWorkspaceMgr.noWorkspaces();
    private static final String[] STATE = {"prevAct", "prevMem"};

    private static LayerNormLSTMLayer layer(LayerNormLSTM.Builder builder, int in, int out) {
        NeuralNetConfiguration conf = new NeuralNetConfiguration.Builder().seed(6).dataType(DataType.DOUBLE)
                .layer(builder.eps(EPS).nIn(in).nOut(out).build()).build();
        long count = conf.getLayer().initializer().numParams(conf);
        INDArray params = Nd4j.create(DataType.DOUBLE, 1, count);
        LayerNormLSTMLayer layer =
                (LayerNormLSTMLayer) conf.getLayer().instantiate(conf, null, 0, params, true, DataType.DOUBLE);
        params.assign(NormCases.gaussian(new Random(7), 0.25, 0.75, 1, count));
        layer.setBackpropGradientsViewArray(Nd4j.create(DataType.DOUBLE, 1, count));
        return layer;
    }

    private static LayerNormLSTMLayer layer(boolean perGate) {
        return layer(new LayerNormLSTM.Builder().normalizeGates(perGate), IN, OUT);
    }

    private static INDArray input(int steps, long seed) {
        return NormCases.gaussian(new Random(seed), 0.5, 1, N, IN, steps);
    }

    private static double[] normalized(double[] v, int groups, double[] gamma, double[] beta) {
        double[] result = new double[v.length];
        int size = v.length / groups;
        for (int g = 0; g < groups; g++) {
            double mean = 0;
            double variance = 0;
            for (int i = g * size; i < (g + 1) * size; i++) {
                mean += v[i] / size;
            }
            for (int i = g * size; i < (g + 1) * size; i++) {
                variance += (v[i] - mean) * (v[i] - mean) / size;
            }
            for (int i = g * size; i < (g + 1) * size; i++) {
                result[i] = gamma[i] * (v[i] - mean) / Math.sqrt(variance + EPS) + (beta == null ? 0 : beta[i]);
            }
        }
        return result;
    }

    private static double[] product(double[] row, INDArray weights) {
        double[] result = new double[(int) weights.size(1)];
        for (int j = 0; j < result.length; j++) {
            for (int i = 0; i < row.length; i++) {
                result[j] += row[i] * weights.getDouble(i, j);
            }
        }
        return result;
    }

    private static double sigmoid(double v) {
        return 1 / (1 + Math.exp(-v));
    }

    /** The formula, one example and step after the other. */
    private static double[][][] reference(LayerNormLSTMLayer layer, INDArray x, boolean perGate) {
        int steps = (int) x.size(2);
        double[][][] y = new double[N][OUT][steps];
        for (int n = 0; n < N; n++) {
            double[] h = new double[OUT];
            double[] c = new double[OUT];
            for (int t = 0; t < steps; t++) {
                double[] in = normalized(product(x.get(point(n), all(), point(t)).toDoubleVector(), layer.getParam("W")),
                        perGate ? 4 : 1, TestNetwork.numbers(layer.getParam("gammaInput")),
                        TestNetwork.numbers(layer.getParam("b")));
                double[] recurrent = normalized(product(h, layer.getParam("RW")), perGate ? 4 : 1,
                        TestNetwork.numbers(layer.getParam("gammaRecurrent")), null);
                for (int j = 0; j < OUT; j++) {
                    c[j] = sigmoid(in[OUT + j] + recurrent[OUT + j]) * c[j]
                            + sigmoid(in[3 * OUT + j] + recurrent[3 * OUT + j]) * Math.tanh(in[j] + recurrent[j]);
                }
                double[] cell = normalized(c, 1, TestNetwork.numbers(layer.getParam("gammaCell")),
                        TestNetwork.numbers(layer.getParam("betaCell")));
                for (int j = 0; j < OUT; j++) {
                    h[j] = sigmoid(in[2 * OUT + j] + recurrent[2 * OUT + j]) * Math.tanh(cell[j]);
                    y[n][j][t] = h[j];
                }
            }
        }
        return y;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void itIsTheFormula(boolean perGate) {
        LayerNormLSTMLayer layer = layer(perGate);
        INDArray x = input(T, 1);
        INDArray expected = Nd4j.createFromArray(reference(layer, x, perGate));
        assertClose(layer.activate(x, true, NONE), expected);
        LayerNormLSTMLayer last = layer(new LayerNormLSTM.Builder().normalizeGates(perGate).dataFormat(RNNFormat.NWC), IN, OUT);
        assertClose(last.activate(x.permute(0, 2, 1), false, NONE).permute(0, 2, 1), expected);
    }

    private static void assertClose(INDArray actual, INDArray expected) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        assertThat(actual.sub(expected).amaxNumber().doubleValue()).isLessThan(1e-12);
    }

    @Test
    void itStartsAsTheLstmOfDeeplearning4jDoes() {
        NeuralNetConfiguration conf = new NeuralNetConfiguration.Builder().seed(6)
                .layer(new LayerNormLSTM.Builder().nIn(IN).nOut(OUT).forgetGateBiasInit(2).build()).build();
        INDArray params = Nd4j.rand(DataType.FLOAT, 1, 4 * OUT * (IN + OUT) + 14 * OUT);
        assertThat(conf.getLayer().initializer().numParams(conf)).isEqualTo(params.length());
        Map<String, INDArray> table = conf.getLayer().initializer().init(conf, params, true);
        assertThat(table.keySet()).containsExactly("W", "RW", "b", "gammaInput", "gammaRecurrent", "gammaCell", "betaCell");
        assertThat(TestNetwork.numbers(table.get("b"))).containsExactly(0, 0, 0, 0, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0);
        assertThat(table.get("gammaInput").meanNumber().doubleValue()).isOne();
        assertThat(table.get("betaCell").amaxNumber().doubleValue()).isZero();
        double deviation = table.get("W").stdNumber().doubleValue();
        // Xavier: 2/(fan in + fan out).
        assertThat(deviation).isCloseTo(Math.sqrt(2.0 / (OUT + IN + OUT)), within(0.15));
        assertThat(params.getDouble(0)).isEqualTo(table.get("W").getDouble(0, 0));
    }

    @Test
    void stepByStepIsTheSameAsAllAtOnce() {
        LayerNormLSTMLayer layer = layer(false);
        INDArray x = input(T, 2);
        INDArray whole = layer.activate(x, false, NONE);
        for (int[] part : new int[][]{{0, 1}, {1, 4}, {4, 5}}) {
            INDArray some = layer.rnnTimeStep(x.get(all(), all(), interval(part[0], part[1])), NONE);
            assertClose(some, whole.get(all(), all(), interval(part[0], part[1])));
        }
        assertThatThrownBy(() -> layer.rnnTimeStep(Nd4j.rand(DataType.DOUBLE, N + 1, IN, 1), NONE))
                .isExactlyInstanceOf(DL4JInvalidInputException.class)
                .hasMessageContainingAll("expected 2 examples", "rnnClearPreviousState", "got 3");
        layer.rnnClearPreviousState();
        assertClose(layer.rnnTimeStep(x, NONE), whole);
    }

    /** With a state before the first step, which is a constant; back to a step. */
    @ParameterizedTest
    @CsvSource({"false, 0", "true, 0", "false, 2"})
    void gradientsOfAPartOfASequenceAgreeWithFiniteDifferences(boolean perGate, int first) {
        LayerNormLSTMLayer layer = layer(perGate);
        layer.setMaskArray(mask());
        layer.rnnActivateUsingStoredState(input(T, 3), true, true, NONE);
        Map<String, INDArray> state = layer.rnnGetTBPTTState();
        layer.rnnSetPreviousState(state);
        INDArray x = input(T, 4);
        INDArray weight = NormCases.gaussian(new Random(5), 0, 1, N, OUT, T);
        layer.rnnActivateUsingStoredState(x, true, false, NONE);
        Pair<Gradient, INDArray> result = layer.tbpttBackpropGradient(weight.dup('f'), T - first, NONE);
        assertClose(layer.rnnGetTBPTTState().get("prevAct"), lastStep(layer, x, state));
        double[] dx = TestNetwork.numbers(result.getSecond());
        layer.rnnSetTBPTTState(state);
        if (first > 0) {
            // From there on as if the sequence began at that step.
            INDArray before = layer.rnnActivateUsingStoredState(x, true, false, NONE);
            assertThat(before.size(2)).isEqualTo(T);
            assertThat(result.getSecond().get(all(), all(), interval(0, first)).amaxNumber().doubleValue()).isZero();
            layer.setMaskArray(mask().get(all(), interval(0, first)).dup());
            layer.rnnActivateUsingStoredState(x.get(all(), all(), interval(0, first)).dup(), true, true, NONE);
            layer.setMaskArray(mask().get(all(), interval(first, T)).dup());
            state = layer.rnnGetTBPTTState();
            x = x.get(all(), all(), interval(first, T)).dup();
            weight = weight.get(all(), all(), interval(first, T)).dup();
            dx = TestNetwork.numbers(result.getSecond().get(all(), all(), interval(first, T)));
        }
        for (int i = 0; i < dx.length; i += 2) {
            assertThat(dx[i]).as("dx[%d]", i).isCloseTo(slope(layer, state, x, x, weight, i), within(1e-7));
        }
        for (Map.Entry<String, INDArray> entry : result.getFirst().gradientForVariable().entrySet()) {
            double[] gradient = TestNetwork.numbers(entry.getValue());
            for (int i = 0; i < gradient.length; i += 1 + gradient.length / 8) {
                assertThat(gradient[i]).as("%s[%d]", entry.getKey(), i)
                        .isCloseTo(slope(layer, state, x, layer.getParam(entry.getKey()), weight, i), within(1e-7));
            }
        }
    }

    /** A step of the first example and the last two of the second. */
    private static INDArray mask() {
        INDArray mask = Nd4j.ones(DataType.DOUBLE, N, T);
        mask.putScalar(0, 2, 0);
        mask.putScalar(1, 3, 0);
        mask.putScalar(1, 4, 0);
        return mask;
    }

    private static INDArray lastStep(LayerNormLSTMLayer layer, INDArray x, Map<String, INDArray> state) {
        layer.rnnSetTBPTTState(state);
        return layer.rnnActivateUsingStoredState(x, true, false, NONE).get(all(), all(), point(T - 1));
    }

    private static double slope(LayerNormLSTMLayer layer, Map<String, INDArray> state, INDArray x, INDArray varied,
                                INDArray weight, int i) {
        double step = 1e-5;
        long[] at = Shape.ind2subC(varied.shape(), i);
        double before = varied.getDouble(at);
        varied.putScalar(at, before + step);
        double above = loss(layer, state, x, weight);
        varied.putScalar(at, before - step);
        double below = loss(layer, state, x, weight);
        varied.putScalar(at, before);
        return (above - below) / (2 * step);
    }

    private static double loss(LayerNormLSTMLayer layer, Map<String, INDArray> state, INDArray x, INDArray weight) {
        layer.rnnSetTBPTTState(state);
        return layer.rnnActivateUsingStoredState(x, true, false, NONE).mul(weight).sumNumber().doubleValue();
    }

    @Test
    void maskedStepsAreNeverReadAndASequenceMayBeginBehindThem() {
        LayerNormLSTMLayer layer = layer(false);
        INDArray x = input(T, 8);
        INDArray dy = NormCases.gaussian(new Random(9), 0, 1, N, OUT, T);
        INDArray shorter = x.get(all(), all(), interval(2, T)).dup();
        INDArray expected = layer.activate(shorter, true, NONE);
        Pair<Gradient, INDArray> plain = layer.backpropGradient(dy.get(all(), all(), interval(2, T)).dup(), NONE);
        double[] gradients = TestNetwork.numbers(plain.getFirst().gradient());
        INDArray expectedDx = plain.getSecond().dup();
        x.get(all(), all(), interval(0, 2)).assign(Double.NaN);
        INDArray mask = Nd4j.ones(DataType.DOUBLE, N, T);
        mask.get(all(), interval(0, 2)).assign(0);
        layer.setMaskArray(mask);
        INDArray y = layer.activate(x, true, NONE);
        assertThat(y.get(all(), all(), interval(0, 2)).amaxNumber().doubleValue()).isZero();
        assertClose(y.get(all(), all(), interval(2, T)), expected);
        Pair<Gradient, INDArray> masked = layer.backpropGradient(dy, NONE);
        assertClose(masked.getSecond().get(all(), all(), interval(2, T)), expectedDx);
        assertThat(masked.getSecond().get(all(), all(), interval(0, 2)).amaxNumber().doubleValue()).isZero();
        assertThat(TestNetwork.numbers(masked.getFirst().gradient())).containsExactly(gradients, within(1e-12));
    }

    /** The norm of a single cell is its beta, whatever the cell. */
    @Test
    void oneOfEverythingWorks() {
        LayerNormLSTMLayer layer = layer(new LayerNormLSTM.Builder(), 1, 1);
        INDArray y = layer.activate(Nd4j.rand(DataType.DOUBLE, 1, 1, 1), true, NONE);
        assertThat(Math.abs(y.getDouble(0))).isLessThan(Math.abs(Math.tanh(layer.getParam("betaCell").getDouble(0))));
        INDArray dx = layer.backpropGradient(Nd4j.ones(DataType.DOUBLE, 1, 1, 1), NONE).getSecond();
        assertThat(dx.shape()).containsExactly(1, 1, 1);
        assertThat(TestNetwork.isFinite(dx)).isTrue();
    }

    @Test
    void badInputIsRefused() {
        LayerNormLSTMLayer layer = layer(false);
        refuses(layer, Nd4j.rand(DataType.DOUBLE, N, IN), "[N, 3, T]", "[2, 3]");
        refuses(layer, Nd4j.rand(DataType.DOUBLE, N, IN + 1, T), "[N, 3, T]", "[2, 4, 5]");
        refuses(layer, Nd4j.ones(DataType.INT, N, IN, T), "floating-point", "INT");
        layer.activate(input(T, 1), true, NONE);
        assertThatThrownBy(() -> layer.backpropGradient(Nd4j.ones(DataType.DOUBLE, N, OUT, T + 1), NONE))
                .isExactlyInstanceOf(DL4JInvalidInputException.class)
                .hasMessageContainingAll("LayerNormLSTM layer", "expected a gradient of shape [2, 4, 5]", "got [2, 4, 6]");
        layer.setMaskArray(Nd4j.ones(N, T + 1));
        refuses(layer, input(T, 1), "a mask of shape [2, 5]", "[2, 6]");
        layer.setMaskArray(Nd4j.ones(N, 1, T));
        refuses(layer, input(T, 1), "a mask of shape [N, T]", "[2, 1, 5]");
    }

    private static void refuses(LayerNormLSTMLayer layer, INDArray x, String expected, String actual) {
        assertThatThrownBy(() -> layer.activate(x, true, NONE)).isExactlyInstanceOf(DL4JInvalidInputException.class)
                .hasMessageContainingAll("LayerNormLSTM layer", "expected", expected, "got", actual);
        assertThat(layer.rnnGetPreviousState()).doesNotContainKeys(STATE);
    }

    @Test
    void badConfigurationsAreRefused() {
        assertThatThrownBy(() -> new LayerNormLSTM.Builder().name("x").eps(-1).build())
                .isExactlyInstanceOf(DL4JInvalidConfigException.class)
                .hasMessageContainingAll("LayerNormLSTM layer \"x\"", "eps >= 0", "eps -1.0");
        assertThatThrownBy(() -> layer(new LayerNormLSTM.Builder(), 0, OUT))
                .isExactlyInstanceOf(DL4JInvalidConfigException.class).hasMessageContainingAll("nIn and nOut", "nIn 0");
    }
}
