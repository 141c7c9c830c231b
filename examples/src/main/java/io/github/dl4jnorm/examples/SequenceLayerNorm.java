// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import picocli.CommandLine.Command;

/**
 * Classifies waves by frequency (four classes): short and long, faint and loud sequences. A convolution over time and an LSTM
 * are each followed by layer norm, batch norm or no norm.
 *
 * <p>Layer norm uses one timestep of one sequence. Amplitude cancels out, and neither other sequences nor the padding after a
 * short one matter. The mask excludes the padding from all statistics, including those of batch norm.
 */
@Command(name = "sequence", mixinStandardHelpOptions = true, sortOptions = false, optionListHeading = "%n",
        description = "Compares layer norm, batch norm and no norm on masked sequences of varying length and amplitude.")
final class SequenceLayerNorm extends ConvolutionStudy {
    private static final int CLASSES = 4;
    private static final int SENSORS = 3;
    private static final int LONGEST = 40;
    private static final int SHORTEST = 15;
    private static final int UNITS = 16;
    private static final int BATCH = 16;

    SequenceLayerNorm() {
        super(800, 6);
    }

    @Override
    String run() {
        DataSet train = waves(examples(), new Random(seed()));
        DataSet test = waves(500, new Random(seed() + 1));
        System.out.printf("%-8s %10s %15s%n", "norm", "loss", "test accuracy");
        List<Double> accuracies = new ArrayList<>();
        for (String name : List.of("none", "batch", "layer")) {
            MultiLayerNetwork net = net(new NormChoice(name));
            convolutions().enable(net);
            double loss = fit(net, train, BATCH, name);
            accuracies.add(accuracy(net, test));
            System.out.printf("%-8s %10.4f %13.1f %%%n", name, loss, accuracies.get(accuracies.size() - 1));
        }
        return String.format("Accuracy on sequences of any length and amplitude: layer norm %.1f %%, batch norm %.1f %%, "
                + "no norm %.1f %%.", accuracies.get(2), accuracies.get(1), accuracies.get(0));
    }

    private MultiLayerNetwork net(NormChoice norm) {
        NeuralNetConfiguration.ListBuilder layers = new NeuralNetConfiguration.Builder().seed(seed())
                .updater(new Adam(3e-3)).list();
        norm.block(UNITS).around(new Convolution1DLayer.Builder(5).nOut(UNITS).convolutionMode(ConvolutionMode.Same)
                .activation(Activation.RELU).build()).forEach(layers::layer);
        norm.block(UNITS).around(new LSTM.Builder().nOut(UNITS).activation(Activation.TANH).build()).forEach(layers::layer);
        layers.layer(new GlobalPoolingLayer(PoolingType.AVG));
        layers.layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(CLASSES).activation(Activation.SOFTMAX).build());
        MultiLayerNetwork net = new MultiLayerNetwork(layers.setInputType(InputType.recurrent(SENSORS, LONGEST)).build());
        net.init();
        return net;
    }

    /** Waves [N, sensors, time] with a mask [N, time]; loudness from 0.1 to 10, phase and noise at random. */
    private static DataSet waves(int count, Random random) {
        INDArray x = Nd4j.zeros(DataType.FLOAT, count, SENSORS, LONGEST);
        INDArray mask = Nd4j.zeros(DataType.FLOAT, count, LONGEST);
        INDArray labels = Nd4j.zeros(DataType.FLOAT, count, CLASSES);
        for (int n = 0; n < count; n++) {
            int kind = random.nextInt(CLASSES);
            labels.putScalar(n, kind, 1);
            double loudness = Math.pow(10, 2 * random.nextDouble() - 1);
            double phase = 2 * Math.PI * random.nextDouble();
            int length = SHORTEST + random.nextInt(LONGEST - SHORTEST + 1);
            for (int t = 0; t < length; t++) {
                mask.putScalar(n, t, 1);
                for (int sensor = 0; sensor < SENSORS; sensor++) {
                    double wave = Math.sin(phase + sensor + (0.5 + 0.15 * kind) * t);
                    x.putScalar(n, sensor, t, loudness * (wave + 0.5 * random.nextGaussian()));
                }
            }
        }
        return new DataSet(x, labels, mask, null);
    }
}
