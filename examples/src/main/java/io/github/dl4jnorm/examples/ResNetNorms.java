// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.BatchNormFolding;
import java.util.Arrays;
import java.util.List;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Trains a small residual network, a ComputationGraph whose norm is a parameter. After training, batch norm is folded into
 * the convolutions: the network has fewer layers and the same outputs, and inference takes less time.
 */
@Command(name = "resnet", mixinStandardHelpOptions = true, sortOptions = false, optionListHeading = "%n",
        description = "Trains a residual network with several norms, then folds batch norm and times inference.")
final class ResNetNorms extends ConvolutionStudy {
    private static final int[] WIDTHS = {8, 16, 16};
    private static final int BATCH = 10;
    private static final double LEARNING_RATE = 1e-2;
    private static final int TIMED = 31;
    private static final int TIMED_IMAGES = 50;

    @Option(names = "--norms", split = ",", paramLabel = "NORM", completionCandidates = NormChoice.Names.class,
            converter = NormChoice.Converter.class, defaultValue = "batch,group", description = "Comma-separated "
            + "norms: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private List<NormChoice> norms;

    ResNetNorms() {
        super(3000, 6);
    }

    @Override
    String run() {
        oneThread();
        ImageData digits = digits();
        INDArray x = digits.test().getFeatures().get(NDArrayIndex.interval(0, TIMED_IMAGES)).dup();
        System.out.printf("%-12s %10s %15s %22s%n", "norm", "loss", "test accuracy", "ms for " + x.size(0) + " images");
        String showed = "No batch norm, nothing folded.";
        for (NormChoice norm : norms) {
            ComputationGraph net = net(norm, digits);
            convolutions().enable(net);
            double loss = fit(net, digits.train(), BATCH, norm.name());
            double[] times = new double[TIMED];
            BatchNormFolding.Result<ComputationGraph> folded = BatchNormFolding.fold(net);
            ComputationGraph fast = Convolutions.like(net, folded.net());
            double[] foldedTimes = new double[TIMED];
            for (int i = 0; i < TIMED; i++) {
                times[i] = milliseconds(net, x);
                foldedTimes[i] = milliseconds(fast, x);
            }
            System.out.printf("%-12s %10.4f %13.1f %% %22.1f%n", norm, loss, accuracy(net, digits.test()), median(times));
            if (folded.folded() > 0) {
                double difference = fast.outputSingle(x).sub(net.outputSingle(x)).amaxNumber().doubleValue();
                System.out.printf("%-12s %10s %13.1f %% %22.1f%n", "  folded", "", accuracy(fast, digits.test()),
                        median(foldedTimes));
                showed = String.format("%d of %d norms of %s folded: %.1f ms instead of %.1f ms, outputs within %.0e.",
                        folded.folded(), folded.outcomes().size(), norm, median(foldedTimes), median(times), difference);
            }
        }
        return showed;
    }

    private ComputationGraph net(NormChoice norm, ImageData images) {
        GraphBuilder graph = new NeuralNetConfiguration.Builder().seed(seed()).weightInit(WeightInit.RELU)
                .updater(new Adam(ConvNet.falling(LEARNING_RATE, iterations(BATCH)))).graphBuilder().addInputs("image")
                .setInputTypes(images.inputType());
        String last = block(graph, norm, "stem", "image", 3, 2, WIDTHS[0], Activation.RELU);
        for (int i = 0; i < WIDTHS.length; i++) {
            String name = "block" + i;
            int stride = i == 0 ? 1 : 2;
            String inner = block(graph, norm, name + "a", last, 3, stride, WIDTHS[i], Activation.RELU);
            inner = block(graph, norm, name + "b", inner, 3, 1, WIDTHS[i], Activation.IDENTITY);
            String shortcut = stride == 1 ? last
                    : block(graph, norm, name + "s", last, 1, stride, WIDTHS[i], Activation.IDENTITY);
            graph.addVertex(name + "sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), inner, shortcut);
            last = name + "out";
            graph.addLayer(last, new ActivationLayer(Activation.RELU), name + "sum");
        }
        graph.addLayer("pool", new GlobalPoolingLayer(PoolingType.AVG), last);
        graph.addLayer("output", new OutputLayer.Builder(LossFunction.MCXENT).nOut(images.classes()).weightInit(WeightInit.XAVIER)
                .activation(Activation.SOFTMAX).build(), "pool").setOutputs("output");
        ComputationGraph net = new ComputationGraph(graph.build());
        net.init();
        return net;
    }

    /** A convolution with its norm, and the name of what comes out. */
    private static String block(GraphBuilder graph, NormChoice norm, String name, String input, int size, int stride, int width,
                                Activation activation) {
        String last = input;
        int part = 0;
        for (Layer layer : norm.block(width).around(new ConvolutionLayer.Builder(size, size).stride(stride, stride).nOut(width)
                .convolutionMode(ConvolutionMode.Same).hasBias(norm.leavesBias()).activation(activation).build())) {
            String next = part++ == 0 ? name : name + "norm";
            graph.addLayer(next, layer, last);
            last = next;
        }
        return last;
    }

    private static double milliseconds(ComputationGraph net, INDArray x) {
        long start = System.nanoTime();
        net.outputSingle(x);
        return (System.nanoTime() - start) / 1e6;
    }

    private static double median(double[] times) {
        double[] sorted = times.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
