// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
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
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import picocli.CommandLine.Command;

/**
 * Compares regularization on a small training set in which a quarter of the labels are drawn at random, with enough epochs to
 * memorize all of it. Batch norm shows each example with different batch statistics every time, and is said to replace part
 * of dropout's effect (arXiv 1502.03167, section 3.4). L2 before a norm does not shrink what the layer computes; it only
 * changes how fast the direction of the weights changes.
 */
@Command(name = "regularization", mixinStandardHelpOptions = true, sortOptions = false, optionListHeading = "%n",
        description = "Compares batch norm, dropout, L2 and combinations on a small data set with label noise.")
final class Regularization extends ConvolutionStudy {
    private static final int[] WIDTHS = {16, 32};
    private static final int UNITS = 128;
    private static final int BATCH = 20;
    private static final double LEARNING_RATE = 1e-3;
    private static final double DRAWN = 0.25;
    private static final double KEPT = 0.5;
    private static final double L2 = 5e-3;
    private static final int RUNS = 2;

    Regularization() {
        super(300, 40);
    }

    @Override
    String run() {
        oneThread();
        System.out.printf("%-28s %15s %15s   (means of %d runs)%n", "", "training", "test", RUNS);
        Map<String, Double> tests = new LinkedHashMap<>();
        for (Method method : Method.all()) {
            double train = 0;
            double test = 0;
            for (int run = 0; run < RUNS; run++) {
                ImageData digits = new ImageData(GeneratedDigits.create(examples(), seed() + 2 * run),
                        GeneratedDigits.create(1000, seed() + 2 * run + 1), true, "digits").scaled(ImageData.Scale.MINMAX);
                drawLabels(digits.train().getLabels(), DRAWN, seed() + 2 * run);
                MultiLayerNetwork net = net(method, Activation.RELU, digits, new Adam(LEARNING_RATE), seed() + run);
                convolutions().enable(net);
                fit(net, digits.train(), BATCH, method + ", run " + (run + 1));
                train += accuracy(net, digits.train()) / RUNS;
                test += accuracy(net, digits.test()) / RUNS;
            }
            tests.put(method.toString(), test);
            System.out.printf("%-28s %13.1f %% %13.1f %%%n", method, train, test);
        }
        return String.format("Test accuracy after training on %d examples: nothing %.1f %%, dropout %.1f %%, batch norm "
                + "%.1f %%, both %.1f %%.", examples(), tests.get("nothing"), tests.get("dropout"), tests.get("batch norm"),
                tests.get("batch norm dropout"));
    }

    /**
     * What may keep a network from memorizing.
     *
     * @param norm    batch norm in front of each activation
     * @param dropout dropout in front of the output layer
     * @param l2      L2 of all weights
     */
    record Method(boolean norm, boolean dropout, boolean l2) {
        /** All combinations, from nothing to everything. */
        static List<Method> all() {
            return IntStream.range(0, 8).mapToObj(i -> new Method((i & 1) != 0, (i & 2) != 0, (i & 4) != 0)).toList();
        }

        @Override
        public String toString() {
            String name = (norm ? "batch norm " : "") + (dropout ? "dropout " : "") + (l2 ? "L2" : "");
            return name.isEmpty() ? "nothing" : name.strip();
        }
    }

    /** Draws a share of the labels anew; one in ten is right again. */
    static void drawLabels(INDArray labels, double share, long seed) {
        Random random = new Random(seed);
        for (long i = 0; i < labels.size(0); i++) {
            if (random.nextDouble() < share) {
                labels.getRow(i).assign(0);
                labels.putScalar(i, random.nextInt((int) labels.size(1)), 1);
            }
        }
    }

    /** Two convolutions and a dense layer. */
    static MultiLayerNetwork net(Method method, Activation activation, ImageData images, IUpdater updater, long seed) {
        NormChoice choice = method.norm() ? NormChoice.BATCH : NormChoice.NONE;
        NeuralNetConfiguration.ListBuilder layers = new NeuralNetConfiguration.Builder().seed(seed).updater(updater)
                .weightInit(activation == Activation.RELU ? WeightInit.RELU : WeightInit.XAVIER).l2(method.l2() ? L2 : 0).list()
                .layer(new SubsamplingLayer.Builder(PoolingType.AVG).kernelSize(2, 2).stride(2, 2).build());
        for (int width : WIDTHS) {
            choice.block(width).around(new ConvolutionLayer.Builder(3, 3).stride(2, 2).nOut(width)
                    .convolutionMode(ConvolutionMode.Same).activation(activation).build()).forEach(layers::layer);
        }
        choice.block(UNITS).around(new DenseLayer.Builder().nOut(UNITS).activation(activation).build())
                .forEach(layers::layer);
        OutputLayer.Builder output = new OutputLayer.Builder(LossFunction.MCXENT).nOut(images.classes())
                .weightInit(WeightInit.XAVIER).activation(Activation.SOFTMAX);
        if (method.dropout()) {
            output.dropOut(KEPT);
        }
        MultiLayerNetwork net = new MultiLayerNetwork(layers.layer(output.build()).setInputType(images.inputType()).build());
        net.init();
        return net;
    }
}
