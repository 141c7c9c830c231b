// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Compares norms at small batch sizes, like the figure of the group normalization paper (arXiv 1803.08494) on a small data
 * set.
 *
 * <p>Each norm trains the same network with batch sizes 32, 8, 4 and 2 and plain momentum. As in the paper, the learning rate
 * is proportional to the batch size: weights move equally far in an epoch, and only the statistics differ. Batch norm
 * computes them from the batch. With two examples they are mostly noise and differ from the running statistics used at test
 * time.
 */
@Command(name = "batch-size", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Compares norms at small batch sizes: test accuracy at batch sizes 32, 8, 4 and 2.",
        optionListHeading = "%n")
final class BatchSizeStudy extends ConvolutionStudy {
    private static final int[] BATCHES = {32, 8, 4, 2};
    private static final int[] WIDTHS = {16, 32};
    private static final int UNITS = 32;
    private static final int REAL_TESTS = 2000;
    private static final double LEARNING_RATE = 0.2;
    private static final double MOMENTUM = 0.9;

    @Option(names = "--norms", split = ",", paramLabel = "NORM", completionCandidates = NormChoice.Names.class,
            converter = NormChoice.Converter.class, defaultValue = "batch,group,layer,switchable",
            description = "Comma-separated norms: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private List<NormChoice> norms;

    @Option(names = "--report", paramLabel = "FILE", description = "Write a self-contained HTML report.")
    private Path report;

    @Option(names = "--chart", paramLabel = "FILE", description = "Write a chart of the accuracies as SVG.")
    private Path chart;

    @Mixin
    private final Runs runs = new Runs(1);

    @Mixin
    private final RealData data = new RealData();

    /** Of each norm, batch size and run. */
    private double[][][] accuracies;

    BatchSizeStudy() {
        super(600, 5);
    }

    @Override
    String run() throws IOException {
        requireDirectory("--report", report);
        requireDirectory("--chart", chart);
        oneThread();
        accuracies = new double[norms.size()][BATCHES.length][runs.count()];
        List<Training.Result> results = new ArrayList<>();
        for (int run = 0; run < runs.count(); run++) {
            train(run, results);
        }
        String width = runs.count() == 1 ? "10" : "16";
        System.out.printf("%n%-12s", "norm");
        Arrays.stream(BATCHES).forEach(batch -> System.out.printf("%" + width + "s", "batch " + batch));
        System.out.println(runs.count() == 1 ? "" : "   (" + runs.meaning() + ")");
        StringBuilder line = new StringBuilder("From batches of 32 to batches of 2, accuracy changes by");
        for (int i = 0; i < accuracies.length; i++) {
            System.out.printf("%-12s", norms.get(i));
            for (double[] values : accuracies[i]) {
                System.out.printf("%" + width + "s", Runs.text("%.1f", values) + " %");
            }
            System.out.println();
            line.append(String.format(" %s %+.1f,", norms.get(i), Runs.mean(accuracies[i][BATCHES.length - 1])
                    - Runs.mean(accuracies[i][0])));
        }
        if (report != null) {
            Report.write(report, "Two convolutions and a dense layer with norms on " + (data.isGiven() ? "handwritten"
                    : "generated") + " digits, one training for each norm and batch size, " + Comparison.epochs(epochs())
                    + " each. " + convolutions() + ".", results);
        }
        if (chart != null) {
            double[] x = Arrays.stream(BATCHES).mapToDouble(batch -> Math.log(batch) / Math.log(2)).toArray();
            ChartFile.ofRuns(chart, "Test accuracy by batch size, %", "examples in a batch", x, Report::powerOfTwo, norms,
                    accuracies);
        }
        return line.deleteCharAt(line.length() - 1).append(" points.").toString();
    }

    /** Trains every norm with every batch size; the report is about the first run. */
    private void train(int run, List<Training.Result> results) throws IOException {
        long seed = Runs.seed(seed(), run);
        ImageData digits = data.isGiven() ? data.read(examples(), REAL_TESTS, seed)
                : digits(Math.max(50, examples() / 2), seed);
        // What has no place behind a dense layer is told before anything is trained.
        norms.forEach(norm -> net(norm, digits, BATCHES[0], seed));
        for (int i = 0; i < norms.size(); i++) {
            for (int j = 0; j < BATCHES.length; j++) {
                Training training = new Training(digits, BATCHES[j], epochs(), seed).with(convolutions())
                        .named(norms.get(i) + ", batch " + BATCHES[j]);
                if (report != null && run == 0) {
                    training.charted();
                }
                Training.Result result = training.run(norms.get(i), net(norms.get(i), digits, BATCHES[j], seed));
                accuracies[i][j][run] = 100 * result.accuracy();
                if (run == 0) {
                    results.add(result);
                }
            }
        }
    }

    /** Two convolutions and a dense layer: two examples have 98 and 32 values for each channel, and for each unit two. */
    private MultiLayerNetwork net(NormChoice norm, ImageData images, int batch, long seed) {
        NeuralNetConfiguration.ListBuilder layers = new NeuralNetConfiguration.Builder().seed(seed).weightInit(WeightInit.RELU)
                .updater(new Nesterovs(ConvNet.falling(LEARNING_RATE * batch / BATCHES[0], iterations(batch)), MOMENTUM)).list()
                .layer(new SubsamplingLayer.Builder(PoolingType.AVG).kernelSize(2, 2).stride(2, 2).build());
        for (int width : WIDTHS) {
            norm.block(width).around(new ConvolutionLayer.Builder(3, 3).stride(2, 2).nOut(width)
                    .convolutionMode(ConvolutionMode.Same).activation(Activation.RELU).hasBias(norm.leavesBias()).build())
                    .forEach(layers::layer);
        }
        norm.block(UNITS).around(new DenseLayer.Builder().nOut(UNITS).activation(Activation.RELU).hasBias(norm.leavesBias())
                .build()).forEach(layers::layer);
        layers.layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(images.classes()).weightInit(WeightInit.XAVIER)
                .activation(Activation.SOFTMAX).build());
        MultiLayerNetwork net = new MultiLayerNetwork(layers.setInputType(images.inputType()).build());
        net.init();
        return net;
    }
}
