// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.RunningNormLayer;

import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.model.Freeze;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Solvers that go backward several times a step spoil what a backward pass takes up, and nothing else. */
@Tag("vectors-first")
@Tag("long")
class SolversTest {

    @FunctionalInterface
    private interface Block {
        List<? extends Layer> around(ConvolutionLayer layer);
    }

    private static ConvolutionLayer convolution() {
        return new ConvolutionLayer.Builder(3, 3).nOut(4).activation(Activation.TANH).build();
    }

    private static Block block(String name) {
        return switch (name) {
            case "sync" -> layer -> List.of(layer, new SyncBatchNormalization.Builder().name("n").build());
            case "switchable with batch" -> layer -> List.of(layer,
                    new SwitchableNormalization.Builder().useBatch(true).name("n").build());
            case "instance that tracks" -> NormFactory.create("instance", Map.of("trackRunningStats", true))::around;
            case "group" -> NormFactory.create("group", Map.of("groups", 2))::around;
            default -> NormFactory.create(name)::around;
        };
    }

    private static MultiLayerConfiguration conf(List<? extends Layer> layers, OptimizationAlgorithm solver) {
        NeuralNetConfiguration.ListBuilder list = new NeuralNetConfiguration.Builder().seed(5).dataType(DataType.DOUBLE)
                .optimizationAlgo(solver).list();
        layers.forEach(list::layer);
        return list.layer(new OutputLayer.Builder(LossFunction.MCXENT).activation(Activation.SOFTMAX).nOut(3).build())
                .setInputType(InputType.convolutional(6, 6, 2)).build();
    }

    private static DataSet data() {
        INDArray x = NormCases.gaussian(new Random(1), 0, 1, 12, 2, 6, 6);
        INDArray labels = Nd4j.zeros(DataType.DOUBLE, 12, 3);
        for (int n = 0; n < 12; n++) {
            labels.putScalar(n, n % 3, 1);
            x.slice(n).addi(0.3 * (n % 3));
        }
        return new DataSet(x, labels);
    }

    /** Along a wrong gradient, a line search finds no smaller loss, or a step ends with a larger one. */
    private static void assertLossFalls(MultiLayerNetwork net, DataSet data) {
        double before = net.score(data);
        double last = before;
        for (int i = 0; i < 6; i++) {
            net.fit(data);
            double now = net.score(data);
            assertThat(now).as("loss after step %s", i).isLessThanOrEqualTo(last);
            last = now;
        }
        assertThat(last).as("loss after training, %s before", before).isLessThan(0.999 * before);
    }

    private static Stream<OptimizationAlgorithm> searching() {
        return Stream.of(OptimizationAlgorithm.LBFGS, OptimizationAlgorithm.CONJUGATE_GRADIENT,
                OptimizationAlgorithm.LINE_GRADIENT_DESCENT);
    }

    static Stream<Arguments> withState() {
        return searching().flatMap(solver -> Stream.of("batch", "ghost", "renorm", "sync", "instance that tracks", "spectral")
                .map(norm -> Arguments.of(norm, solver)));
    }

    @ParameterizedTest
    @MethodSource("withState")
    void whatKeepsStateIsRefusedWithASolverThatGoesBackwardSeveralTimesAStep(String norm, OptimizationAlgorithm solver) {
        MultiLayerNetwork net = new MultiLayerNetwork(conf(block(norm).around(convolution()), solver));
        assertThatThrownBy(net::init).isExactlyInstanceOf(DL4JInvalidConfigException.class)
                .hasMessageContaining("expected optimizationAlgo STOCHASTIC_GRADIENT_DESCENT")
                .hasMessageContaining("got " + solver);
    }

    static Stream<Arguments> withoutState() {
        return searching().flatMap(solver -> Stream.of("group", "instance", "layer", "rms", "unit", "frn", "grn", "weight",
                "weight-standardization").map(norm -> Arguments.of(norm, solver)));
    }

    @ParameterizedTest
    @MethodSource("withoutState")
    void whatKeepsNoStateTrainsWithEverySolver(String norm, OptimizationAlgorithm solver) {
        MultiLayerNetwork net = new MultiLayerNetwork(conf(block(norm).around(convolution()), solver));
        net.init();
        assertLossFalls(net, data());
        assertThat(TestNetwork.isFinite(net.params())).isTrue();
    }

    @ParameterizedTest
    @EnumSource(value = OptimizationAlgorithm.class, mode = EnumSource.Mode.EXCLUDE, names = "STOCHASTIC_GRADIENT_DESCENT")
    void aNormWithFrozenStatisticsTrainsAndKeepsThem(OptimizationAlgorithm solver) {
        List<? extends Layer> layers = block("batch").around(convolution());
        ((RunningNormLayer) layers.get(1)).setStatisticsFrozen(true);
        MultiLayerNetwork net = new MultiLayerNetwork(conf(layers, solver));
        net.init();
        NormalizationLayer norm = (NormalizationLayer) net.getLayer(1);
        norm.setRunningStatistics(new double[]{0.1, -0.2, 0.3, 0}, new double[]{0.5, 0.4, 0.3, 0.2});
        double[] mean = norm.runningMean();
        double[] variance = norm.runningVariance();
        assertLossFalls(net, data());
        assertThat(norm.runningMean()).containsExactly(mean);
        assertThat(norm.runningVariance()).containsExactly(variance);
    }

    static Stream<Arguments> loaded() {
        return searching().flatMap(solver -> Stream.of("batch", "spectral").map(norm -> Arguments.of(norm, solver)));
    }

    /** As a network that was saved with such a solver. */
    @ParameterizedTest
    @MethodSource("loaded")
    void aLoadedNetworkGivesOutputsAndRefusesToTrain(String norm, OptimizationAlgorithm solver) {
        MultiLayerNetwork sgd = new MultiLayerNetwork(conf(block(norm).around(convolution()),
                OptimizationAlgorithm.STOCHASTIC_GRADIENT_DESCENT));
        sgd.init();
        MultiLayerNetwork net = new MultiLayerNetwork(conf(block(norm).around(convolution()), solver));
        net.init(sgd.params().dup(), false);
        INDArray x = data().getFeatures();
        assertThat(net.output(x)).isEqualTo(sgd.output(x));
        double[] before = TestNetwork.numbers(net.params());
        assertThatThrownBy(() -> net.fit(data())).hasStackTraceContaining("expected optimizationAlgo");
        assertThat(TestNetwork.numbers(net.params())).containsExactly(before);
        assertThatCode(() -> net.output(x)).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @EnumSource(value = OptimizationAlgorithm.class, mode = EnumSource.Mode.EXCLUDE, names = "STOCHASTIC_GRADIENT_DESCENT")
    void aNormThatWasThawedIsRefusedWhenItTrains(OptimizationAlgorithm solver) {
        BatchNormalization conf = new BatchNormalization.Builder().build();
        conf.setStatisticsFrozen(true);
        MultiLayerNetwork net = new MultiLayerNetwork(conf(List.of(convolution(), conf), solver));
        net.init();
        Freeze.unfreeze(net);
        assertThatThrownBy(() -> net.fit(data())).hasStackTraceContaining("expected optimizationAlgo");
    }
}
