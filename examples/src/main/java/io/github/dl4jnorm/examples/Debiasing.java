// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.model.PopulationStatistics;
import io.github.dl4jnorm.model.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Tests a network with batch norm after 1, 2, 4, ... batches of training, with and without the bias of the running statistics
 * towards their initial values 0 and 1, for three decays.
 *
 * <p>Training does not use running statistics, so all networks have the same weights after the same number of batches, and
 * differ by their statistics only. The last column has statistics of the training images, computed with the weights of that
 * moment.
 */
@Command(name = "debias", mixinStandardHelpOptions = true, sortOptions = false, optionListHeading = "%n",
        description = "Tests after the first batches, with and without bias of running statistics to their initial values.")
final class Debiasing extends ConvolutionStudy {
    private static final double[] DECAYS = {0.9, 0.99, 0.999};
    private static final int COLUMNS = 2 * DECAYS.length + 1;
    private static final int[] WIDTHS = {8, 16, 16};
    private static final int BATCH = 32;
    private static final int TESTS = 500;
    private static final double LEARNING_RATE = 0.01;
    /** Which row the conclusion is about: 32 batches. */
    private static final int ROW = 5;

    private static final List<Page.Key> KEYS = List.of(new Page.Key(1, "plain"), new Page.Key(0, "debiased"),
            new Page.Key(7, "recomputed"));

    @Mixin
    private final Runs runs = new Runs(3);

    @Option(names = "--report", paramLabel = "FILE", description = "Write a self-contained HTML page with charts.")
    private Path report;

    Debiasing() {
        super(4096, 1);
    }

    @Override
    String run() throws IOException {
        requireDirectory("--report", report);
        oneThread();
        List<Integer> points = IntStream.iterate(1, batches -> batches <= iterations(BATCH), batches -> 2 * batches).boxed()
                .toList();
        double[][] accuracies = new double[COLUMNS][points.size()];
        double[][] losses = new double[COLUMNS][points.size()];
        for (int run = 0; run < runs.count(); run++) {
            train(run, points, accuracies, losses);
        }
        print("test accuracy, %", "%9.1f", points, accuracies);
        print("test loss", "%9.3f", points, losses);
        if (report != null) {
            write(points, accuracies, losses);
        }
        int row = Math.min(ROW, points.size() - 1);
        StringBuilder line = new StringBuilder("Test accuracy after " + (row == 0 ? "1 batch:" : points.get(row) + " batches:"));
        for (int i = 0; i < DECAYS.length; i++) {
            line.append(String.format(" decay %s %.1f %%, debiased %.1f %%;", DECAYS[i], accuracies[2 * i][row],
                    accuracies[2 * i + 1][row]));
        }
        return line + String.format(" recomputed %.1f %%.", accuracies[COLUMNS - 1][row]);
    }

    /** Trains networks that differ by their running statistics, and adds what tests say to the means. */
    private void train(int run, List<Integer> points, double[][] accuracies, double[][] losses) {
        long seed = Runs.seed(seed(), run);
        ImageData digits = digits(TESTS, seed);
        List<MultiLayerNetwork> nets = new ArrayList<>();
        for (double decay : DECAYS) {
            nets.add(net(RunningStatistics.decay(decay), digits, seed));
            nets.add(net(RunningStatistics.decay(decay).debiased(), digits, seed));
        }
        DataSet all = digits.train();
        int batches = all.numExamples() / BATCH;
        try (StepBar bar = new StepBar("run " + (run + 1) + "/" + runs.count(), iterations(BATCH))) {
            for (int i = 0; i < iterations(BATCH); i++) {
                if (i % batches == 0) {
                    all.shuffle(seed + i);
                }
                DataSet batch = (DataSet) all.getRange(i % batches * BATCH, (i % batches + 1) * BATCH);
                nets.forEach(net -> net.fit(batch));
                int row = points.indexOf(i + 1);
                for (int column = 0; column < COLUMNS && row >= 0; column++) {
                    MultiLayerNetwork net = column < nets.size() ? nets.get(column) : recomputed(nets.get(0), all);
                    accuracies[column][row] += accuracy(net, digits.test()) / runs.count();
                    losses[column][row] += net.score(digits.test()) / runs.count();
                }
                bar.step();
            }
        }
    }

    private MultiLayerNetwork net(RunningStatistics policy, ImageData images, long seed) {
        NeuralNetConfiguration.ListBuilder layers = new NeuralNetConfiguration.Builder().seed(seed).weightInit(WeightInit.RELU)
                .updater(new Adam(LEARNING_RATE)).list();
        for (int width : WIDTHS) {
            NormFactory.create("batch", Map.of("runningStatistics", policy)).around(new ConvolutionLayer.Builder(3, 3)
                    .stride(2, 2).nOut(width).convolutionMode(ConvolutionMode.Same).activation(Activation.RELU).hasBias(false)
                    .build()).forEach(layers::layer);
        }
        layers.layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(images.classes()).weightInit(WeightInit.XAVIER)
                .activation(Activation.SOFTMAX).build());
        MultiLayerNetwork net = new MultiLayerNetwork(layers.setInputType(images.inputType()).build());
        net.init();
        convolutions().enable(net);
        return net;
    }

    private static MultiLayerNetwork recomputed(MultiLayerNetwork net, DataSet images) {
        MultiLayerNetwork copy = Convolutions.like(net, net.clone());
        PopulationStatistics.recompute(copy, new ViewIterator(images, BATCH), PopulationStatistics.Method.EXACT,
                (layer, pass, passes, done) -> { });
        return copy;
    }

    private static void print(String title, String format, List<Integer> points, double[][] values) {
        System.out.printf("%-16s%20s%20s%20s%n%-16s%10s%10s%10s%10s%10s%10s%12s%n", title, "decay " + DECAYS[0],
                "decay " + DECAYS[1], "decay " + DECAYS[2], "batches", "plain", "debiased", "plain", "debiased", "plain",
                "debiased", "recomputed");
        for (int row = 0; row < points.size(); row++) {
            System.out.printf("%-16d", points.get(row));
            for (int column = 0; column < COLUMNS; column++) {
                System.out.printf((column == COLUMNS - 1 ? "   " : " ") + format, values[column][row]);
            }
            System.out.println();
        }
        System.out.println();
    }

    private void write(List<Integer> points, double[][] accuracies, double[][] losses) throws IOException {
        Page page = new Page("Running statistics at the start of training");
        page.text("A network with batch norm, tested on " + TESTS + " digits after its first batches of " + BATCH + "; runs: "
                + runs.count() + ". " + convolutions() + ".");
        page.openCharts();
        for (int i = 0; i < DECAYS.length; i++) {
            page.chart("Test accuracy, decay " + DECAYS[i], chart("%", false, i, points, accuracies), KEYS);
        }
        for (int i = 0; i < DECAYS.length; i++) {
            page.chart("Test loss, decay " + DECAYS[i], chart("loss", true, i, points, losses), KEYS);
        }
        page.closeCharts();
        WholeFile.write(report, part -> Files.writeString(part, page.finished()));
        System.out.println("the charts are in " + report);
    }

    private static String chart(String yTitle, boolean log, int decay, List<Integer> points, double[][] values)
            throws IOException {
        double[] x = points.stream().mapToDouble(batches -> Math.log(batches) / Math.log(2)).toArray();
        int[] columns = {2 * decay, 2 * decay + 1, COLUMNS - 1};
        List<Charts.Series> series = new ArrayList<>();
        for (int i = 0; i < columns.length; i++) {
            series.add(new Charts.Series(KEYS.get(i).color(), x, values[columns[i]], Charts.Style.POINTS));
        }
        return Charts.svg("batches of training", yTitle, log, series, Report::powerOfTwo);
    }
}
