// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static io.github.dl4jnorm.model.FastNets.IMAGES;
import static io.github.dl4jnorm.model.FastNets.assertClose;
import static io.github.dl4jnorm.model.FastNets.convolution;
import static io.github.dl4jnorm.model.FastNets.enabled;
import static io.github.dl4jnorm.model.FastNets.images;
import static io.github.dl4jnorm.model.FastNets.normed;
import static io.github.dl4jnorm.model.FastNets.output;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.util.List;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.optimize.listeners.CollectScoresListener;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.NoOp;

/** What becomes of a network with fast convolutions, and what it refuses. */
@Tag("once")
@Tag("long")
@EnabledIf("io.github.dl4jnorm.model.FastNets#platformHasOneDnn")
class FastConvolutionLifeTest {
    @TempDir
    private File directory;

    @Test
    void disablingGivesTheStockLayersBackWithAllTheyLearned() {
        MultiLayerNetwork net = normed();
        enabled(net, 4);
        net.fit(images(1, 8));
        INDArray params = net.params().dup();
        FastConvolution.disable(net);
        assertThat(FastConvolution.count(net)).isZero();
        assertThat(net.getLayer(0)).isExactlyInstanceOf(org.deeplearning4j.nn.layers.convolution.ConvolutionLayer.class);
        assertThat(net.params()).isEqualTo(params);
        net.fit(images(2, 8));
        assertThat(net.getLayer(0).getParam("W")).as("a view of the parameters").isEqualTo(net.getParam("0_W"));
        assertThat(net.params()).isNotEqualTo(params);
    }

    @Test
    void enablingTwiceOnceMidwayAndAfterSavingGivesTheSameNetwork() throws Exception {
        MultiLayerNetwork fast = normed();
        MultiLayerNetwork stock = normed();
        for (MultiLayerNetwork net : List.of(fast, stock)) {
            net.fit(images(1, 8));
        }
        enabled(fast, 4);
        enabled(fast, 4);
        for (MultiLayerNetwork net : List.of(fast, stock)) {
            net.fit(images(2, 8));
        }
        File file = new File(directory, "net.zip");
        fast.save(file, true);
        MultiLayerNetwork loaded = MultiLayerNetwork.load(file, true);
        assertThat(FastConvolution.count(loaded)).as("a saved network is a plain one").isZero();
        assertThat(loaded.params()).isEqualTo(fast.params());
        enabled(loaded, 4);
        for (MultiLayerNetwork net : List.of(fast, stock, loaded)) {
            net.fit(images(3, 8));
        }
        assertClose(fast.params(), stock.params(), 1e-5);
        assertThat(loaded.params()).isEqualTo(fast.params());
    }

    @Test
    void clonesConversionsAndTransferStartPlainAndCanBeEnabled() {
        MultiLayerNetwork net = normed();
        enabled(net, 4);
        net.fit(images(1, 8));
        INDArray x = images(2, 4).getFeatures();
        MultiLayerNetwork clone = net.clone();
        MultiLayerNetwork converted = net.convertDataType(DataType.DOUBLE).convertDataType(DataType.FLOAT);
        MultiLayerNetwork transferred = new TransferLearning.Builder(net).setFeatureExtractor(3).build();
        for (MultiLayerNetwork other : List.of(clone, converted, transferred)) {
            assertThat(FastConvolution.count(other)).isZero();
            enabled(other, 4);
            assertClose(other.output(x), net.output(x), 1e-5);
            other.fit(images(3, 8));
        }
    }

    @Test
    void modelSurgeryTakesAnEnabledNetworkAndGivesAPlainOne() {
        MultiLayerNetwork net = normed();
        enabled(net, 4);
        net.fit(images(1, 8));
        INDArray x = images(2, 4).getFeatures();
        MultiLayerNetwork folded = BatchNormFolding.fold(net).net();
        MultiLayerNetwork replaced = NormReplacement.replace(net, NormRules.batchToBatch());
        assertThat(FastConvolution.count(folded)).isZero();
        assertThat(FastConvolution.count(replaced)).isZero();
        assertClose(folded.output(x), net.output(x), 1e-5);
        assertClose(replaced.output(x), net.output(x), 1e-5);
        PopulationStatistics.recompute(net, new ViewIterator(images(1, 24), 8), PopulationStatistics.Method.EXACT);
        assertThat(net.output(x).amaxNumber().doubleValue()).isFinite();
        assertThat(NormSummary.of(net).toString()).contains("ConvolutionLayer");
    }

    @Test
    void listenersAndEvaluationSeeTheNetworkAsBefore() {
        MultiLayerNetwork net = normed();
        enabled(net, 4);
        CollectScoresListener scores = new CollectScoresListener(1);
        net.setListeners(scores);
        net.fit(new ViewIterator(images(1, 24), 8));
        assertThat(scores.getListScore().size()).isEqualTo(3);
        Evaluation evaluation = net.evaluate(new ViewIterator(images(2, 20), 7));
        assertThat(evaluation.getNumRowCounter()).isEqualTo(20);
        assertThat(net.summary()).contains("FastConvolution2D");
    }

    @Test
    void inDoubleEverythingStaysAsItIsAndGradientsPassTheCheck() {
        MultiLayerNetwork net = new MultiLayerNetwork(Nets.base().updater(new NoOp()).dataType(DataType.DOUBLE).list()
                .layer(convolution(3, Activation.TANH)).layer(new GlobalPoolingLayer(PoolingType.AVG)).layer(output())
                .setInputType(IMAGES).build());
        net.init();
        FastConvolution.Result result = FastConvolution.enable(net);
        assertThat(result.enabled()).isZero();
        assertThat(result.toString()).contains("its type is DOUBLE").contains("0 of 1");
        DataSet batch = images(1, 3);
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
        try {
            assertThat(GradientCheckUtil.checkGradients(new GradientCheckUtil.MLNConfig().net(net).epsilon(1e-6)
                    .maxRelError(1e-5).minAbsoluteError(1e-9).input(batch.getFeatures().castTo(DataType.DOUBLE))
                    .labels(batch.getLabels().castTo(DataType.DOUBLE)))).isTrue();
        } finally {
            Nd4j.setDefaultDataTypes(DataType.FLOAT, DataType.FLOAT);
        }
    }

    @Test
    void viewsOfAnyStridesGiveTheSame() {
        MultiLayerNetwork net = Nets.sequence(IMAGES, convolution(4, Activation.RELU));
        INDArray x = images(1, 5).getFeatures();
        INDArray expected = net.output(x);
        enabled(net, 1);
        INDArray wide = Nd4j.zeros(DataType.FLOAT, 5, 7, 12, 10);
        INDArray part = wide.get(NDArrayIndex.all(),
                NDArrayIndex.interval(2, 5)).assign(x);
        for (INDArray view : List.of(x, x.dup('f'), x.permute(0, 2, 3, 1).dup('c').permute(0, 3, 1, 2), part,
                x.castTo(DataType.DOUBLE))) {
            assertClose(net.output(view), expected, 1e-5);
        }
        INDArray same = Nd4j.ones(DataType.FLOAT, 1, 3, 1, 1).broadcast(5, 3, 12, 10);
        FastConvolution.disable(net);
        INDArray ofOnes = net.output(Nd4j.ones(DataType.FLOAT, 5, 3, 12, 10));
        enabled(net, 1);
        assertClose(net.output(same), ofOnes, 1e-5);
    }

    @Test
    void wrongInputIsRefusedAsByDeeplearning4j() {
        MultiLayerNetwork net = Nets.sequence(IMAGES, convolution(4, Activation.RELU), convolution(4, Activation.IDENTITY));
        enabled(net, 2);
        assertThatThrownBy(() -> net.output(Nd4j.zeros(DataType.FLOAT, 2, 5, 12, 10)))
                .isInstanceOf(DL4JInvalidInputException.class).hasMessageContaining("channels");
        assertThatThrownBy(() -> net.output(Nd4j.zeros(DataType.FLOAT, 2, 3)))
                .isInstanceOf(RuntimeException.class);
        assertThat(net.output(Nd4j.zeros(DataType.FLOAT, 2, 3, 12, 10)).shape()).containsExactly(2, 4, 12, 10);
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.MAX_VALUE, Float.MIN_VALUE})
    void numbersAtTheEdgeComeOutAsFromDeeplearning4j(float value) {
        MultiLayerNetwork net = Nets.sequence(IMAGES, convolution(4, Activation.IDENTITY));
        INDArray x = images(1, 2).getFeatures();
        x.putScalar(new int[]{0, 1, 6, 5}, value);
        INDArray expected = net.output(x).dup();
        enabled(net, 1);
        float[] numbers = net.output(x).dup('c').data().asFloat();
        float[] wanted = expected.dup('c').data().asFloat();
        for (int i = 0; i < wanted.length; i++) {
            if (Float.isFinite(wanted[i])) {
                assertThat(numbers[i]).isCloseTo(wanted[i], org.assertj.core.data.Offset.offset(
                        1e-5f * Math.max(1, Math.abs(wanted[i]))));
            } else {
                assertThat(Float.isFinite(numbers[i])).isFalse();
            }
        }
    }

    @Test
    void networksOfOtherKindsAndUnfinishedOnesAreRefused() {
        assertThatThrownBy(() -> FastConvolution.enable(null)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("got null");
        MultiLayerNetwork net = new MultiLayerNetwork(Nets.base().list().layer(output()).setInputType(
                InputType.feedForward(3)).build());
        assertThatThrownBy(() -> FastConvolution.enable(net)).isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("init()");
        net.init();
        assertThat(FastConvolution.enable(net).toString()).isEqualTo("The network has no convolution or pooling layers");
    }
}
