// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.FeatureNormalization;
import io.github.dl4jnorm.model.BatchNormFolding;
import io.github.dl4jnorm.model.Freeze;
import io.github.dl4jnorm.model.PopulationStatistics;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** The formulas of Keras's Normalization, Rescaling and LayerScale, and statistics that only {@code adapt} changes. */
class FeatureNormalizationTest {
    private static final int C = 3;
    private static final double[] MEAN = {1, -2, 0.5};
    private static final double[] VARIANCE = {4, 0.25, 0};
    /** What a constant channel is divided by. */
    private static final double LEAST = 0.125;

    private static FeatureNormalization.Builder builder() {
        return new FeatureNormalization.Builder().leastDeviation(LEAST);
    }

    private static LayerUnderTest layer(FeatureNormalization conf, Kind kind, DataType type) {
        conf.setChannelsLast(kind.channelsLast);
        LayerUnderTest layer = new LayerUnderTest(conf, C, type);
        if (conf.isStatistics()) {
            layer.layer.setRunningStatistics(MEAN, VARIANCE);
        }
        return layer;
    }

    private static INDArray input(Kind kind, DataType type) {
        return NormCases.gaussian(new Random(3), 0.5, 2, NormCases.shape(kind, 4, C)).castTo(type);
    }

    private interface Formula {
        double of(double x, int channel);
    }

    private static void assertComputes(FeatureNormalization conf, Kind kind, Formula formula) {
        for (DataType type : List.of(DataType.DOUBLE, DataType.FLOAT, DataType.HALF)) {
            INDArray x = input(kind, type);
            LayerUnderTest layer = layer((FeatureNormalization) conf.clone(), kind, type);
            double[] in = TestNetwork.numbers(x);
            int positions = in.length / 4 / C;
            // HALF has 11 bits, and stores log10 of the deviation, of up to 1, with as many.
            double tolerance = type == DataType.DOUBLE ? 1e-12 : type == DataType.FLOAT ? 1e-5 : 2e-2;
            for (boolean training : new boolean[]{true, false}) {
                double[] out = TestNetwork.numbers(layer.forward(x, training));
                for (int i = 0; i < in.length; i++) {
                    double expected = formula.of(in[i], kind.channelsLast ? i % C : i / positions % C);
                    assertThat(out[i]).isCloseTo(expected, within(tolerance * Math.max(1, Math.abs(expected))));
                }
            }
        }
    }

    private static double deviation(int c) {
        return Math.max(Math.sqrt(VARIANCE[c]), LEAST);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void everyKindOfInputIsNormalizedWithTheGivenStatistics(Kind kind) {
        assertComputes(builder().build(), kind, (x, c) -> (x - MEAN[c]) / deviation(c));
        assertComputes(builder().inverse(true).build(), kind, (x, c) -> x * deviation(c) + MEAN[c]);
        assertComputes(builder().affine(true).gammaInit(0.5).betaInit(2).build(), kind,
                (x, c) -> 0.5 * (x - MEAN[c]) / deviation(c) + 2);
        assertComputes(builder().activation(Activation.RELU).build(), kind,
                (x, c) -> Math.max(0, (x - MEAN[c]) / deviation(c)));
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void rescalingAndLayerScaleHaveNoStatistics(Kind kind) {
        double[] factor = {0.5, -2, 0};
        double[] offset = {-1, 0, 3};
        assertComputes(builder().rescale(factor, offset).build(), kind, (x, c) -> factor[c] * x + offset[c]);
        assertComputes(builder().rescale(1 / 127.5, -1).build(), kind, (x, c) -> x / 127.5 - 1);
        assertComputes(builder().statistics(false).scale(true).gammaInit(1e-3).build(), kind, (x, c) -> 1e-3 * x);
        assertThat(layer(builder().statistics(false).build(), kind, DataType.FLOAT).layer.paramTable()).isEmpty();
    }

    /** Gradients of x, gamma and beta, with a mask where there are timesteps. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void gradientsAreThoseOfFiniteDifferences(Kind kind) {
        for (FeatureNormalization conf : List.of(builder().affine(true).build(), builder().inverse(true).build(),
                builder().rescale(new double[]{0.5, -2, 0}, new double[]{1, 2, 3}).build(),
                builder().statistics(false).scale(true).gammaInit(0.25).activation(Activation.TANH).build())) {
            LayerUnderTest layer = layer(conf, kind, DataType.DOUBLE);
            INDArray x = input(kind, DataType.DOUBLE);
            if (kind.rnn()) {
                INDArray mask = Nd4j.ones(DataType.DOUBLE, 4, 5);
                mask.putScalar(1, 3, 0);
                mask.putScalar(2, 0, 0);
                layer.mask(mask);
            }
            FiniteDifferences.check(layer, x, NormCases.gaussian(new Random(4), 0, 1, x.shape()));
        }
    }

    @Test
    void theInverseUndoesIt() {
        INDArray x = input(Kind.CNN_FIRST, DataType.DOUBLE);
        INDArray y = layer(builder().build(), Kind.CNN_FIRST, DataType.DOUBLE).forward(x, false);
        INDArray back = layer(builder().inverse(true).build(), Kind.CNN_FIRST, DataType.DOUBLE).forward(y, false);
        assertThat(TestNetwork.numbers(back)).containsExactly(TestNetwork.numbers(x), within(1e-12));
    }

    private static MultiLayerNetwork network(Layer... norms) {
        List<Layer> layers = new java.util.ArrayList<>(List.of(norms));
        layers.add(1, Kind.DENSE.before());
        layers.add(Kind.DENSE.output());
        return TestNetwork.of(false, TestNetwork.Setup.of(DataType.DOUBLE), Kind.DENSE.inputType(), layers).sequence();
    }

    /** Every batch has another mean; the last one is smaller. */
    private static List<DataSet> data() {
        Random random = new Random(9);
        return List.of(8, 8, 3).stream().map(n -> new DataSet(NormCases.gaussian(random, n, n, n, 3),
                Kind.DENSE.labels(n, DataType.DOUBLE))).toList();
    }

    private static double[][] moments(INDArray x) {
        double[] mean = x.mean(0).toDoubleVector();
        double[] variance = x.var(false, 0).toDoubleVector();
        return new double[][]{mean, variance};
    }

    @Test
    void adaptComputesMeanAndVarianceOfAllDataLayerByLayer() {
        MultiLayerNetwork net = network(new FeatureNormalization.Builder().name("first").build(),
                new FeatureNormalization.Builder().name("second").build(),
                new FeatureNormalization.Builder().name("inverse").inverse(true).build());
        INDArray all = DataSet.merge(data()).getFeatures();
        Map<String, ?> found = PopulationStatistics.adapt(net, new ExistingDataSetIterator(data()));
        assertThat(found.keySet()).containsExactly("first", "second");
        assertStatistics(net, 0, moments(all));
        assertStatistics(net, 2, moments(net.feedForwardToLayer(1, all).get(2)));
        assertStatistics(net, 3, new double[][]{new double[4], {1, 1, 1, 1}});
        double[][] normalized = moments(net.feedForwardToLayer(0, all).get(1));
        assertThat(normalized[0]).containsExactly(new double[3], within(1e-12));
        assertThat(normalized[1]).containsExactly(new double[]{1, 1, 1}, within(1e-12));
    }

    @Test
    void adaptOfAGraphComputesTheSame() {
        List<Layer> layers = List.of(new FeatureNormalization.Builder().name("first").build(), Kind.DENSE.before(),
                Kind.DENSE.output());
        TestNetwork.Setup setup = TestNetwork.Setup.of(DataType.DOUBLE);
        TestNetwork graph = TestNetwork.of(true, setup, Kind.DENSE.inputType(), layers);
        assertThat(PopulationStatistics.adapt(graph.graph(), new ExistingDataSetIterator(data()))).containsOnlyKeys("l0");
        double[][] expected = moments(DataSet.merge(data()).getFeatures());
        assertThat(((NormalizationLayer) graph.layer(0)).runningMean()).containsExactly(expected[0], within(1e-9));
        assertThat(((NormalizationLayer) graph.layer(0)).runningVariance()).containsExactly(expected[1], within(1e-9));
    }

    private static void assertStatistics(MultiLayerNetwork net, int index, double[][] expected) {
        NormalizationLayer layer = (NormalizationLayer) net.getLayer(index);
        assertThat(layer.runningMean()).containsExactly(expected[0], within(1e-9));
        assertThat(layer.runningVariance()).containsExactly(expected[1], within(1e-9));
    }

    @Test
    void trainingUnfreezingAndRecomputingLeaveTheStatistics() {
        MultiLayerNetwork net = network(new FeatureNormalization.Builder().build(),
                new FeatureNormalization.Builder().affine(true).build());
        PopulationStatistics.adapt(net, new ExistingDataSetIterator(data()));
        double[] mean = ((NormalizationLayer) net.getLayer(0)).runningMean();
        double[] second = ((NormalizationLayer) net.getLayer(2)).runningVariance();
        INDArray gamma = net.getLayer(2).getParam("gamma").dup();
        Freeze.unfreeze(net);
        net.fit(new ExistingDataSetIterator(data()), 2);
        assertThat(PopulationStatistics.recompute(net, new ExistingDataSetIterator(data()),
                PopulationStatistics.Method.PAPER)).isEmpty();
        assertThat(((NormalizationLayer) net.getLayer(0)).runningMean()).isEqualTo(mean);
        assertThat(((NormalizationLayer) net.getLayer(2)).runningVariance()).isEqualTo(second);
        assertThat(net.getLayer(2).getParam("gamma")).isNotEqualTo(gamma);
    }

    @Test
    void bothDirectionsFoldIntoTheLayerBefore() {
        for (boolean inverse : new boolean[]{true, false}) {
            FeatureNormalization norm = builder().inverse(inverse).build();
            MultiLayerNetwork net = TestNetwork.of(false, TestNetwork.Setup.of(DataType.DOUBLE), Kind.DENSE.inputType(), List.of(
                    new org.deeplearning4j.nn.conf.layers.DenseLayer.Builder().nOut(C).activation(Activation.IDENTITY).build(),
                    norm, Kind.DENSE.output())).sequence();
            ((NormalizationLayer) net.getLayer(1)).setRunningStatistics(MEAN, VARIANCE);
            MultiLayerNetwork folded = BatchNormFolding.fold(net).net();
            assertThat(folded.getnLayers()).isEqualTo(2);
            INDArray x = NormCases.gaussian(new Random(2), 0, 1, 5, 3);
            assertThat(TestNetwork.numbers(folded.output(x))).containsExactly(TestNetwork.numbers(net.output(x)), within(1e-12));
        }
    }

    @Test
    void optionsThatContradictAreRefused() {
        assertRefused("leastDeviation > 0", builder().leastDeviation(0));
        assertRefused("scale false and center false with inverse", builder().inverse(true).scale(true));
        assertRefused("with a constant factor", builder().rescale(2, 0).center(true));
        assertRefused("with a constant factor", builder().rescale(2, 0).statistics(true));
        assertRefused("finite factors and offsets", builder().rescale(Double.NaN, 0));
        FeatureNormalization two = builder().rescale(new double[]{1, 2}, new double[]{0}).build();
        assertThatThrownBy(() -> layer(two, Kind.DENSE, DataType.FLOAT)).isInstanceOf(DL4JInvalidConfigException.class)
                .hasMessageContaining("1 or 3 factors");
        assertThat(Arrays.asList(two.getFactor().length, two.getOffset().length)).containsExactly(2, 1);
    }

    private static void assertRefused(String message, FeatureNormalization.Builder builder) {
        assertThatThrownBy(builder::build).isInstanceOf(DL4JInvalidConfigException.class).hasMessageContaining(message);
    }
}
