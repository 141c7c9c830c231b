// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
    private static final double LEARNING_RATE = 0.2;
    private static final double MOMENTUM = 0.9;

    @Option(names = "--norms", split = ",", paramLabel = "NORM", completionCandidates = NormChoice.Names.class,
            converter = NormChoice.Converter.class, defaultValue = "batch,group,layer,switchable",
            description = "Comma-separated norms: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private List<NormChoice> norms;

    @Option(names = "--report", paramLabel = "FILE", description = "Write a self-contained HTML report.")
    private Path report;

    BatchSizeStudy() {
        super(600, 5);
    }

    @Override
    String run() throws IOException {
        require(report == null || Files.isDirectory(report.toAbsolutePath().getParent()),
                "--report: the directory of " + report + " does not exist");
        oneThread();
        ImageData digits = digits(examples());
        // What has no place behind a dense layer is told before anything is trained.
        norms.forEach(norm -> net(norm, digits, BATCHES[0]));
        List<Training.Result> results = new ArrayList<>();
        for (NormChoice norm : norms) {
            for (int batch : BATCHES) {
                Training training = new Training(digits, batch, epochs(), seed()).named(norm + ", batch " + batch)
                        .with(convolutions());
                if (report != null) {
                    training.charted();
                }
                results.add(training.run(norm, net(norm, digits, batch)));
            }
        }
        System.out.printf("%n%-12s %9s %9s %9s %9s%n", "norm", "batch 32", "batch 8", "batch 4", "batch 2");
        Map<String, Double> losses = new LinkedHashMap<>();
        for (int i = 0; i < results.size(); i += BATCHES.length) {
            double[] row = results.subList(i, i + BATCHES.length).stream().mapToDouble(r -> 100 * r.accuracy()).toArray();
            System.out.printf("%-12s %7.1f %% %7.1f %% %7.1f %% %7.1f %%%n", results.get(i).norm(), row[0], row[1], row[2],
                    row[3]);
            losses.put(results.get(i).norm(), row[0] - row[BATCHES.length - 1]);
        }
        if (report != null) {
            Report.write(report, "Two convolutions and a dense layer with norms on " + digits.name() + ", one training for "
                    + "each norm and batch size, " + Comparison.epochs(epochs()) + " each. " + convolutions() + ".",
                    results);
        }
        StringBuilder line = new StringBuilder("From batches of 32 to batches of 2, accuracy changes by");
        losses.forEach((norm, loss) -> line.append(String.format(" %s %+.1f,", norm, -loss)));
        return line.deleteCharAt(line.length() - 1).append(" points.").toString();
    }

    /** Two convolutions and a dense layer: two examples have 98 and 32 values for each channel, and for each unit two. */
    private MultiLayerNetwork net(NormChoice norm, ImageData images, int batch) {
        NeuralNetConfiguration.ListBuilder layers = new NeuralNetConfiguration.Builder().seed(seed()).weightInit(WeightInit.RELU)
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
