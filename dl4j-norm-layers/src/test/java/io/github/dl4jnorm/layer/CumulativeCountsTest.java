// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.model.PyTorchWeights;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Batches of which a channel, or its variance, has seen nothing are none of its average. */
class CumulativeCountsTest {

    private static LayerUnderTest norm() {
        return new LayerUnderTest(new BatchNormalization.Builder().runningStatistics(RunningStatistics.cumulative()).build(), 2,
                DataType.DOUBLE);
    }

    @Test
    void aBatchOfOneExampleLeavesNoInitialVarianceInTheAverage() {
        LayerUnderTest layer = norm();
        layer.step(Nd4j.createFromArray(new double[][]{{5, -1}}));
        assertThat(layer.layer.runningMean()).containsExactly(5, -1);
        assertThat(layer.layer.runningVariance()).as("not known yet").containsExactly(1, 1);
        layer.step(Nd4j.createFromArray(new double[][]{{1, 0}, {5, 8}}));
        assertThat(layer.layer.runningMean()).containsExactly(4, 1.5);
        assertThat(layer.layer.runningVariance()).as("of the only batch that has one").containsExactly(8, 32);
        assertThat(TestNetwork.numbers(layer.param("batches"))).containsExactly(2, 2, 1, 1);
    }

    /** 20 batches of N(10, 9): a moving average of decay 0.99 is still near where it began. */
    @Test
    void aDebiasedAverageIsNearTheMeanFromTheFirstBatchOn() {
        for (boolean debiased : new boolean[]{false, true}) {
            RunningStatistics policy = RunningStatistics.decay(0.99);
            LayerUnderTest layer = new LayerUnderTest(new BatchNormalization.Builder()
                    .runningStatistics(debiased ? policy.debiased() : policy).build(), 1, DataType.DOUBLE);
            Nd4j.getRandom().setSeed(7);
            for (int step = 0; step < 20; step++) {
                layer.step(Nd4j.randn(DataType.DOUBLE, 200, 1).muli(3).addi(10));
            }
            assertThat(layer.layer.runningMean()[0]).isCloseTo(debiased ? 10 : 1.8, within(0.2));
            assertThat(layer.layer.runningVariance()[0]).isCloseTo(debiased ? 9 : 1 + 0.18 * 8, within(0.7));
            assertThat(layer.layer.getParam("batches") != null).isEqualTo(debiased);
        }
    }

    @Test
    void aChannelThatIsMaskedInABatchKeepsNothingOfTheStartInItsAverage() {
        LayerUnderTest layer = norm();
        // One mask for each channel: the second is left out of the first batch.
        INDArray x = Nd4j.createFromArray(new double[][]{{1, 100}, {3, 300}});
        layer.mask(Nd4j.createFromArray(new double[][]{{1, 0}, {1, 0}}));
        layer.step(x);
        layer.mask(null);
        layer.step(Nd4j.createFromArray(new double[][]{{2, 6}, {8, 10}}));
        assertThat(layer.layer.runningMean()).containsExactly(3.5, 8);
        assertThat(layer.layer.runningVariance()).containsExactly(10, 8);
        assertThat(TestNetwork.numbers(layer.param("batches"))).containsExactly(2, 1, 2, 1);
    }

    @Test
    void renormalizationFollowsItsScheduleByTheChannelThatHasSeenMost() {
        LayerUnderTest layer = new LayerUnderTest(new BatchRenormalization.Builder().schedule(1, 2, 2)
                .runningStatistics(RunningStatistics.cumulative()).build(), 2, DataType.DOUBLE);
        layer.step(Nd4j.createFromArray(new double[][]{{5, -1}}));
        layer.step(Nd4j.createFromArray(new double[][]{{1, 0}, {5, 8}}));
        // Two batches are the end of the schedule: the correction is limited by rMax and dMax alone.
        INDArray x = Nd4j.createFromArray(new double[][]{{3, 1}, {7, 3}});
        double[] y = TestNetwork.numbers(layer.forward(x, true));
        double eps = layer.layer.layerConf().getEps();
        assertThat(y[0]).as("as by running statistics 4 and 8").isCloseTo((3 - 4) / Math.sqrt(8 + eps), within(1e-12));
    }

    @Test
    void everyCountGoesToPyTorchAndBack(@TempDir Path directory) throws IOException {
        MultiLayerNetwork net = net();
        net.fit(new DataSet(Nd4j.ones(DataType.FLOAT, 1, 3), Nd4j.zeros(DataType.FLOAT, 1, 2)));
        net.fit(batch(1));
        for (String name : List.of("norms.npz", "norms")) {
            Path path = directory.resolve(name);
            PyTorchWeights.write(net, path);
            MultiLayerNetwork other = net();
            PyTorchWeights.read(other, path);
            for (int i = 0; i < 2; i++) {
                assertThat(TestNetwork.numbers(other.getLayer(i).getParam("batches")))
                        .isEqualTo(TestNetwork.numbers(net.getLayer(i).getParam("batches")));
            }
            assertThat(TestNetwork.numbers(other.getLayer(0).getParam("batches"))).containsExactly(2, 2, 2, 1, 1, 1);
        }
        // PyTorch has one count, which is that of all.
        Path count = directory.resolve("norms").resolve("norm.num_batches_tracked.npy");
        Files.write(count, Nd4j.toNpyByteArray(Nd4j.createFromArray(2L)));
        MultiLayerNetwork other = net();
        PyTorchWeights.read(other, directory.resolve("norms"));
        assertThat(TestNetwork.numbers(other.getLayer(0).getParam("batches"))).containsExactly(2, 2, 2, 2, 2, 2);
    }

    private static MultiLayerNetwork net() {
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(3).updater(new Sgd(0.1)).list()
                .layer(new BatchNormalization.Builder().name("norm").runningStatistics(RunningStatistics.cumulative()).build())
                .layer(new BatchRenormalization.Builder().name("renorm").schedule(1, 6, 6)
                        .runningStatistics(RunningStatistics.cumulative().unbiased(false)).build())
                .layer(new OutputLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).nOut(2).build())
                .setInputType(InputType.feedForward(3)).build());
        net.init();
        return net;
    }

    private static DataSet batch(int seed) {
        Random random = new Random(seed);
        double[] x = random.doubles(12, -2, 5).toArray();
        return new DataSet(Nd4j.createFromArray(x).castTo(DataType.FLOAT).reshape(4, 3),
                Nd4j.createFromArray(random.doubles(8, -1, 1).toArray()).castTo(DataType.FLOAT).reshape(4, 2));
    }

    private static InputStream saved(String suffix) {
        return CumulativeCountsTest.class.getResourceAsStream("/models/cumulative-one-count." + suffix);
    }

    private static double[] numbers(String line) {
        return Arrays.stream(line.split(" ")).mapToDouble(Double::parseDouble).toArray();
    }

    /**
     * {@link #net} after the batches 0, 1 and 2, saved when there was one count for all channels; the lines are its parameters
     * and its outputs for batch 9, then those after the batches 3 and 4.
     */
    @Test
    void aNetworkSavedWithOneCountForAllChannelsGoesOnWithIt() throws IOException {
        List<String> expected;
        try (InputStream lines = saved("txt")) {
            expected = new String(lines.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        }
        MultiLayerNetwork net;
        try (InputStream zip = saved("zip")) {
            net = ModelSerializer.restoreMultiLayerNetwork(zip, true);
        }
        assertThat(TestNetwork.numbers(net.params())).containsExactly(numbers(expected.get(0)));
        INDArray x = batch(9).getFeatures();
        assertThat(TestNetwork.numbers(net.output(x))).containsExactly(numbers(expected.get(1)), within(1e-6));
        net.fit(batch(3));
        net.fit(batch(4));
        assertThat(TestNetwork.numbers(net.params())).containsExactly(numbers(expected.get(2)), within(1e-5));
        assertThat(TestNetwork.numbers(net.output(x))).containsExactly(numbers(expected.get(3)), within(1e-5));
        assertThat(TestNetwork.numbers(net.getLayer(0).getParam("batches"))).containsExactly(5);

        RunningStatistics policy = ((RunningNormLayer) net.getLayer(0).conf().getLayer()).getRunningStatistics();
        assertThat(policy).isNotEqualTo(RunningStatistics.cumulative()).hasToString("cumulative with one count");
        assertThat(net.clone().params()).isEqualTo(net.params());
    }

    @Test
    void aPolicyThatJavaSerializedWithOneCountKeepsIt() throws IOException, ClassNotFoundException {
        try (ObjectInputStream in = new ObjectInputStream(saved("ser"))) {
            RunningStatistics cumulative = (RunningStatistics) in.readObject();
            assertThat(cumulative.cumulativeMean()).isTrue();
            assertThat(cumulative.counts(7)).isEqualTo(1);
            assertThat(in.readObject()).isEqualTo(RunningStatistics.decay(0.9).unbiased(false));
        }
    }
}
