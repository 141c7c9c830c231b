// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.conf.NormBlock;
import io.github.dl4jnorm.conf.NormFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Trains twenty plain convolutions with sigmoids and no shortcuts. The slope of a sigmoid is at most 1/4, so without a norm
 * the gradient vanishes before it reaches the first layers. A norm shifts the input of every sigmoid to where it has a slope.
 * gamma starts at 2, so that sigmoids use more of their range.
 *
 * <p>The first three convolutions are 3x3 and halve the image; the others are 1x1. Sigmoid outputs average 1/2, so zero
 * padding would draw the same frame into all images at every layer, until nothing else is left.
 */
@Command(name = "deep-net", mixinStandardHelpOptions = true, sortOptions = false, optionListHeading = "%n",
        description = "Trains twenty plain convolutions with sigmoids, which only learn with a norm.")
final class DeepNet extends ConvolutionStudy {
    private static final int CHANNELS = 16;
    private static final int BATCH = 10;
    private static final int HALVINGS = 3;
    private static final double GAMMA = 2;
    private static final double LEARNING_RATE = 0.01;

    @Option(names = "--depth", defaultValue = "20", description = "Number of convolutions (default: ${DEFAULT-VALUE}).")
    private int depth;

    DeepNet() {
        super(4000, 4);
    }

    @Override
    String run() {
        require(depth >= 2, "--depth must be at least 2, not " + depth);
        oneThread();
        ImageData digits = digits();
        System.out.printf("%-10s %10s %15s %30s%n", "norm", "loss", "test accuracy", "initial gradient, 1st / last");
        List<Double> accuracies = new ArrayList<>();
        for (String name : List.of("none", "batch", "instance")) {
            NormBlock norm = name.equals("none") ? List::of : NormFactory.create(name, Map.of("gammaInit", GAMMA));
            MultiLayerNetwork net = net(norm, digits);
            convolutions().enable(net);
            double reaching = gradientReaching(net, (DataSet) digits.train().getRange(0, BATCH));
            double loss = fit(net, digits.train(), BATCH, name);
            accuracies.add(accuracy(net, digits.test()));
            System.out.printf("%-10s %10.4f %13.1f %% %30.1e%n", name, loss, accuracies.get(accuracies.size() - 1), reaching);
        }
        return String.format("Test accuracy of %d convolutions with sigmoids: no norm %.1f %%, batch norm %.1f %%, instance "
                + "norm %.1f %% (chance: 10 %%).", depth, accuracies.get(0), accuracies.get(1), accuracies.get(2));
    }

    /** How long the gradient of the first weights is beside that of the last, before training. */
    private static double gradientReaching(MultiLayerNetwork net, DataSet batch) {
        MultiLayerNetwork copy = Convolutions.like(net, net.clone());
        copy.setInput(batch.getFeatures());
        copy.setLabels(batch.getLabels());
        copy.computeGradientAndScore();
        return copy.gradient().getGradientFor("0_W").norm2Number().doubleValue()
                / copy.gradient().getGradientFor((copy.getnLayers() - 1) + "_W").norm2Number().doubleValue();
    }

    private MultiLayerNetwork net(NormBlock norm, ImageData images) {
        NeuralNetConfiguration.ListBuilder layers = new NeuralNetConfiguration.Builder().seed(seed())
                .weightInit(WeightInit.XAVIER).updater(new Adam(ConvNet.falling(LEARNING_RATE, iterations(BATCH)))).list();
        for (int i = 0; i < depth; i++) {
            int stride = i < HALVINGS ? 2 : 1;
            int size = i < HALVINGS ? 3 : 1;
            norm.around(new ConvolutionLayer.Builder(size, size).nOut(CHANNELS).stride(stride, stride).convolutionMode(
                    ConvolutionMode.Same).activation(Activation.SIGMOID).build()).forEach(layers::layer);
        }
        layers.layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(images.classes()).activation(Activation.SOFTMAX).build());
        MultiLayerNetwork net = new MultiLayerNetwork(layers.setInputType(images.inputType()).build());
        net.init();
        return net;
    }
}
