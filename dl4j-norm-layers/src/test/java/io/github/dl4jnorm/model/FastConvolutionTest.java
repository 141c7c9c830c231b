// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static io.github.dl4jnorm.model.FastNets.CLASSES;
import static io.github.dl4jnorm.model.FastNets.IMAGES;
import static io.github.dl4jnorm.model.FastNets.STEPS;
import static io.github.dl4jnorm.model.FastNets.assertClose;
import static io.github.dl4jnorm.model.FastNets.convolution;
import static io.github.dl4jnorm.model.FastNets.data;
import static io.github.dl4jnorm.model.FastNets.enabled;
import static io.github.dl4jnorm.model.FastNets.images;
import static io.github.dl4jnorm.model.FastNets.normed;
import static io.github.dl4jnorm.model.FastNets.output;
import static io.github.dl4jnorm.model.FastNets.residual;
import static io.github.dl4jnorm.model.FastNets.sequence;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.WeightNormalization;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.CacheMode;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.dropout.IDropout;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.CnnLossLayer;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.util.MaskZeroLayer;
import org.deeplearning4j.nn.conf.weightnoise.IWeightNoise;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** Whole networks with fast convolutions train as the same networks without. */
@Tag("once")
@Tag("long")
@EnabledIf("io.github.dl4jnorm.model.FastNets#platformHasOneDnn")
class FastConvolutionTest {
    private static void fit(Model net, DataSet data) {
        if (net instanceof MultiLayerNetwork list) {
            list.fit(data);
        } else {
            ((ComputationGraph) net).fit(data);
        }
    }

    private static INDArray momentum(Model net) {
        return net instanceof MultiLayerNetwork list ? list.getUpdater().getStateViewArray()
                : ((ComputationGraph) net).getUpdater().getStateViewArray();
    }

    private static void assertTrainsAlike(Model fast, Model stock) {
        // The last one is smaller, as at the end of an epoch.
        assertTrainsAlike(fast, stock, step -> images(step, step % 5 == 4 ? 3 : 8));
    }

    /**
     * Every step of the fast network is the step of the other, to 2e-5 of its length. All of them start from the same state.
     * Rounding puts an element on the other side of zero at a ReLU in one of some 2,000 steps, which then is up to 2e-2 off, so
     * three may be; the smaller batches are four.
     */
    private static void assertTrainsAlike(Model fast, Model stock, IntFunction<DataSet> batches) {
        double[] errors = new double[STEPS];
        for (int i = 0; i < STEPS; i++) {
            INDArray before = stock.params().dup();
            fast.setParams(before);
            momentum(fast).assign(momentum(stock));
            DataSet batch = batches.apply(i);
            fit(fast, batch);
            fit(stock, batch);
            double length = stock.params().distance2(before);
            assertThat(length).isPositive();
            errors[i] = fast.params().distance2(stock.params()) / length;
        }
        Arrays.sort(errors);
        assertThat(errors[STEPS - 4]).isLessThan(2e-5);
        assertThat(errors[STEPS - 1]).isLessThan(0.1);
    }

    @Test
    void aSequenceTrainsAsWithout() {
        MultiLayerNetwork fast = normed();
        enabled(fast, 4);
        assertTrainsAlike(fast, normed());
    }

    @Test
    void aGraphTrainsAsWithout() {
        ComputationGraph fast = residual();
        enabled(fast, 2);
        assertThat(fast.getLayer("left")).isSameAs(fast.getVertex("left").getLayer()).isSameAs(fast.getLayers()[1]);
        assertTrainsAlike(fast, residual());
    }

    @ParameterizedTest
    @EnumSource(WorkspaceMode.class)
    void everyModeOfWorkspacesTrainsAlike(WorkspaceMode mode) {
        MultiLayerNetwork fast = normed();
        enabled(fast, 4);
        MultiLayerNetwork stock = normed();
        for (MultiLayerNetwork net : List.of(fast, stock)) {
            net.getLayerWiseConfigurations().setTrainingWorkspaceMode(mode);
            net.getLayerWiseConfigurations().setInferenceWorkspaceMode(mode);
        }
        assertTrainsAlike(fast, stock);
        assertClose(fast.output(images(5, 6).getFeatures()), stock.output(images(5, 6).getFeatures()), 1e-3);
    }

    @Test
    void aCacheOfActivationsChangesNothing() {
        MultiLayerNetwork fast = normed();
        fast.setCacheMode(CacheMode.DEVICE);
        enabled(fast, 4);
        assertTrainsAlike(fast, normed());
    }

    @Test
    void channelsLastTrainsAsWithout() {
        Layer[] layers = {
            new ConvolutionLayer.Builder(3, 3).nOut(6).dataFormat(CNN2DFormat.NHWC).activation(Activation.RELU).build(),
            new ConvolutionLayer.Builder(2, 3).nOut(5).dataFormat(CNN2DFormat.NHWC).build(),
            new OutputLayer.Builder().nOut(CLASSES).activation(Activation.SOFTMAX).build()};
        InputType type = InputType.convolutional(12, 10, 3, CNN2DFormat.NHWC);
        MultiLayerNetwork fast = sequence(type, layers);
        MultiLayerNetwork stock = sequence(type, layers);
        enabled(fast, 2);
        assertTrainsAlike(fast, stock, step -> data(step, 8, 12, 10, 3));
    }

    /** Changes every sign, in place. */
    private static final class Negation implements IDropout {
        @Override
        public INDArray applyDropout(INDArray input, INDArray result, int iteration, int epoch, LayerWorkspaceMgr workspaces) {
            return result.assign(input.neg());
        }

        @Override
        public INDArray backprop(INDArray out, INDArray in, int iteration, int epoch) {
            return in.assign(out.neg());
        }

        @Override
        public void clear() {
            // Nothing is kept.
        }

        @Override
        public IDropout clone() {
            return this;
        }
    }

    /** A layer may change the output of the one before, and with it the signs that a ReLU's backward pass goes by. */
    @Test
    void whatTheNextLayerDoesInPlaceDoesNotReachTheReluBefore() {
        ConvolutionLayer noisy = convolution(5, Activation.IDENTITY);
        noisy.setIDropout(new Negation());
        Layer[] layers = {convolution(6, Activation.RELU), noisy, new GlobalPoolingLayer(PoolingType.AVG), output()};
        MultiLayerNetwork fast = sequence(IMAGES, layers);
        enabled(fast, 2);
        assertTrainsAlike(fast, sequence(IMAGES, layers));
    }

    /** Weights that are other ones whenever they are drawn, but the same for every network. */
    private static final class Scaled implements IWeightNoise {
        private int draws;

        @Override
        public INDArray getParameter(org.deeplearning4j.nn.api.Layer layer, String key, int iteration, int epoch, boolean train,
                                     LayerWorkspaceMgr workspaces) {
            INDArray param = layer.getParam(key);
            return train && key.equals("W") ? param.mul(1 + 0.1 * (draws++ % 7)) : param;
        }

        @Override
        public IWeightNoise clone() {
            return new Scaled();
        }
    }

    @Test
    void weightNoiseIsDrawnOnceForBothPasses() {
        MultiLayerNetwork fast = scaled();
        enabled(fast, 1);
        assertTrainsAlike(fast, scaled());
    }

    private static MultiLayerNetwork scaled() {
        ConvolutionLayer noisy = convolution(5, Activation.RELU);
        noisy.setWeightNoise(new Scaled());
        return sequence(IMAGES, noisy, new GlobalPoolingLayer(PoolingType.AVG), output());
    }

    @Test
    void layersInsideOfWrappersAreFoundAndTrainAlike() {
        Layer[] layers = {new FrozenLayer(convolution(6, Activation.RELU)),
            new WeightNormalization(convolution(5, Activation.RELU)), new GlobalPoolingLayer(PoolingType.AVG), output()};
        MultiLayerNetwork fast = sequence(IMAGES, layers);
        enabled(fast, 2);
        assertTrainsAlike(fast, sequence(IMAGES, layers));
    }

    @Test
    void aWrapperForSequencesTrainsAlike() {
        Layer[] layers = {new MaskZeroLayer(new Convolution1DLayer.Builder(3).nOut(6).convolutionMode(ConvolutionMode.Same)
            .build(), 0), new GlobalPoolingLayer(PoolingType.MAX), output()};
        MultiLayerNetwork fast = sequence(InputType.recurrent(3, 12), layers);
        MultiLayerNetwork stock = sequence(InputType.recurrent(3, 12), layers);
        enabled(fast, 1);
        assertTrainsAlike(fast, stock, step -> data(step, 8, 3, 12));
    }

    @Test
    void aLossForEachPixelTrainsAlike() {
        Layer[] layers = {convolution(6, Activation.RELU), convolution(CLASSES, Activation.IDENTITY),
            new CnnLossLayer.Builder().activation(Activation.SOFTMAX).build()};
        MultiLayerNetwork fast = sequence(IMAGES, layers);
        MultiLayerNetwork stock = sequence(IMAGES, layers);
        enabled(fast, 2);
        INDArray labels = Nd4j.zeros(DataType.FLOAT, 6, CLASSES, 12, 10);
        for (int pixel = 0; pixel < 6 * 12 * 10; pixel++) {
            labels.putScalar(new int[]{pixel / 120, pixel % CLASSES, pixel / 10 % 12, pixel % 10}, 1);
        }
        assertTrainsAlike(fast, stock, step -> new DataSet(images(step, 6).getFeatures(), labels));
    }
}
