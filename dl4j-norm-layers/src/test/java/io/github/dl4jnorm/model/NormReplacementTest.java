// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static io.github.dl4jnorm.model.Nets.assertSameOutput;
import static io.github.dl4jnorm.model.Nets.graph;
import static io.github.dl4jnorm.model.Nets.ours;
import static io.github.dl4jnorm.model.Nets.sequence;
import static io.github.dl4jnorm.model.Nets.stock;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.layer.NormalizationLayer;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution1D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.layers.FrozenLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Replaced norms know what the old ones knew, and nothing else changes. */
@Tag("once")
@Tag("long")
class NormReplacementTest {
    private static final int CHANNELS = 4;

    private final INDArray x = images(CNN2DFormat.NCHW);

    private static INDArray images(CNN2DFormat format) {
        Nd4j.getRandom().setSeed(2);
        return format == CNN2DFormat.NCHW ? Nd4j.randn(DataType.FLOAT, 5, 3, 6, 7) : Nd4j.randn(DataType.FLOAT, 5, 6, 7, 3);
    }

    private static Layer[] layers(Layer norm) {
        return new Layer[]{new ConvolutionLayer.Builder(3, 3).nOut(CHANNELS).build(), norm,
            new DenseLayer.Builder().nOut(5).activation(Activation.TANH).build(), norm.clone(),
            new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build()};
    }

    private static List<Model> both(CNN2DFormat format, Layer norm) {
        InputType type = InputType.convolutional(6, 7, 3, format);
        return List.of(sequence(type, layers(norm)), graph(type, layers(norm)));
    }

    private static void fit(Model net, INDArray input, int steps) {
        Nd4j.getRandom().setSeed(9);
        INDArray labels = Nd4j.rand(DataType.FLOAT, input.size(0), 2);
        for (int i = 0; i < steps; i++) {
            ((NeuralNetwork) net).fit(new DataSet(input, labels));
        }
    }

    static Stream<Arguments> stockNorms() {
        return Stream.of(stock().build(), stock().useLogStd(false).decay(0.7).eps(1e-3).build(),
                stock().lockGammaBeta(true).gamma(2).beta(3).build(), stock().lockGammaBeta(true).gamma(2).build(),
                stock().activation(Activation.TANH).build()).flatMap(norm -> Stream.of(CNN2DFormat.values())
                        .map(format -> Arguments.of(norm, format)));
    }

    @ParameterizedTest
    @MethodSource("stockNorms")
    void deeplearning4jsNormBecomesOursWithTheSameOutputs(Layer norm, CNN2DFormat format) {
        INDArray input = images(format);
        for (Model net : both(format, norm)) {
            Model replaced = NormReplacement.replace(net, NormRules.batchToBatch());
            assertThat(norm(replaced, 1).layerConf()).isInstanceOf(BatchNormalization.class);
            Nets.assertSameParams(replaced.paramTable(), net.paramTable());
            assertSameOutput(replaced, net, input, 1e-5);
            assertSameOutput(NormReplacement.replace(net, NormRules.batchToBatch()), net, input, 1e-5);
        }
    }

    /** With the updater's state and counters, further training is the same; without, Adam would take other steps. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void trainingGoesOnAsItWouldHave(boolean logStd) {
        for (Model net : both(CNN2DFormat.NCHW, stock().useLogStd(logStd).build())) {
            // Biases in front of a norm get rounding alone for a gradient, which Adam makes whole steps of.
            fit(net, x, 5);
            Model replaced = NormReplacement.replace(net, NormRules.batchToBatch());
            assertThat(((NeuralNetwork) replaced).updaterState()).isEqualTo(((NeuralNetwork) net).updaterState());
            fit(net, x, 3);
            fit(replaced, x, 3);
            replaced.paramTable().forEach((name, array) -> {
                if (!name.endsWith("_b")) {
                    assertThat(array.sub(net.paramTable().get(name)).amaxNumber().doubleValue()).as(name).isLessThan(2e-3);
                }
            });
        }
    }

    static Stream<Arguments> otherNorms() {
        return Stream.of(Arguments.of(NormRules.batchToGroup(1), GroupNormalization.class),
                Arguments.of(NormRules.batchToLayer(), LayerNormalization.class),
                Arguments.of(NormRules.batchToSwitchable(), SwitchableNormalization.class));
    }

    @ParameterizedTest
    @MethodSource("otherNorms")
    void anotherNormTakesGammaBetaAndTheUpdatersState(NormReplacement.Rule rule, Class<?> type) {
        for (Layer old : List.of(stock().eps(1e-4).build(), ours().eps(1e-4).useLogStd(false).build())) {
            for (Model net : both(CNN2DFormat.NHWC, old)) {
                INDArray input = images(CNN2DFormat.NHWC);
                fit(net, input, 2);
                Model replaced = NormReplacement.replace(net, rule);
                NormLayer conf = norm(replaced, 1).layerConf();
                assertThat(conf).isInstanceOf(type);
                assertThat(conf.getEps()).isEqualTo(1e-4);
                assertThat(conf.isChannelsLast()).isTrue();
                replaced.paramTable().forEach((name, array) -> {
                    if (net.paramTable().containsKey(name)) {
                        assertThat(array).as(name).isEqualTo(net.paramTable().get(name));
                    }
                });
                assertSameState(replaced, net);
                fit(replaced, input, 2);
                assertThat(Nets.output(replaced, input).isNaN().any()).isFalse();
            }
        }
    }

    /** Adam's two moments of every parameter that both have. */
    private static void assertSameState(Model actual, Model expected) {
        Map<String, INDArray> right = states(expected);
        Map<String, INDArray> found = states(actual);
        right.forEach((name, array) -> assertThat(found.get(name)).as(name).isEqualTo(array));
        assertThat(right.keySet()).anyMatch(name -> name.contains("gamma"));
        assertThat(right.values()).anyMatch(array -> array.amaxNumber().doubleValue() > 0);
    }

    private static Map<String, INDArray> states(Model net) {
        Map<String, INDArray> all = new TreeMap<>();
        Draft.of(net).parts().forEach(part -> part.updaterState().forEach((param, states) -> states.forEach(
                (name, array) -> all.put(part.key() + " " + param + " " + name, array))));
        return all;
    }

    /** There and back: the same network, its statistics, the updater's state and every option with it. */
    @ParameterizedTest
    @MethodSource("synchronizable")
    void batchNormBecomesSynchronizedAndBack(NormLayer norm) {
        for (Model net : both(CNN2DFormat.NCHW, norm)) {
            fit(net, x, 3);
            Model shared = NormReplacement.replace(net, NormRules.batchToSynchronized());
            RunningNormLayer conf = (RunningNormLayer) norm(shared, 1).layerConf();
            assertThat(conf.sharesStatistics()).isTrue();
            assertThat(conf).isInstanceOf(norm instanceof BatchNormalization ? SyncBatchNormalization.class : norm.getClass());
            assertThat(shared.params()).isEqualTo(net.params());
            assertSameOutput(shared, net, x, 1e-6);
            Model back = NormReplacement.replace(shared, NormRules.synchronizedToBatch());
            assertThat(norm(back, 1).layerConf()).isEqualTo(norm(net, 1).layerConf());
            fit(net, x, 3);
            fit(shared, x, 3);
            fit(back, x, 3);
            assertThat(shared.params()).as("alone it is batch norm").isEqualTo(net.params());
            assertThat(back.params()).isEqualTo(net.params());
        }
    }

    static Stream<NormLayer> synchronizable() {
        return Stream.of(ours().build(), ours().useLogStd(false).decay(0.7).eps(1e-3).activation(Activation.RELU).build(),
                ours().lockGammaBeta(true).gamma(2).beta(3).minibatch(false).helperAllowFallback(false).build(),
                ours().runningStatistics(RunningStatistics.cumulative()).scale(false).constrainBeta(
                        new NonNegativeConstraint()).betaRegularization(new L2Regularization(0.01)).betaInit(0.5).build(),
                new SwitchableNormalization.Builder().eps(1e-4).build());
    }

    @Test
    void deeplearning4jsNormBecomesSynchronizedToo() {
        for (Model net : both(CNN2DFormat.NHWC, stock().decay(0.7).build())) {
            Model replaced = NormReplacement.replace(net, NormRules.batchToSynchronized());
            assertThat(norm(replaced, 1).layerConf()).isInstanceOf(SyncBatchNormalization.class);
            assertSameOutput(replaced, net, images(CNN2DFormat.NHWC), 1e-5);
        }
    }

    @Test
    void aSwitchableNormTakesTheRunningStatisticsInItsOwnForm() {
        MultiLayerNetwork net = sequence(InputType.convolutional(6, 7, 3), layers(stock().decay(0.6).build()));
        MultiLayerNetwork replaced = NormReplacement.replace(net, NormRules.batchToSwitchable());
        NormalizationLayer layer = norm(replaced, 1);
        assertThat(layer.getParam("log10stdev")).isNull();
        assertThat(layer.runningMean()).containsExactly(net.getParam("1_mean").toDoubleVector(), within(1e-6));
        double[] stdev = net.getParam("1_log10stdev").toDoubleVector();
        for (int c = 0; c < CHANNELS; c++) {
            assertThat(layer.runningVariance()[c]).isCloseTo(Math.pow(10, 2 * stdev[c]), within(1e-5));
        }
        assertThat(((SwitchableNormalization) layer.layerConf()).getRunningStatistics())
                .isEqualTo(RunningStatistics.decay(0.6).unbiased(false));
        assertThat(layer.getParam("meanWeight").toDoubleVector()).containsOnly(1);
    }

    @Test
    void anInstanceNormGetsLockedValuesAsItsGammaAndBeta() {
        MultiLayerNetwork net = sequence(InputType.convolutional(6, 7, 3), new ConvolutionLayer.Builder(3, 3).nOut(2).build(),
                ours().lockGammaBeta(true).gamma(2).beta(-1).activation(Activation.RELU).build());
        MultiLayerNetwork replaced = NormReplacement.replace(net, NormRules.batchToInstance());
        assertThat(norm(replaced, 1).layerConf()).isInstanceOf(InstanceNormalization.class);
        assertThat(replaced.getParam("1_gamma").toDoubleVector()).containsOnly(2);
        assertThat(replaced.getParam("1_beta").toDoubleVector()).containsOnly(-1);
        assertThat(norm(replaced, 1).layerConf().fusesRelu()).isTrue();
    }

    @Test
    void aRuleOfOnesOwnChoosesLayersByName() {
        ComputationGraph net = graph(InputType.convolutional(6, 7, 3), layers(ours().build()));
        ComputationGraph replaced = NormReplacement.replace(net, (name, old) ->
                name.equals("l3") ? new LayerNormalization.Builder().updater(new Sgd(0.3)).eps(0.1).build() : null);
        assertThat(norm(replaced, 1).layerConf()).isEqualTo(norm(net, 1).layerConf());
        assertThat(norm(replaced, 3).layerConf()).isInstanceOf(LayerNormalization.class);
        assertThat(norm(replaced, 3).layerConf().getIUpdater()).isEqualTo(new Sgd(0.3));
        fit(replaced, x, 2);
    }

    @Test
    void aRuleMayGiveTheSameNormForAllLayers() {
        MultiLayerNetwork net = sequence(InputType.convolutional(6, 7, 3), layers(ours().build()));
        NormLayer same = new LayerNormalization.Builder().build();
        MultiLayerNetwork replaced = NormReplacement.replace(net, (name, old) -> same);
        assertThat(norm(replaced, 1).layerConf().getNOut()).isEqualTo(CHANNELS);
        assertThat(norm(replaced, 1).layerConf().getLayerName()).isEqualTo("layer1");
        assertThat(norm(replaced, 3).layerConf().getNOut()).isEqualTo(5);
        fit(replaced, x, 1);
    }

    @Test
    void aNormBehindASequenceKnowsItsFormat() {
        Layer conv = new Convolution1D.Builder(3).nOut(CHANNELS).rnnDataFormat(RNNFormat.NWC).build();
        MultiLayerNetwork net = sequence(InputType.recurrent(3, 8, RNNFormat.NWC), conv, stock().build());
        MultiLayerNetwork replaced = NormReplacement.replace(net, NormRules.batchToBatch());
        assertThat(replaced.output(Nd4j.rand(DataType.FLOAT, 2, 8, 3)).shape()).containsExactly(2, 6, CHANNELS);
    }

    @Test
    void constraintsOfStatisticsAreNotTakenOver() {
        Layer old = stock().constrainAllParameters(new MaxNormConstraint(0.5, 0)).build();
        MultiLayerNetwork net = sequence(InputType.convolutional(6, 7, 3), layers(old));
        MultiLayerNetwork replaced = NormReplacement.replace(net, NormRules.batchToBatch());
        assertThat(norm(replaced, 1).layerConf().getConstraints()).singleElement()
                .satisfies(constraint -> assertThat(constraint.getParams()).containsExactlyInAnyOrder("gamma", "beta"));
    }

    @Test
    void frozenNormsStayFrozen() {
        MultiLayerNetwork net = new TransferLearning.Builder(sequence(InputType.convolutional(6, 7, 3),
                layers(stock().build()))).setFeatureExtractor(1).build();
        MultiLayerNetwork replaced = NormReplacement.replace(net, NormRules.batchToBatch());
        assertThat(replaced.getLayer(1)).isInstanceOf(FrozenLayer.class);
        INDArray before = replaced.getParam("1_mean").dup();
        fit(replaced, x, 2);
        assertThat(replaced.getParam("1_mean")).isEqualTo(before);
        assertSameOutput(NormReplacement.replace(net, NormRules.batchToBatch()), net, x, 1e-5);
    }

    @Test
    void groupsThatDoNotDivideTheChannelsAreRefusedAndTheNetworkStays() {
        MultiLayerNetwork net = sequence(InputType.convolutional(6, 7, 3), layers(stock().build()));
        INDArray before = net.params().dup();
        assertThatThrownBy(() -> NormReplacement.replace(net, NormRules.batchToGroup(3)))
                .isInstanceOf(DL4JInvalidConfigException.class).hasMessageContaining("layer1")
                .hasMessageContaining("divisible by groups = 3").hasMessageContaining("4 channels");
        assertThat(net.params()).isEqualTo(before);
        assertThat(net.getLayer(1)).isInstanceOf(org.deeplearning4j.nn.layers.normalization.BatchNormalization.class);
    }

    private static NormalizationLayer norm(Model net, int index) {
        return (NormalizationLayer) (net instanceof MultiLayerNetwork sequence ? sequence.getLayer(index)
                : ((ComputationGraph) net).getLayer("l" + index));
    }
}
