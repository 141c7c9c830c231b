// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
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
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Classifies waves by frequency (four classes): short and long, faint and loud sequences. With {@code --data}, it reads
 * handwritten digits row by row instead, from the first row with ink to the last. A convolution over time and an LSTM are each
 * followed by layer norm, batch norm or no norm.
 *
 * <p>Layer norm uses one timestep of one sequence. Amplitude cancels out, and neither other sequences nor the padding after a
 * short one matter. The mask excludes the padding from all statistics, including those of batch norm. Without the mask, a
 * network learns from padding as well, and answers otherwise where there is more of it.
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
    private static final int TESTS = 500;
    private static final int REAL_TESTS = 2000;
    private static final double INK = 0.2;
    private static final List<Variant> VARIANTS = List.of(new Variant("none", true), new Variant("batch", true),
            new Variant("layer", true), new Variant("layer", false));

    @Option(names = "--chart", paramLabel = "FILE", description = "Write a chart of the accuracies by epoch as SVG.")
    private Path chart;

    @Mixin
    private final Runs runs = new Runs(1);

    @Mixin
    private final RealData data = new RealData();

    SequenceLayerNorm() {
        super(800, 6);
    }

    /**
     * A network and its data.
     *
     * @param norm   name of its norm
     * @param masked whether padding is masked
     */
    private record Variant(String norm, boolean masked) {
        @Override
        public String toString() {
            return masked ? norm : norm + ", no mask";
        }
    }

    @Override
    String run() throws IOException {
        requireDirectory("--chart", chart);
        oneThread();
        int count = VARIANTS.size();
        double[][] losses = new double[count][runs.count()];
        double[][] padded = new double[count][runs.count()];
        double[][][] accuracies = new double[count][epochs()][runs.count()];
        for (int run = 0; run < runs.count(); run++) {
            long seed = Runs.seed(seed(), run);
            int one = run;
            DataSet[] sets = data.isGiven() ? digits(seed)
                    : new DataSet[]{waves(examples(), new Random(seed)), waves(TESTS, new Random(seed + 1))};
            for (int i = 0; i < count; i++) {
                Variant variant = VARIANTS.get(i);
                DataSet test = variant.masked() ? sets[1] : unmasked(sets[1]);
                MultiLayerNetwork net = net(new NormChoice(variant.norm()), sets[0], seed);
                convolutions().enable(net);
                double[][] table = accuracies[i];
                losses[i][run] = fit(net, variant.masked() ? sets[0] : unmasked(sets[0]), BATCH, variant.toString(),
                        epoch -> table[epoch - 1][one] = accuracy(net, test));
                padded[i][run] = accuracy(net, longer(test));
            }
        }
        System.out.printf("%-15s %16s %16s %20s%s%n", "norm", "loss", "test accuracy", "with more padding",
                runs.count() == 1 ? "" : "   (" + runs.meaning() + ")");
        for (int i = 0; i < count; i++) {
            System.out.printf("%-15s %16s %14s %% %18s %%%n", VARIANTS.get(i), Runs.text("%.4f", losses[i]),
                    Runs.text("%.1f", last(accuracies[i])), Runs.text("%.1f", padded[i]));
        }
        if (chart != null) {
            double[] x = IntStream.rangeClosed(1, epochs()).asDoubleStream().toArray();
            ChartFile.ofRuns(chart, "Test accuracy by epoch, %", "epoch", x, null, VARIANTS, accuracies);
        }
        return String.format("Accuracy on sequences of any length and amplitude: layer norm %.1f %%, batch norm %.1f %%, "
                + "no norm %.1f %%. With more padding: layer norm %.1f %%, and %.1f %% without masks.",
                Runs.mean(last(accuracies[2])), Runs.mean(last(accuracies[1])), Runs.mean(last(accuracies[0])),
                Runs.mean(padded[2]), Runs.mean(padded[3]));
    }

    private static double[] last(double[][] epochs) {
        return epochs[epochs.length - 1];
    }

    private static DataSet unmasked(DataSet sequences) {
        return new DataSet(sequences.getFeatures(), sequences.getLabels());
    }

    /** The same sequences, with as many zeros again behind them. */
    private static DataSet longer(DataSet sequences) {
        INDArray x = sequences.getFeatures();
        INDArray mask = sequences.getFeaturesMaskArray();
        return new DataSet(Nd4j.concat(2, x, x.like()), sequences.getLabels(),
                mask == null ? null : Nd4j.concat(1, mask, mask.like()), null);
    }

    private MultiLayerNetwork net(NormChoice norm, DataSet sequences, long seed) {
        NeuralNetConfiguration.ListBuilder layers = new NeuralNetConfiguration.Builder().seed(seed)
                .updater(new Adam(3e-3)).list();
        norm.block(UNITS).around(new Convolution1DLayer.Builder(5).nOut(UNITS).convolutionMode(ConvolutionMode.Same)
                .activation(Activation.RELU).build()).forEach(layers::layer);
        norm.block(UNITS).around(new LSTM.Builder().nOut(UNITS).activation(Activation.TANH).build()).forEach(layers::layer);
        layers.layer(new GlobalPoolingLayer(PoolingType.AVG));
        layers.layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(sequences.getLabels().size(1))
                .activation(Activation.SOFTMAX).build());
        MultiLayerNetwork net = new MultiLayerNetwork(layers.setInputType(InputType.recurrent(sequences.getFeatures().size(1)))
                .build());
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
            double loudness = loudness(random);
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

    /** Handwritten digits for training and testing: a row of pixels is a timestep. */
    private DataSet[] digits(long seed) throws IOException {
        ImageData images = data.read(examples(), REAL_TESTS, seed);
        return new DataSet[]{rows(images.train(), new Random(seed)), rows(images.test(), new Random(seed + 1))};
    }

    /** Rows from the first with ink to the last; from faint to loud like the waves. */
    private static DataSet rows(DataSet images, Random random) {
        INDArray pixels = images.getFeatures();
        int count = images.numExamples();
        int height = (int) pixels.size(2);
        INDArray x = Nd4j.zeros(DataType.FLOAT, count, pixels.size(3), height);
        INDArray mask = Nd4j.zeros(DataType.FLOAT, count, height);
        for (int n = 0; n < count; n++) {
            INDArray image = pixels.slice(n).slice(0);
            double[] ink = image.max(1).toDoubleVector();
            int[] inked = IntStream.range(0, height).filter(row -> ink[row] > INK).toArray();
            double loudness = loudness(random);
            for (int row = inked[0]; row <= inked[inked.length - 1]; row++) {
                mask.putScalar(n, row - inked[0], 1);
                x.slice(n).getColumn(row - inked[0]).assign(image.getRow(row).mul(loudness));
            }
        }
        return new DataSet(x, images.getLabels(), mask, null);
    }

    private static double loudness(Random random) {
        return Math.pow(10, 2 * random.nextDouble() - 1);
    }
}
