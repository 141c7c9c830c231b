// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.NormLayer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.layers.FrozenLayer;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;

/** Norms that are frozen, or that stand behind something frozen. */
@Tag("once")
@Tag("long")
@Tag("vectors-first")
class FrozenLayerTest {
    private static final int STEPS = 3;

    static Stream<Arguments> cases() {
        return Stream.of(Customized.values()).flatMap(norm -> Stream.of(Arguments.of(norm, Kind.DENSE, false),
                        Arguments.of(norm, Kind.RNN_FIRST, true), Arguments.of(norm, Kind.CNN_LAST, false))
                .filter(arguments -> norm.takes((Kind) arguments.get()[1])));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aFrozenNormNeverChangesAndWorksInTestMode(Customized norm, Kind kind, boolean graph) {
        TestNetwork net = frozen(trained(norm, kind, graph), 1);
        assertThat(net.layer(1)).isInstanceOf(FrozenLayer.class);
        INDArray x = kind.input(3, DataType.FLOAT);
        double[] inTestMode = activation(net, x, false);
        assertThat(activation(net, x, true)).containsExactly(inTestMode);
        Map<String, double[]> before = params(net.layer(1));
        double[] output = TestNetwork.numbers(net.layer(2).params());

        net.fit(STEPS, kind);

        assertThat(params(net.layer(1))).usingRecursiveComparison().isEqualTo(before);
        assertThat(TestNetwork.numbers(net.layer(2).params())).isNotEqualTo(output);
        assertThat(activation(net, x, false)).containsExactly(inTestMode);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aNormBehindAFrozenLayerIsTrained(Customized norm, Kind kind, boolean graph) {
        TestNetwork net = frozen(trained(norm, kind, graph), 0);
        Map<String, double[]> frozen = params(net.layer(0));
        Map<String, double[]> before = params(net.layer(1));

        net.fit(STEPS, kind);

        assertThat(params(net.layer(0))).usingRecursiveComparison().isEqualTo(frozen);
        params(net.layer(1)).forEach((name, after) -> {
            // A single weight is 1 whatever its logit.
            boolean byHand = name.endsWith("Weight") && after.length == 1
                    || norm == Customized.SWITCHABLE_BATCH_AVERAGE && (name.equals("mean") || name.equals("var"));
            if (byHand) {
                assertThat(after).as(name).containsExactly(before.get(name));
            } else {
                assertThat(after).as(name).isNotEqualTo(before.get(name));
            }
        });
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aNormFrozenWithBackpropNeverChangesAndLetsTheGradientThrough(Customized norm, Kind kind, boolean graph) {
        Nd4j.getRandom().setSeed(32);
        TestNetwork net = TestNetwork.around(graph, TestNetwork.Setup.FLOAT, kind,
                new FrozenLayerWithBackprop(withoutRegularization(norm, kind)));
        Map<String, double[]> before = params(net.layer(1));
        double[] first = TestNetwork.numbers(net.layer(0).params());
        INDArray x = kind.input(3, DataType.FLOAT);
        assertThat(activation(net, x, true)).containsExactly(activation(net, x, false));

        net.fit(STEPS, kind);

        assertThat(params(net.layer(1))).usingRecursiveComparison().isEqualTo(before);
        assertThat(TestNetwork.numbers(net.layer(0).params())).isNotEqualTo(first);
    }

    /** The score behind a norm in test mode is what the finite differences see. */
    @ParameterizedTest
    @MethodSource("cases")
    void theGradientThroughAFrozenNormAgreesWithFiniteDifferences(Customized norm, Kind kind, boolean graph) {
        DataType usual = Nd4j.defaultFloatingPointType();
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
        try {
            Nd4j.getRandom().setSeed(33);
            TestNetwork net = TestNetwork.around(graph, TestNetwork.Setup.of(DataType.DOUBLE).updater(new NoOp()), kind,
                    new FrozenLayerWithBackprop(norm.layer(kind)));
            spread(net.layer(1).paramTable());
            compareWithFiniteDifferences(net, kind);
        } finally {
            Nd4j.setDefaultDataTypes(usual, usual);
        }
    }

    private static void compareWithFiniteDifferences(TestNetwork net, Kind kind) {
        DataSet data = new DataSet(kind.input(3, DataType.DOUBLE), kind.labels(3, DataType.DOUBLE));
        double[] gradient = gradient(net, data);
        INDArray params = net.params();
        double step = 1e-6;
        for (int i = 0; i < net.layer(0).numParams(); i += 7) {
            double value = params.getDouble(i);
            params.putScalar(i, value + step);
            double up = score(net, data);
            params.putScalar(i, value - step);
            double down = score(net, data);
            params.putScalar(i, value);
            double numeric = (up - down) / (2 * step) * data.numExamples();
            assertThat(gradient[i]).as("gradient %d", i).isCloseTo(numeric, within(1e-6 * Math.max(1, Math.abs(numeric))));
        }
    }

    private static double score(TestNetwork net, DataSet data) {
        return net.isGraph() ? net.graph().score(data, true) : net.sequence().score(data, true);
    }

    private static double[] gradient(TestNetwork net, DataSet data) {
        if (net.isGraph()) {
            net.graph().setInputs(data.getFeatures());
            net.graph().setLabels(data.getLabels());
            net.graph().computeGradientAndScore();
        } else {
            net.sequence().setInput(data.getFeatures());
            net.sequence().setLabels(data.getLabels());
            net.sequence().computeGradientAndScore();
        }
        double[] all = TestNetwork.numbers(net.model().getGradientsViewArray());
        double largest = Arrays.stream(all, 0, (int) net.layer(0).numParams()).map(Math::abs).max().orElse(0);
        assertThat(largest).as("gradient in front of the norm").isGreaterThan(1e-3);
        return all;
    }

    /** Statistics and parameters unlike those at the start. */
    private static void spread(Map<String, INDArray> params) {
        params.forEach((name, array) -> {
            for (int i = 0; i < array.length(); i++) {
                array.putScalar(i, name.equals("log10stdev") ? -0.1 * i : 0.4 + 0.3 * i);
            }
        });
    }

    /** Deeplearning4j regularizes the parameters inside of any FrozenLayerWithBackprop. */
    private static NormLayer withoutRegularization(Customized norm, Kind kind) {
        NormLayer layer = norm.layer(kind);
        layer.setGammaRegularization(null);
        layer.setBetaRegularization(null);
        return layer;
    }

    private static TestNetwork trained(Customized norm, Kind kind, boolean graph) {
        Nd4j.getRandom().setSeed(31);
        TestNetwork net = TestNetwork.around(graph, TestNetwork.Setup.FLOAT, kind, norm.layer(kind));
        net.fit(2, kind);
        return net;
    }

    private static TestNetwork frozen(TestNetwork net, int upTo) {
        FineTuneConfiguration fineTune = new FineTuneConfiguration.Builder().updater(new Sgd(0.1)).build();
        return new TestNetwork(net.isGraph()
                ? new TransferLearning.GraphBuilder(net.graph()).fineTuneConfiguration(fineTune)
                        .setFeatureExtractor("l" + upTo).build()
                : new TransferLearning.Builder(net.sequence()).fineTuneConfiguration(fineTune)
                        .setFeatureExtractor(upTo).build());
    }

    private static double[] activation(TestNetwork net, INDArray x, boolean training) {
        INDArray y = net.isGraph() ? net.graph().feedForward(new INDArray[]{x}, training).get("l1")
                : net.sequence().feedForward(x, training).get(2);
        return TestNetwork.numbers(y);
    }

    private static Map<String, double[]> params(Layer layer) {
        Map<String, double[]> copies = new HashMap<>();
        layer.paramTable().forEach((name, array) -> copies.put(name, TestNetwork.numbers(array)));
                return copies;
    }
}
