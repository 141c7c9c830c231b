// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.BatchNormalization;
import java.util.List;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** A network with Deeplearning4j's own batch normalization and the same one with ours stay together. */
class DropInTest {
    private static final int STEPS = 20;

    /**
     * With Adam the layers before a norm have no bias: its gradient is nothing but rounding, which Adam scales up to
     * full steps, different for every implementation.
     */
    @ParameterizedTest
    @CsvSource({"true,true", "false,true", "true,false", "false,false"})
    void twentyStepsGiveTheSameNetwork(boolean logStd, boolean adam) {
        MultiLayerNetwork stock = network(adam,
                new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder().decay(0.9).useLogStd(logStd).build(),
                new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder().decay(0.9).useLogStd(logStd).build());
        MultiLayerNetwork ours = network(adam, new BatchNormalization.Builder().decay(0.9).useLogStd(logStd).build(),
                new BatchNormalization.Builder().decay(0.9).useLogStd(logStd).build());
        assertThat(ours.paramTable().keySet()).isEqualTo(stock.paramTable().keySet());
        assertThat(ours.params()).isEqualTo(stock.params());
        Nd4j.getRandom().setSeed(4);
        for (int step = 0; step < STEPS; step++) {
            INDArray x = Nd4j.rand(DataType.FLOAT, 16, 2, 8, 8);
            INDArray labels = Nd4j.zeros(DataType.FLOAT, 16, 3);
            for (int n = 0; n < 16; n++) {
                labels.putScalar(n, (n + step) % 3, 1);
            }
            stock.fit(x, labels);
            ours.fit(x, labels);
        }
        INDArray test = Nd4j.rand(DataType.FLOAT, 8, 2, 8, 8);
        assertThat(ours.output(test).sub(stock.output(test)).amaxNumber().doubleValue()).isLessThan(1e-4);
        for (String name : stock.paramTable().keySet()) {
            double difference = ours.getParam(name).sub(stock.getParam(name)).amaxNumber().doubleValue();
            assertThat(difference).as(name).isLessThan(1e-4);
        }
    }

    private static MultiLayerNetwork network(boolean adam, Layer first, Layer second) {
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(5)
                .updater(adam ? new Adam(1e-3) : new Nesterovs(0.05, 0.9)).list()
                .layer(new ConvolutionLayer.Builder(3, 3).nOut(4).hasBias(!adam).activation(Activation.IDENTITY)
                        .build())
                .layer(first)
                .layer(new DenseLayer.Builder().nOut(6).hasBias(!adam).activation(Activation.TANH).build())
                .layer(second)
                .layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(3).activation(Activation.SOFTMAX).build())
                .setInputType(InputType.convolutional(8, 8, 2)).build());
        net.init();
        return net;
    }

    @Test
    void statisticsAreLeftOutOfWhatIsDividedByTheSizeOfTheBatch() {
        MultiLayerNetwork stock = network(false, new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder().build(),
                new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder().build());
        MultiLayerNetwork ours = network(false, new BatchNormalization.Builder().build(),
                new BatchNormalization.Builder().build());
        assertThat(divided(ours)).isEqualTo(divided(stock)).hasSize(3);
    }

    /** Lengths of the parts of the gradient that are divided. */
    private static List<Long> divided(MultiLayerNetwork net) {
        net.fit(Nd4j.rand(DataType.FLOAT, 3, 2, 8, 8), Nd4j.eye(3).castTo(DataType.FLOAT));
        return ((BaseMultiLayerUpdater<?>) net.getUpdater()).getGradientsForMinibatchDivision().stream()
                .map(INDArray::length).toList();
    }

    @Test
    void aConstantChannelWithoutEpsIsBetaInsteadOfNan() {
        var stock = network(false, new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder().eps(0).build(),
                new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder().build()).getLayer(1);
        var ours = network(false, new BatchNormalization.Builder().eps(0).build(), new BatchNormalization.Builder().build())
                .getLayer(1);
        INDArray constant = Nd4j.valueArrayOf(new long[]{4, 4, 6, 6}, 2f, DataType.FLOAT);
        assertThat(stock.activate(constant, true, LayerWorkspaceMgr.noWorkspaces()).isNaN().all()).isTrue();
        assertThat(ours.activate(constant, true, LayerWorkspaceMgr.noWorkspaces()).amaxNumber().doubleValue()).isZero();
    }

    /** As migration.md lists them. */
    @Test
    void whatIsThrownDiffersFromDeeplearning4jAsThePageSays() {
        var stock = network(false, new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder().build(),
                new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder().build()).getLayer(1);
        var ours = network(false, new BatchNormalization.Builder().build(), new BatchNormalization.Builder().build()).getLayer(1);
        LayerWorkspaceMgr none = LayerWorkspaceMgr.noWorkspaces();
        INDArray channels = Nd4j.rand(DataType.FLOAT, 2, 7, 6, 6);
        assertThatThrownBy(() -> stock.activate(channels, false, none)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> ours.activate(channels, false, none)).isInstanceOf(DL4JInvalidInputException.class);
        INDArray rank = Nd4j.rand(DataType.FLOAT, 2, 4, 2, 2, 2, 2);
        assertThatThrownBy(() -> stock.activate(rank, false, none)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> ours.activate(rank, false, none)).isInstanceOf(DL4JInvalidInputException.class);
        assertThat(new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder().nIn(4).nOut(6).build().getNOut())
                .isEqualTo(6);
        assertThatThrownBy(() -> new BatchNormalization.Builder().nIn(4).nOut(6).build())
                .isInstanceOf(DL4JInvalidConfigException.class);
        assertThatThrownBy(() -> new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder().build()
                .getOutputType(0, null)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> new BatchNormalization.Builder().build().getOutputType(0, null))
                .isInstanceOf(DL4JInvalidConfigException.class);
    }

    /** Compiles only if the builder has every constructor, method and setter that Deeplearning4j's has. */
    @Test
    @SuppressWarnings("deprecation")
    void everyOptionOfTheStockBuilderCompilesAndMeansTheSame() {
        BatchNormalization.Builder[] builders = {new BatchNormalization.Builder(),
            new BatchNormalization.Builder(0.8, true), new BatchNormalization.Builder(1.5, 0.5),
            new BatchNormalization.Builder(1.5, 0.5, true), new BatchNormalization.Builder(true),
            new BatchNormalization.Builder(0.8, 1e-3, false, true, 2, 1, List.of(), List.of(), false, false,
                    CNN2DFormat.NHWC)};
        BatchNormalization.Builder builder = builders[0].decay(0.7).eps(1e-4).gamma(2).beta(0.5).lockGammaBeta(true)
                .useLogStd(false).minibatch(false).helperAllowFallback(false).cudnnAllowFallback(false)
                .dataFormat(CNN2DFormat.NHWC).constrainBeta(new NonNegativeConstraint())
                .constrainGamma(new NonNegativeConstraint()).nOut(4).nIn(4).name("norm");
        builder.setDecay(builder.getDecay());
        builder.setEps(builder.getEps());
        builder.setMinibatch(builder.isMinibatch());
        builder.setLockGammaBeta(builder.isLockGammaBeta());
        builder.setGamma(builder.getGamma());
        builder.setBeta(builder.getBeta());
        builder.setBetaConstraints(builder.getBetaConstraints());
        builder.setGammaConstraints(builder.getGammaConstraints());
        builder.setCudnnAllowFallback(builder.isCudnnAllowFallback());
        builder.setUseLogStd(builder.isUseLogStd());
        builder.setCnn2DFormat(builder.getCnn2DFormat());
        BatchNormalization conf = builder.build();
        assertThat(conf.getDecay()).isEqualTo(0.7);
        assertThat(conf.getEps()).isEqualTo(1e-4);
        assertThat(conf.isMinibatch()).isFalse();
        assertThat(conf.getGamma()).isEqualTo(2);
        assertThat(conf.getBeta()).isEqualTo(0.5);
        assertThat(conf.isLockGammaBeta()).isTrue();
        assertThat(conf.isUseLogStd()).isFalse();
        assertThat(conf.isCudnnAllowFallback()).isFalse();
        assertThat(conf.getCnn2DFormat()).isEqualTo(CNN2DFormat.NHWC);
        assertThat(conf.initializer().paramKeys(conf)).containsExactly("mean", "var");
        assertThat(builders[5].build().getDecay()).isEqualTo(0.8);
    }

    @Test
    void lockedGammaAndBetaAreAppliedWhateverTheyAre() {
        INDArray x = Nd4j.createFromArray(new double[][]{{1, 5}, {3, 9}});
        INDArray expected = Nd4j.createFromArray(new double[][]{{-1, -1}, {1, 1}}).muli(1 / Math.sqrt(1 + 1e-5));
        expected.putScalar(0, 1, -2 / Math.sqrt(4 + 1e-5)).putScalar(1, 1, 2 / Math.sqrt(4 + 1e-5));
        for (double[] pair : new double[][]{{1, 0}, {2, 0}, {1, 5}, {2, 5}}) {
            LayerUnderTest layer = new LayerUnderTest(new BatchNormalization.Builder(pair[0], pair[1], true).build(), 2,
                    DataType.DOUBLE);
            assertThat(layer.forward(x, true).equalsWithEps(expected.mul(pair[0]).add(pair[1]), 1e-12)).isTrue();
        }
    }
}
