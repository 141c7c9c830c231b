// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SplitBatchNormalization;
import io.github.dl4jnorm.model.NormReplacement;
import io.github.dl4jnorm.model.PyTorchWeights;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L2Regularization;

/** Every part of a batch against a batch norm of its own. */
@Tag("vectors-first")
class SplitBatchNormTest {
    private static final int C = Kind.CHANNELS;
    private static final int SPLITS = 3;
    private static final int SIZE = 2;

    private static String key(String name, int part) {
        return part == 0 ? name : name + part;
    }

    private static INDArray some(INDArray array, int part) {
        return array.get(NDArrayIndex.interval(part * SIZE, (part + 1) * SIZE)).dup('c');
    }

    private static void assertClose(INDArray actual, INDArray expected) {
        assertThat(actual.sub(expected.reshape(actual.shape())).amaxNumber().doubleValue()).isLessThan(1e-12);
    }

    private static LayerUnderTest[] alone(Kind kind, RunningStatistics policy, LayerUnderTest split, Random random) {
        LayerUnderTest[] alone = new LayerUnderTest[SPLITS];
        for (int part = 0; part < SPLITS; part++) {
            int each = part;
            alone[part] = NormCases.layer(new BatchNormalization.Builder().runningStatistics(policy).gammaOffset(1)
                    .activation(Activation.RELU).build(), kind, C, DataType.DOUBLE);
            alone[part].layer.paramTable().forEach((name, param) -> {
                param.assign(NormCases.gaussian(random, 0.5, 0.3, param.shape()));
                split.param(key(name, each)).assign(param);
            });
        }
        assertThat(split.layer.paramTable()).hasSize(SPLITS * alone[0].layer.paramTable().size());
        return alone;
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void everyPartIsABatchOfItsOwn(Kind kind) {
        for (RunningStatistics policy : List.of(RunningStatistics.momentum(0.25), RunningStatistics.cumulative())) {
            Random random = new Random(81);
            LayerUnderTest split = NormCases.layer(new SplitBatchNormalization.Builder(SPLITS).runningStatistics(policy)
                    .gammaOffset(1).activation(Activation.RELU).build(), kind, C, DataType.DOUBLE);
            LayerUnderTest[] alone = alone(kind, policy, split, random);
            INDArray x = NormCases.gaussian(random, 1, 2, NormCases.shape(kind, SPLITS * SIZE, C));
            INDArray dy = NormCases.gaussian(random, 0.2, 1, x.shape());
            INDArray mask = kind.rnn() ? null : Nd4j.ones(DataType.DOUBLE, SPLITS * SIZE, 1);
            if (mask != null) {
                mask.putScalar(3, 0, 0);
            }
            for (int step = 0; step < 2; step++) {
                INDArray y = split.mask(mask).forward(x, true);
                INDArray dx = split.dx(dy);
                for (int part = 0; part < SPLITS; part++) {
                    int each = part;
                    LayerUnderTest own = alone[part].mask(mask == null ? null : some(mask, part));
                    assertClose(some(y, part), own.forward(some(x, part), true));
                    assertClose(some(dx, part), own.dx(some(dy, part)));
                    own.layer.paramTable().forEach((name, param) -> assertClose(split.param(key(name, each)), param));
                    own.backward(some(dy, part)).getFirst().gradientForVariable().forEach((name, gradient) ->
                            assertClose(gradient(split, key(name, each)), gradient));
                }
            }
            assertClose(split.forward(x, false), alone[0].mask(mask).forward(x, false));
            assertClose(split.dx(dy), alone[0].dx(dy));
            assertThat(gradient(split, "gamma2").amaxNumber().doubleValue()).as("not used in test mode").isZero();
        }
    }

    private static INDArray gradient(LayerUnderTest layer, String name) {
        return layer.layer.layerConf().initializer().getGradientsFromFlattened(layer.layer.conf(), layer.gradients).get(name);
    }

    @Test
    void frozenStatisticsAreTheMainOnesForAll() {
        SplitBatchNormalization conf = new SplitBatchNormalization.Builder().eps(0).build();
        conf.setStatisticsFrozen(true);
        LayerUnderTest layer = new LayerUnderTest(conf, 1, DataType.DOUBLE);
        layer.layer.setRunningStatistics(new double[]{1}, new double[]{4});
        INDArray x = Nd4j.createFromArray(new double[][]{{3}, {5}, {-1}});
        assertThat(TestNetwork.numbers(layer.forward(x, true))).containsExactly(1, 2, -1);
        layer.dx(x);
        assertThat(layer.param("mean1").getDouble(0)).isZero();
    }

    @Test
    void otherBatchesAreRefused() {
        LayerUnderTest layer = new LayerUnderTest(new SplitBatchNormalization.Builder(2).name("bn").build(), 4, DataType.FLOAT);
        INDArray x = Nd4j.ones(DataType.FLOAT, 3, 4);
        assertThatThrownBy(() -> layer.forward(x, true)).isInstanceOf(DL4JInvalidInputException.class).hasMessage(
                "SplitBatchNormalization layer \"bn\" (index 0): expected a batch size divisible by splits = 2, got 3 in input "
                        + "of shape [3, 4]");
        assertThat(layer.forward(x, false).shape()).containsExactly(3, 4);
        assertThatThrownBy(() -> new SplitBatchNormalization.Builder(0).build()).isInstanceOf(DL4JInvalidConfigException.class)
                .hasMessageContaining("expected splits >= 1, got splits 0");
    }

    private static MultiLayerNetwork trained(NormLayer norm, DataType type) {
        TestNetwork net = TestNetwork.around(false, TestNetwork.Setup.of(type).updater(new Sgd(0.1)), Kind.CNN_FIRST, norm);
        for (int step = 0; step < 3; step++) {
            net.fit(Kind.CNN_FIRST.input(6, type), Kind.CNN_FIRST.labels(6, type));
        }
        return net.sequence();
    }

    /** timm's SplitBatchNorm2d: a BatchNorm2d with a list of others, {@code aux_bn}. */
    @Test
    void itHasTheNamesOfTimm(@TempDir Path directory) throws Exception {
        for (DataType type : new DataType[]{DataType.FLOAT, DataType.HALF}) {
            MultiLayerNetwork net = trained(new SplitBatchNormalization.Builder(SPLITS).name("bn").build(), type);
            Path file = directory.resolve(type + "");
            PyTorchWeights.saveStateDict(net, file, name -> name.equals("bn") ? "bn" : null);
            Set<String> expected = new LinkedHashSet<>();
            for (String prefix : List.of("bn.", "bn.aux_bn.0.", "bn.aux_bn.1.")) {
                Stream.of("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
                        .forEach(name -> expected.add(prefix + name + ".npy"));
            }
            try (Stream<Path> files = Files.list(file)) {
                assertThat(files.map(each -> each.getFileName().toString())).containsExactlyInAnyOrderElementsOf(expected);
            }
            MultiLayerNetwork other = trained(new SplitBatchNormalization.Builder(SPLITS).name("bn").build(), type);
            other.getLayer(1).paramTable().values().forEach(param -> param.addi(0.25));
            assertThat(PyTorchWeights.loadStateDict(other, file, name -> name.equals("bn") ? "bn" : null)).containsExactly("bn");
            double tolerance = type == DataType.HALF ? 1e-3 : 1e-6;
            net.getLayer(1).paramTable().forEach((name, param) ->
                    assertThat(TestNetwork.numbers(other.getLayer(1).getParam(name))).as(name)
                            .containsExactly(TestNetwork.numbers(param), within(tolerance)));
        }
    }

    /** As timm's convert_splitbn_model has it. */
    @Test
    void inPlaceOfABatchNormAllPartsStartAsThat() {
        MultiLayerNetwork net = trained(new BatchNormalization.Builder().build(), DataType.FLOAT);
        MultiLayerNetwork split = NormReplacement.replace(net, (name, old) -> new SplitBatchNormalization.Builder().build());
        NormalizationLayer layer = (NormalizationLayer) split.getLayer(1);
        for (NormParameter parameter : layer.layerConf().parameters()) {
            assertThat(layer.getParam(parameter.name())).isEqualTo(layer.getParam(parameter.kind().key()));
        }
        assertThat(layer.getParam("gamma1")).isEqualTo(net.getLayer(1).getParam("gamma"));
        INDArray x = Kind.CNN_FIRST.input(4, DataType.FLOAT);
        assertThat(split.output(x).sub(net.output(x)).amaxNumber().doubleValue()).isLessThan(1e-5);
    }

    @Test
    void regularizationAndConstraintsAreThoseOfAllParts() {
        NormLayer norm = new SplitBatchNormalization.Builder().gammaRegularization(new L2Regularization(0.1))
                .constrainGamma(new MaxNormConstraint(0.5, 0)).constrainBeta(new MaxNormConstraint(0.25, 0)).betaInit(3).build();
        assertThat(norm.getRegularizationByParam("gamma1")).isEqualTo(norm.getGammaRegularization()).isNotEmpty();
        assertThat(norm.getRegularizationByParam("beta1")).isNull();
        MultiLayerNetwork net = trained(norm, DataType.FLOAT);
        for (String name : List.of("gamma", "gamma1", "beta", "beta1")) {
            assertThat(net.getLayer(1).getParam(name).norm2Number().doubleValue()).as(name).isPositive()
                    .isLessThanOrEqualTo(name.startsWith("gamma") ? 0.5001 : 0.2501);
        }
        assertThat(net.getLayer(1).getParam("mean1")).isNotEqualTo(net.getLayer(1).getParam("mean"));
    }
}
