// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Running statistics follow their policy and nothing else. */
class RunningStatisticsUpdateTest {
    private static final double TOLERANCE = 1e-10;

    /** Channel 0 has mean 2 and variance 1, channel 1 mean 20 and variance 25; four elements each. */
    private static INDArray batch(double shift) {
        return Nd4j.createFromArray(new double[][]{{1, 15}, {3, 25}, {1, 25}, {3, 15}}).addi(shift);
    }

    private static LayerUnderTest batchNorm(RunningStatistics policy) {
        return new LayerUnderTest(new BatchNormalization.Builder().runningStatistics(policy).build(), 2, DataType.DOUBLE);
    }

    @Test
    void decayIsTheWeightOfTheOldValue() {
        LayerUnderTest layer = batchNorm(RunningStatistics.decay(0.9).unbiased(false));
        layer.step(batch(0));
        assertThat(layer.layer.runningMean()).containsExactly(new double[]{0.2, 2}, within(TOLERANCE));
        assertThat(layer.layer.runningVariance()).containsExactly(new double[]{1, 3.4}, within(TOLERANCE));
        assertThat(layer.param("var").getDouble(1)).isCloseTo(3.4, within(TOLERANCE));
    }

    @Test
    void momentumIsTheWeightOfTheNewValueAndTheVarianceIsUnbiased() {
        LayerUnderTest layer = batchNorm(RunningStatistics.momentum(0.1));
        layer.step(batch(0));
        assertThat(layer.layer.runningMean()).containsExactly(new double[]{0.2, 2}, within(TOLERANCE));
        assertThat(layer.layer.runningVariance())
                .containsExactly(new double[]{0.9 + 0.1 * 4 / 3, 0.9 + 0.1 * 100 / 3}, within(TOLERANCE));
    }

    @Test
    void cumulativeIsTheMeanOverAllBatches() {
        LayerUnderTest layer = batchNorm(RunningStatistics.cumulative());
        layer.step(batch(0));
        layer.step(batch(1));
        layer.step(batch(5));
        assertThat(layer.layer.runningMean()).containsExactly(new double[]{4, 22}, within(TOLERANCE));
        assertThat(layer.layer.runningVariance()).containsExactly(new double[]{4.0 / 3, 100.0 / 3}, within(TOLERANCE));
        assertThat(layer.param("batches").getDouble(0)).isEqualTo(3);
    }

    @Test
    void theVarianceOfASingleElementIsLeftAlone() {
        LayerUnderTest layer = batchNorm(RunningStatistics.momentum(0.5));
        layer.step(Nd4j.createFromArray(new double[][]{{4, 8}}));
        assertThat(layer.layer.runningMean()).containsExactly(new double[]{2, 4}, within(TOLERANCE));
        assertThat(layer.layer.runningVariance()).containsExactly(1, 1);
    }

    @Test
    void logarithmAndVarianceStoreTheSame() {
        LayerUnderTest plain = new LayerUnderTest(new BatchNormalization.Builder().useLogStd(false).build(), 2,
                DataType.DOUBLE);
        LayerUnderTest log = new LayerUnderTest(new BatchNormalization.Builder().build(), 2, DataType.DOUBLE);
        for (int i = 0; i < 5; i++) {
            plain.step(batch(i));
            log.step(batch(i));
        }
        assertThat(log.param("log10stdev").getDouble(1))
                .isCloseTo(0.5 * Math.log10(plain.param("var").getDouble(1)), within(TOLERANCE));
        assertThat(log.layer.runningVariance()).containsExactly(plain.layer.runningVariance(), within(1e-9));
    }

    @Test
    void onlyABackwardPassOfTrainingUpdatesAndOnlyOnce() {
        LayerUnderTest layer = batchNorm(RunningStatistics.momentum(0.5));
        INDArray dy = Nd4j.ones(DataType.DOUBLE, 4, 2);
        layer.forward(batch(0), true);
        layer.forward(batch(0), false);
        layer.dx(dy);
        assertThat(layer.layer.runningMean()).containsExactly(0, 0);
        layer.forward(batch(0), true);
        layer.dx(dy);
        layer.dx(dy);
        assertThat(layer.layer.runningMean()).containsExactly(new double[]{1, 10}, within(TOLERANCE));
    }

    @Test
    void aBatchWithNanOrInfinityLeavesThemAsTheyWere() {
        for (double bad : new double[]{Double.NaN, Double.POSITIVE_INFINITY}) {
            LayerUnderTest layer = batchNorm(RunningStatistics.cumulative());
            layer.step(batch(0));
            INDArray before = layer.params.dup();
            layer.step(batch(0).putScalar(2, 1, bad));
            assertThat(layer.params).isEqualTo(before);
        }
    }

    @Test
    void instanceNormAveragesOverTheInstances() {
        NormLayer conf = new InstanceNormalization.Builder().trackRunningStats(true)
                .runningStatistics(RunningStatistics.momentum(1)).build();
        LayerUnderTest layer = new LayerUnderTest(conf, 1, DataType.DOUBLE);
        INDArray x = Nd4j.createFromArray(new double[][][]{{{1, 3}}, {{10, 14}}});
        layer.step(x);
        assertThat(layer.layer.runningMean()).containsExactly(new double[]{7}, within(TOLERANCE));
        assertThat(layer.layer.runningVariance()).containsExactly(new double[]{(2.0 + 8) / 2}, within(TOLERANCE));
        INDArray y = layer.forward(x, false);
        assertThat(y.getDouble(0, 0, 0)).isCloseTo((1 - 7) / Math.sqrt(5 + 1e-5), within(TOLERANCE));
    }

    @Test
    void switchableNormWithBatchAverageLeavesThemToBeRecomputed() {
        LayerUnderTest layer = new LayerUnderTest(new SwitchableNormalization.Builder().batchAverage(true).build(), 2,
                DataType.DOUBLE);
        layer.step(batch(0));
        assertThat(layer.layer.runningMean()).containsExactly(0, 0);
    }

    @ParameterizedTest
    @EnumSource(GradientNormalization.class)
    void everyGradientNormalizationAndConstraintLeavesThemRight(GradientNormalization normalization) {
        NormLayer norm = new BatchNormalization.Builder().runningStatistics(RunningStatistics.cumulative())
                .constrainAllParameters(new MaxNormConstraint(1, 0)).build();
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(1)
                .dataType(DataType.DOUBLE).updater(new Sgd(0.1)).gradientNormalization(normalization)
                .gradientNormalizationThreshold(0.5).list()
                .layer(norm)
                .layer(new OutputLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).nOut(2).build())
                .setInputType(InputType.feedForward(2)).build());
        net.init();
        for (int i = 0; i < 4; i++) {
            net.fit(batch(i), batch(0));
        }
        NormalizationLayer layer = (NormalizationLayer) net.getLayer(0);
        assertThat(layer.runningMean()).containsExactly(new double[]{3.5, 21.5}, within(TOLERANCE));
        assertThat(layer.runningVariance()).containsExactly(new double[]{4.0 / 3, 100.0 / 3}, within(TOLERANCE));
        assertThat(layer.getParam("gamma").norm2Number().doubleValue()).isLessThan(1.01);
    }
}
