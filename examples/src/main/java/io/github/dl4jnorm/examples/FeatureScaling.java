// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.FeatureNormalization;
import io.github.dl4jnorm.model.PopulationStatistics;
import java.util.Random;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;
import org.nd4j.linalg.dataset.api.preprocessor.DataNormalization;
import org.nd4j.linalg.dataset.api.preprocessor.NormalizerMinMaxScaler;
import org.nd4j.linalg.dataset.api.preprocessor.NormalizerStandardize;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * Compares ways to scale a table whose columns have different units, from thousandths to thousands: raw, scaled by
 * Deeplearning4j's normalizers before training, and raw with a norm as the first layer, which is saved with the model. Batch norm
 * learns the scaling while it trains; {@link FeatureNormalization} computes it from the training set before.
 *
 * <p>Batch norm scales by the statistics of the batch: two batch sizes show what their noise costs.
 */
@Command(name = "scaling", mixinStandardHelpOptions = true, sortOptions = false, optionListHeading = "%n",
        description = "Compares raw, min-max scaled and standardized input with norms as the first layer.")
final class FeatureScaling extends Study {
    private static final int COLUMNS = 8;
    private static final int CLASSES = 2;
    private static final int[] BATCHES = {32, 128};
    /** Below the variance of the column of thousandths, 3e-7. */
    private static final double EPS = 1e-12;

    @Mixin
    private final Runs runs = new Runs(5);

    FeatureScaling() {
        super(2000, 15);
    }

    @Override
    String run() {
        oneThread();
        System.out.printf("%39s %30s%n", "batch " + BATCHES[0], "batch " + BATCHES[1]);
        System.out.printf("%-26s %12s %17s %12s %17s   (%s)%n", "input", "loss", "test accuracy", "loss",
                "test accuracy", runs.meaning());
        double raw = row("raw", null, null);
        double minMax = row("min-max", new NormalizerMinMaxScaler(0, 1), null);
        double standardized = row("standardized", new NormalizerStandardize(), null);
        double batch = row("raw, batch norm first", null, new BatchNormalization.Builder().eps(EPS).build());
        double feature = row("raw, feature norm first", null, new FeatureNormalization.Builder().build());
        return String.format("Test accuracy with batches of %d: raw %.1f %%, min-max %.1f %%, standardized %.1f %%, raw with "
                + "batch norm as the first layer %.1f %%, with feature norm %.1f %%.", BATCHES[0], raw, minMax, standardized,
                batch, feature);
    }

    /** {@return the mean accuracy of all runs with the first batch size} */
    private double row(String name, DataNormalization scaling, Layer first) {
        double[][] accuracies = new double[BATCHES.length][runs.count()];
        StringBuilder row = new StringBuilder(String.format("%-26s", name));
        for (int i = 0; i < BATCHES.length; i++) {
            double[] losses = new double[runs.count()];
            for (int run = 0; run < runs.count(); run++) {
                long seed = Runs.seed(seed(), run);
                DataSet train = table(examples(), new Random(seed));
                DataSet test = table(1000, new Random(seed + 1));
                if (scaling != null) {
                    scaling.fit(train);
                    scaling.preProcess(train);
                    scaling.preProcess(test);
                }
                MultiLayerNetwork net = net(first, seed);
                PopulationStatistics.adapt(net, new ViewIterator(train, BATCHES[i]));
                losses[run] = fit(net, train, Math.min(BATCHES[i], train.numExamples()), name);
                accuracies[i][run] = accuracy(net, test);
            }
            row.append(String.format(" %12.3f %15s %%", Runs.mean(losses), Runs.text("%.1f", accuracies[i])));
        }
        System.out.println(row);
        return Runs.mean(accuracies[0]);
    }

    private static MultiLayerNetwork net(Layer first, long seed) {
        NeuralNetConfiguration.ListBuilder layers = new NeuralNetConfiguration.Builder().seed(seed).updater(new Sgd(0.1)).list();
        if (first != null) {
            layers.layer(first.clone());
        }
        layers.layer(new DenseLayer.Builder().nOut(32).activation(Activation.RELU).build());
        layers.layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(CLASSES).activation(Activation.SOFTMAX).build());
        MultiLayerNetwork net = new MultiLayerNetwork(layers.setInputType(InputType.feedForward(COLUMNS)).build());
        net.init();
        return net;
    }

    /** The class is whether just one of two sums of columns is above its mean. */
    private static DataSet table(int rows, Random random) {
        INDArray x = Nd4j.zeros(DataType.FLOAT, rows, COLUMNS);
        INDArray labels = Nd4j.zeros(DataType.FLOAT, rows, CLASSES);
        for (int n = 0; n < rows; n++) {
            double[] plain = random.doubles(COLUMNS, -1, 1).toArray();
            for (int c = 0; c < COLUMNS; c++) {
                // From thousandths to thousands, around something else than 0.
                double unit = Math.pow(10, c - 3.0 - (c > 3 ? 1 : 0));
                x.putScalar(n, c, unit * (plain[c] + 3));
            }
            boolean one = plain[0] + plain[7] > 0 ^ plain[3] + plain[5] > 0;
            labels.putScalar(n, one ? 1 : 0, 1);
        }
        return new DataSet(x, labels);
    }
}
