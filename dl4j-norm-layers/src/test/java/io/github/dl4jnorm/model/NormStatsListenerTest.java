// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.layer.NormalizationLayer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.optimize.listeners.CollectScoresListener;
import org.deeplearning4j.ui.model.stats.StatsListener;
import org.deeplearning4j.ui.model.stats.api.StatsReport;
import org.deeplearning4j.ui.model.stats.api.StatsType;
import org.deeplearning4j.ui.model.storage.InMemoryStatsStorage;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

@Tag("once")
@Tag("long")
class NormStatsListenerTest {
    private static final int CHANNELS = 6;

    private final DataSet data = data(8, 12);

    private static DataSet data(int examples, int size) {
        Nd4j.getRandom().setSeed(5);
        INDArray labels = Nd4j.zeros(DataType.FLOAT, examples, 3);
        for (int i = 0; i < examples; i++) {
            labels.putScalar(i, i % 3, 1);
        }
        return new DataSet(Nd4j.rand(DataType.FLOAT, examples, 2, size, size), labels);
    }

    private static MultiLayerNetwork net(int channels) {
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(1).updater(new Sgd(0.1)).list()
                .layer(new ConvolutionLayer.Builder(3, 3).nOut(channels).activation(Activation.IDENTITY).build())
                .layer(new BatchNormalization.Builder().name("first, of \"all\"").decay(0.9).activation(Activation.RELU).build())
                .layer(new ConvolutionLayer.Builder(3, 3).nOut(channels).activation(Activation.IDENTITY).build())
                .layer(new SwitchableNormalization.Builder().name("mixed").build())
                .layer(new ConvolutionLayer.Builder(3, 3).nOut(channels).activation(Activation.IDENTITY).build())
                .layer(new GroupNormalization.Builder(2).build())
                .layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(3).activation(Activation.SOFTMAX).build())
                .setInputType(InputType.convolutional(12, 12, 2)).build());
        net.init();
        return net;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void samplesHoldWhatTheStepHad(boolean graph) {
        MultiLayerNetwork sequence = net(CHANNELS);
        NormStatsListener stats = new NormStatsListener.Builder().interval(1).build();
        // What the running statistics move by tells the batch's: running' = 0.9 running + 0.1 batch.
        AtomicReference<double[]> before = new AtomicReference<>();
        AtomicReference<double[]> after = new AtomicReference<>();
        NormalizationLayer norm;
        if (graph) {
            ComputationGraph net = sequence.toComputationGraph();
            net.setListeners(stats);
            norm = (NormalizationLayer) net.getLayer(1);
            net.fit(data);
            before.set(norm.runningMean());
            net.fit(data);
        } else {
            sequence.setListeners(stats);
            norm = (NormalizationLayer) sequence.getLayer(1);
            sequence.fit(data);
            before.set(norm.runningMean());
            sequence.fit(data);
        }
        after.set(norm.runningMean());
        String name = stats.layers().iterator().next();
        assertThat(stats.layers()).hasSize(3);
        NormSample sample = stats.samples(name).get(1);
        assertThat(sample.iteration()).isEqualTo(1);
        assertThat(sample.channels()).containsExactly(0, 1, 2, 3, 4, 5);
        for (int c = 0; c < CHANNELS; c++) {
            assertThat(sample.runningMean()[c]).isCloseTo(before.get()[c], within(1e-6));
            assertThat(0.9 * sample.runningMean()[c] + 0.1 * sample.batchMean()[c]).isCloseTo(after.get()[c], within(1e-6));
            assertThat(sample.batchVariance()[c]).isPositive();
        }
        assertThat(sample.gamma()).hasSize(CHANNELS).isNotEqualTo(stats.samples(name).get(0).gamma());
        assertThat(sample.meanWeights()).isNull();
        assertThat(List.of(sample.inputNorm(), sample.outputNorm(), sample.outputGradient(), sample.inputGradient()))
                .allSatisfy(length -> assertThat(length).isPositive().isFinite());
        List<String> names = List.copyOf(stats.layers());
        NormSample mixed = stats.samples(names.get(1)).get(1);
        assertThat(mixed.meanWeights()).containsOnlyKeys("instance", "layer", "batch");
        assertThat(mixed.meanWeights().values().stream().mapToDouble(w -> w).sum()).isCloseTo(1, within(1e-12));
        assertThat(mixed.varianceWeights()).isNotEqualTo(stats.samples(names.get(1)).get(0).varianceWeights());
        NormSample group = stats.samples(names.get(2)).get(1);
        assertThat(group.runningMean()).isNull();
        assertThat(group.batchMean()).isNull();
        assertThat(group.beta()).hasSize(CHANNELS);
    }

    @Test
    void normsOfActivationsAndGradientsAreThoseOfTheArrays() {
        MultiLayerNetwork net = net(CHANNELS);
        NormStatsListener stats = new NormStatsListener.Builder().interval(1).build();
        net.setListeners(stats);
        List<INDArray> activations = net.feedForward(data.getFeatures(), true);
        double in = activations.get(1).norm2Number().doubleValue();
        double out = activations.get(2).norm2Number().doubleValue();
        net.fit(data);
        NormSample sample = stats.samples("first, of \"all\"").get(0);
        assertThat(sample.inputNorm()).isCloseTo(in, within(1e-4 * in));
        assertThat(sample.outputNorm()).isCloseTo(out, within(1e-4 * out));
        assertThat(stats.samples("layer5").get(0).inputGradient()).isPositive();
    }

    /** However long it runs, it keeps at most so many samples, evenly spread, and what it keeps is what it saw. */
    @Test
    void memoryIsBounded() {
        MultiLayerNetwork net = net(CHANNELS);
        NormStatsListener all = new NormStatsListener.Builder().interval(1).channels(100).build();
        NormStatsListener some = new NormStatsListener.Builder().interval(2).channels(4).capacity(5).build();
        net.setListeners(all, some);
        for (int i = 0; i < 60; i++) {
            net.fit(data);
            assertThat(some.layers().stream().mapToInt(layer -> some.samples(layer).size()).max().orElse(0)).isBetween(1, 5);
        }
        assertThat(all.samples("mixed")).hasSize(60);
        assertThat(some.interval()).isEqualTo(16);
        assertThat(some.samples("mixed")).extracting(NormSample::iteration).containsExactly(0, 16, 32, 48);
        NormSample kept = some.samples("mixed").get(2);
        assertThat(kept.channels()).containsExactly(0, 1, 3, 4);
        NormSample seen = all.samples("mixed").get(32);
        assertThat(kept.runningMean()).containsExactly(Arrays.stream(kept.channels())
                .mapToDouble(c -> seen.runningMean()[c]).toArray());
        assertThat(some.first("mixed").iteration()).isZero();
        assertThat(some.last("mixed").iteration()).isEqualTo(48);
        assertThat(Arrays.stream(some.last("mixed").before().counts()).sum()).isBetween(1, 4000);
    }

    /** It reads, and nothing else: with it training gives the same network, beside other listeners, too. */
    @Test
    void itChangesNothing() {
        MultiLayerNetwork watched = net(CHANNELS);
        MultiLayerNetwork alone = net(CHANNELS);
        CollectScoresListener scores = new CollectScoresListener(1);
        watched.setListeners(scores, new NormStatsListener.Builder().interval(3).build());
        for (int i = 0; i < 10; i++) {
            watched.fit(data);
            alone.fit(data);
            watched.output(data.getFeatures());
        }
        assertThat(watched.params()).isEqualTo(alone.params());
        assertThat(scores.getListScore().size()).isEqualTo(10);
    }

    @Test
    void csvHasOneNumberInALine(@TempDir Path directory) throws IOException {
        MultiLayerNetwork net = net(CHANNELS);
        NormStatsListener stats = new NormStatsListener.Builder().interval(1).channels(2).build();
        net.setListeners(stats);
        net.fit(data);
        Path file = directory.resolve("stats.csv");
        NormStatsCsv.write(stats, file);
        List<String> lines = Files.readAllLines(file);
        assertThat(lines.get(0)).isEqualTo("iteration,epoch,layer,quantity,index,value");
        // Batch: 6 quantities of 2 channels and 4 norms. Switchable: 6 weights besides. Group: gamma and beta alone.
        assertThat(lines).hasSize(1 + 6 * 2 + 4 + 6 * 2 + 6 + 4 + 2 * 2 + 4);
        assertThat(lines.get(1)).startsWith("0,0,\"first, of \"\"all\"\"\",batchMean,0,");
        assertThat(lines).anyMatch(line -> line.startsWith("0,0,mixed,meanWeight,batch,0.333"))
                .anyMatch(line -> line.startsWith("0,0,layer5,inputGradient,,"));
    }

    /** A normal distribution in bins of a fifth of a deviation; of an array that no sample sees whole. */
    @Test
    void histogramsAreThoseOfAllElements() {
        Nd4j.getRandom().setSeed(9);
        INDArray x = Nd4j.randn(DataType.FLOAT, 16, 8, 28, 28).muli(3).addi(7);
        Histogram found = Histogram.of(x);
        int count = Arrays.stream(found.counts()).sum();
        assertThat(count).isBetween(1900, 2100);
        assertThat((found.low() + found.high()) / 2).isCloseTo(7, within(0.3));
        assertThat(found.high() - found.low()).isCloseTo(24, within(1.5));
        int[] middle = Arrays.copyOfRange(found.counts(), 15, 25);
        assertThat(Arrays.stream(middle).sum() / (double) count).as("within a deviation").isCloseTo(0.683, within(0.05));
        // The last column of pixels is another picture: it has to be seen as often as it occurs.
        INDArray striped = Nd4j.zeros(DataType.FLOAT, 16, 8, 28, 28);
        striped.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.point(27)).assign(1);
        int[] counts = Histogram.of(striped.permute(0, 2, 1, 3)).counts();
        int ones = Arrays.stream(counts, 25, 40).sum();
        assertThat(ones / (double) Arrays.stream(counts).sum()).isCloseTo(1 / 28.0, within(0.003));
        assertThat(Arrays.stream(Histogram.of(Nd4j.ones(3, 2)).counts()).sum()).isEqualTo(6);
    }

    @Test
    void wrongArgumentsAreNamed() {
        assertThatThrownBy(() -> new NormStatsListener.Builder().interval(0))
                .hasMessageContaining("interval >= 1, got 0");
        assertThatThrownBy(() -> new NormStatsListener.Builder().capacity(1))
                .hasMessageContaining("capacity >= 2, got 1");
        assertThatThrownBy(() -> new NormStatsListener().samples("norm")).hasMessageContaining("got \"norm\"");
    }

    /** Each sees what it sees alone, and training takes the course it takes without listeners. */
    @Tag("once")
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void itWorksBesideTheListenerOfDeeplearning4jsUserInterface(boolean graph) {
        Model watched = graph ? net(CHANNELS).toComputationGraph() : net(CHANNELS);
        InMemoryStatsStorage storage = new InMemoryStatsStorage();
        NormStatsListener stats = new NormStatsListener.Builder().interval(1).build();
        fit(watched, new StatsListener(storage, 1), stats);
        Model plain = graph ? net(CHANNELS).toComputationGraph() : net(CHANNELS);
        fit(plain);
        assertThat(watched.params()).isEqualTo(plain.params());
        NormStatsListener alone = new NormStatsListener.Builder().interval(1).build();
        fit(graph ? net(CHANNELS).toComputationGraph() : net(CHANNELS), alone);
        for (String layer : alone.layers()) {
            assertThat(stats.samples(layer)).usingRecursiveComparison().isEqualTo(alone.samples(layer));
        }
        String session = storage.listSessionIDs().get(0);
        String worker = storage.listWorkerIDsForSessionAndType(session, StatsListener.TYPE_ID).get(0);
        assertThat(storage.getAllUpdatesAfter(session, StatsListener.TYPE_ID, worker, 0)).hasSize(3).allSatisfy(update -> {
            StatsReport report = (StatsReport) update;
            assertThat(report.getScore()).isPositive().isFinite();
            assertThat(report.getMeanMagnitudes(StatsType.Parameters).keySet()).anyMatch(name -> name.endsWith("_gamma"));
            assertThat(report.getMeanMagnitudes(StatsType.Activations)).isNotEmpty();
            assertThat(report.getMeanMagnitudes(StatsType.Gradients)).isNotEmpty();
        });
    }

    private void fit(Model net, TrainingListener... listeners) {
        net.setListeners(listeners);
        for (int step = 0; step < 3; step++) {
            ((NeuralNetwork) net).fit(data);
        }
    }

    /** Every second step with the listener; medians of both. */
    @Test
    @Tag("slow")
    void itTakesLessThanThreePercentOfASmallNetwork() {
        MultiLayerNetwork net = net(8);
        DataSet batch = data(16, 12);
        NormStatsListener stats = new NormStatsListener();
        int rounds = 60;
        double[] with = new double[rounds];
        double[] without = new double[rounds];
        for (int round = -10; round < rounds; round++) {
            for (boolean watched : new boolean[]{true, false}) {
                if (watched) {
                    net.setListeners(stats);
                } else {
                    net.setListeners();
                }
                long start = System.nanoTime();
                for (int step = 0; step < stats.interval(); step++) {
                    net.fit(batch);
                }
                (watched ? with : without)[Math.max(0, round)] = System.nanoTime() - start;
            }
        }
        Arrays.sort(with);
        Arrays.sort(without);
        double overhead = with[rounds / 2] / without[rounds / 2] - 1;
        System.out.printf("ten steps %.2f ms with the listener, %.2f ms without: %.2f %%%n", with[rounds / 2] / 1e6,
                without[rounds / 2] / 1e6, 100 * overhead);
        assertThat(overhead).isLessThan(0.03);
    }
}
