// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.conf.WeightNormalization;
import io.github.dl4jnorm.conf.WeightShape;
import io.github.dl4jnorm.layer.Inside.Wrapper;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;

/** What layers with computed weights compute, and how they train. */
@Tag("long")
@Tag("vectors-first")
class ReparameterizedLayerTest {
    private static MultiLayerNetwork net(Wrapper wrapper, Inside inside) {
        return inside.sequence(Inside.base(DataType.FLOAT, new Adam(0.01)), wrapper.around(inside.layer(Activation.TANH)));
    }

    private static DataSet batch(Inside inside, DataType type) {
        return new DataSet(inside.input(4, type), Inside.labels(4, type));
    }

    private static double[] numbers(INDArray array) {
        return TestNetwork.numbers(array);
    }

    static void assertClose(double[] actual, double[] expected, double relative) {
        double scale = Arrays.stream(expected).map(Math::abs).max().orElse(0);
        assertThat(scale).isPositive().isFinite();
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; i++) {
            assertThat(actual[i]).as("element %d", i).isCloseTo(expected[i], within(relative * scale));
        }
    }

    /** w of every unit, from the formula and with loops of its own. */
    @ParameterizedTest
    @EnumSource(Inside.class)
    void weightsAreThoseOfTheFormula(Inside inside) {
        for (Wrapper wrapper : Wrapper.values()) {
            MultiLayerNetwork net = net(wrapper, inside);
            net.fit(batch(inside, DataType.FLOAT));
            ReparameterizedLayer layer = Inside.first(net);
            Map<String, INDArray> found = layer.computedWeights();
            for (WeightShape shape : layer.reparameterization().weights()) {
                double[][] v = rows(shape, layer.getParam(shape.key()));
                double[][] w = rows(shape, found.get(shape.key()));
                if (wrapper == Wrapper.ORTHOGONAL) {
                    assertOrthonormal(w);
                    continue;
                }
                boolean gains = wrapper == Wrapper.WEIGHT || wrapper == Wrapper.SCALED;
                boolean centered = wrapper == Wrapper.STANDARDIZATION || wrapper == Wrapper.SCALED;
                double[] g = gains ? numbers(layer.getParam(shape.key() + "g")) : null;
                double sigma = wrapper == Wrapper.SPECTRAL ? sigma(v, numbers(layer.getParam(shape.key() + "u")),
                        numbers(layer.getParam(shape.key() + "v"))) : 1;
                for (int unit = 0; unit < v.length; unit++) {
                    double mean = centered ? Arrays.stream(v[unit]).average().orElseThrow() : 0;
                    double squares = Arrays.stream(v[unit]).map(x -> (x - mean) * (x - mean)).sum();
                    double scale = switch (wrapper) {
                        case WEIGHT -> g[unit] / Math.sqrt(squares);
                        case STANDARDIZATION -> 1 / Math.sqrt(squares / v[unit].length + 1e-6);
                        case SPECTRAL -> 1 / sigma;
                        case ORTHOGONAL -> throw new AssertionError("has a formula of its own");
                        case SCALED -> 1.5 * g[unit] / Math.sqrt(squares + 1e-6 * v[unit].length);
                    };
                    assertClose(w[unit], Arrays.stream(v[unit]).map(x -> (x - mean) * scale).toArray(), 1e-5);
                }
            }
        }
    }

    /** Rows if there are more inputs than units, else columns. */
    private static void assertOrthonormal(double[][] w) {
        boolean ofRows = w.length <= w[0].length;
        int count = ofRows ? w.length : w[0].length;
        for (int i = 0; i < count; i++) {
            for (int j = 0; j <= i; j++) {
                double product = 0;
                for (int k = 0; k < (ofRows ? w[0].length : w.length); k++) {
                    product += ofRows ? w[i][k] * w[j][k] : w[k][i] * w[k][j];
                }
                assertThat(product).as("product of %d and %d", i, j).isCloseTo(i == j ? 1 : 0, within(1e-6));
            }
        }
    }

    /** The weights of each unit in the order of memory. */
    private static double[][] rows(WeightShape shape, INDArray weight) {
        double[] flat = numbers(weight.rank() == 2 ? weight.transpose().dup('c') : weight.dup('c'));
        double[][] rows = new double[(int) shape.units()][(int) shape.inputs()];
        for (int i = 0; i < shape.units() * shape.inputs(); i++) {
            int unit = (int) (i / shape.inner() % shape.units());
            int outer = (int) (i / (shape.inner() * shape.units()));
            rows[unit][(int) (outer * shape.inner() + i % shape.inner())] = flat[i];
        }
        return rows;
    }

    private static double sigma(double[][] matrix, double[] u, double[] v) {
        double sum = 0;
        for (int i = 0; i < u.length; i++) {
            for (int j = 0; j < v.length; j++) {
                sum += u[i] * matrix[i][j] * v[j];
            }
        }
        return sum;
    }

    /** Whatever the shapes of parameters say, a gain is that of an output. */
    @ParameterizedTest
    @EnumSource(value = Inside.class, names = ".*(LSTM|RNN)", mode = EnumSource.Mode.MATCH_NONE)
    void aGainScalesTheOutputOfItsUnitAlone(Inside inside) {
        MultiLayerNetwork net = inside.sequence(Inside.base(DataType.FLOAT, new Adam(0.01)),
                Wrapper.WEIGHT.around(inside.layer(Activation.IDENTITY)));
        ReparameterizedLayer layer = Inside.first(net);
        INDArray x = inside.input(2, DataType.FLOAT);
        INDArray before = net.feedForward(x).get(1).dup();
        INDArray gain = layer.getParam(inside == Inside.SEPARABLE ? "pWg" : "Wg");
        assertThat(gain.length()).isEqualTo(inside.units());

        for (int unit = 0; unit < gain.length(); unit++) {
            double old = gain.getDouble(unit);
            gain.putScalar(unit, 3 * old);
            INDArray after = net.feedForward(x).get(1);
            gain.putScalar(unit, old);
            int axis = inside == Inside.CNN_LAST ? 3 : 1;
            for (int c = 0; c < gain.length(); c++) {
                double factor = c == unit ? 3 : 1;
                assertClose(numbers(channel(after, axis, c)), numbers(channel(before, axis, c).mul(factor)), 1e-5);
            }
        }
    }

    private static INDArray channel(INDArray array, int axis, int channel) {
        return array.tensorAlongDimension(channel, otherAxes(array.rank(), axis)).dup('c');
    }

    private static int[] otherAxes(int rank, int axis) {
        return IntStream.range(0, rank).filter(other -> other != axis).toArray();
    }

    /** Deeplearning4j draws the weights of Bidirectional several times. */
    @ParameterizedTest
    @EnumSource(value = Inside.class, names = "BIDIRECTIONAL.*", mode = EnumSource.Mode.MATCH_NONE)
    void weightNormalizationStartsAsTheLayerInside(Inside inside) {
        INDArray x = inside.input(3, DataType.FLOAT);
        MultiLayerNetwork plain = inside.sequence(Inside.base(DataType.FLOAT, new Adam(0.01)),
                inside.layer(Activation.TANH));
        assertClose(numbers(net(Wrapper.WEIGHT, inside).output(x)), numbers(plain.output(x)), 1e-5);
    }

    @ParameterizedTest
    @EnumSource(Inside.class)
    void spectralWeightsHaveALargestSingularValueOfOne(Inside inside) {
        ReparameterizedLayer layer = Inside.first(inside.sequence(Inside.base(DataType.DOUBLE, new Adam(0.01)),
                new SpectralNormalization.Builder(inside.layer(Activation.TANH)).warmUp(500).build()));
        Map<String, INDArray> weights = layer.computedWeights();
        for (WeightShape shape : layer.reparameterization().weights()) {
            assertThat(largestSingularValue(rows(shape, weights.get(shape.key())))).isCloseTo(1, within(1e-6));
        }
    }

    private static double largestSingularValue(double[][] w) {
        double[] v = new Random(5).doubles(w[0].length).toArray();
        double length = 0;
        for (int i = 0; i < 5000; i++) {
            double[] next = new double[v.length];
            for (double[] row : w) {
                double dot = 0;
                for (int j = 0; j < v.length; j++) {
                    dot += row[j] * v[j];
                }
                for (int j = 0; j < v.length; j++) {
                    next[j] += dot * row[j];
                }
            }
            length = Math.sqrt(Arrays.stream(next).map(x -> x * x).sum());
            for (int j = 0; j < v.length; j++) {
                v[j] = next[j] / length;
            }
        }
        return Math.sqrt(length);
    }

    @ParameterizedTest
    @EnumSource(Wrapper.class)
    void graphsAndWorkspacesMakeNoDifference(Wrapper wrapper) {
        for (Inside inside : new Inside[]{Inside.DENSE, Inside.CNN, Inside.LSTM}) {
            MultiLayerNetwork net = net(wrapper, inside);
            MultiLayerNetwork without = inside.sequence(Inside.base(DataType.FLOAT, new Adam(0.01))
                    .trainingWorkspaceMode(WorkspaceMode.NONE).inferenceWorkspaceMode(WorkspaceMode.NONE),
                    wrapper.around(inside.layer(Activation.TANH)));
            ComputationGraph graph = inside.graph(Inside.base(DataType.FLOAT, new Adam(0.01)),
                    wrapper.around(inside.layer(Activation.TANH)));
            double[] before = numbers(net.params());
            for (int step = 0; step < 3; step++) {
                net.fit(batch(inside, DataType.FLOAT));
                without.fit(batch(inside, DataType.FLOAT));
                graph.fit(batch(inside, DataType.FLOAT));
            }
            assertThat(numbers(net.params())).isNotEqualTo(before);
            assertThat(numbers(without.params())).containsExactly(numbers(net.params()));
            assertThat(numbers(graph.params())).containsExactly(numbers(net.params()));
            INDArray x = inside.input(3, DataType.FLOAT);
            assertThat(numbers(graph.outputSingle(x))).containsExactly(numbers(net.output(x)));
        }
    }

    @ParameterizedTest
    @EnumSource(DataType.class)
    void lossFallsInEveryDataType(DataType type) {
        if (type != DataType.HALF && type != DataType.FLOAT && type != DataType.DOUBLE) {
            return;
        }
        for (Wrapper wrapper : Wrapper.values()) {
            MultiLayerNetwork net = Inside.CNN.sequence(Inside.base(type, new Sgd(0.1)),
                    wrapper.around(Inside.CNN.layer(Activation.TANH)));
            DataSet batch = batch(Inside.CNN, type);
            double before = net.score(batch);
            for (int i = 0; i < 20; i++) {
                net.fit(batch);
            }
            assertThat(net.score(batch)).as("%s", wrapper).isFinite().isLessThan(before);
        }
    }

    /**
     * They are no business of the optimizer's, whatever it does with gradients. It leaves the weights where they are, which
     * Deeplearning4j's Adam with a rate of 0 does not.
     */
    @ParameterizedTest
    @EnumSource(GradientNormalization.class)
    void singularVectorsAreOutOfReachOfTheOptimizer(GradientNormalization mode) {
        MultiLayerNetwork net = Inside.DENSE.sequence(Inside.base(DataType.FLOAT, new Sgd(0))
                .gradientNormalization(mode).gradientNormalizationThreshold(0.01).l2(0.1),
                Wrapper.SPECTRAL.around(Inside.DENSE.layer(Activation.TANH)));
        MultiLayerNetwork plain = Inside.DENSE.sequence(Inside.base(DataType.FLOAT, new Sgd(0)),
                Wrapper.SPECTRAL.around(Inside.DENSE.layer(Activation.TANH)));
        for (int i = 0; i < 3; i++) {
            net.fit(batch(Inside.DENSE, DataType.FLOAT));
            plain.fit(batch(Inside.DENSE, DataType.FLOAT));
        }
        for (String name : new String[]{"0_Wu", "0_Wv"}) {
            assertThat(numbers(net.getParam(name))).containsExactly(numbers(plain.getParam(name)));
            assertThat(net.getParam(name).norm2Number().doubleValue()).isCloseTo(1, within(1e-6));
        }
    }

    @Test
    void singularVectorsChangeInTrainingAloneAndAreDrawnBySeed() {
        SpectralNormalization conf = new SpectralNormalization.Builder(Inside.DENSE.layer(Activation.TANH)).warmUp(0).build();
        MultiLayerNetwork net = Inside.DENSE.sequence(Inside.base(DataType.FLOAT, new Adam(0.01)), conf.clone());
        MultiLayerNetwork same = Inside.DENSE.sequence(Inside.base(DataType.FLOAT, new Adam(0.01)), conf.clone());
        MultiLayerNetwork other = Inside.DENSE.sequence(Inside.base(DataType.FLOAT, new Adam(0.01)).seed(8), conf.clone());
        double[] u = numbers(net.getParam("0_Wu"));
        assertThat(numbers(same.getParam("0_Wu"))).containsExactly(u);
        assertThat(numbers(other.getParam("0_Wu"))).isNotEqualTo(u);

        DataSet batch = batch(Inside.DENSE, DataType.FLOAT);
        net.output(batch.getFeatures());
        net.score(batch);
        net.feedForward(batch.getFeatures(), true);
        assertThat(numbers(net.getParam("0_Wu"))).as("without a backward pass").containsExactly(u);
        net.fit(batch);
        assertThat(numbers(net.getParam("0_Wu"))).isNotEqualTo(u);
    }

    /** A zero weight has no direction and no singular vectors. */
    @ParameterizedTest
    @EnumSource(Wrapper.class)
    void zerosStayFinite(Wrapper wrapper) {
        MultiLayerNetwork net = net(wrapper, Inside.DENSE);
        net.getParam("0_W").assign(0);
        DataSet batch = batch(Inside.DENSE, DataType.FLOAT);
        // Without reflections, an orthogonal weight is the identity.
        assertThat(Inside.first(net).computedWeights().get("W").amaxNumber().doubleValue())
                .isEqualTo(wrapper == Wrapper.ORTHOGONAL ? 1 : 0);
        for (int i = 0; i < 3; i++) {
            net.fit(batch);
            assertThat(TestNetwork.isFinite(net.params())).isTrue();
            assertThat(TestNetwork.isFinite(net.output(batch.getFeatures()))).isTrue();
        }
    }

    @Test
    void regularizationOfTheWeightsActsOnTheirLength() {
        Layer layer = Inside.DENSE.builder().l2(0.5).regularizationBias(List.of()).activation(Activation.TANH).build();
        MultiLayerNetwork net = Inside.DENSE.sequence(Inside.base(DataType.FLOAT, new Sgd(0.1)), new WeightNormalization(layer));
        MultiLayerNetwork plain = Inside.DENSE.sequence(Inside.base(DataType.FLOAT, new Sgd(0.1)), layer.clone());
        assertThat(net.calcRegularizationScore(true)).isCloseTo(plain.calcRegularizationScore(true), within(1e-6))
                .isPositive();
    }

    @Test
    void aLayerAloneHasTheParametersOfAll() {
        ReparameterizedLayer layer = Inside.first(net(Wrapper.SPECTRAL, Inside.LSTM));
        assertThat(layer.paramTable().keySet()).containsExactly("W", "RW", "b", "Wu", "Wv", "RWu", "RWv");
        assertThat(layer.numParams()).isEqualTo(layer.params().length()).isEqualTo(16 * 3 + 16 * 4 + 16 + 16 + 3 + 16 + 4);
        assertThat(layer.conf().variables()).containsExactlyElementsOf(layer.paramTable().keySet());
        INDArray doubled = layer.params().mul(2);
        layer.setParams(doubled.dup());
        assertThat(numbers(layer.params())).containsExactly(numbers(doubled));
        layer.setInput(Inside.LSTM.input(2, DataType.FLOAT), LayerWorkspaceMgr.noWorkspaces());
        assertThat(layer.activate(false, LayerWorkspaceMgr.noWorkspaces()).shape()).containsExactly(2, 4, Inside.STEPS);
    }
}
