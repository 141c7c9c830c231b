// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.conf.BatchNormalization;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.preprocessor.DataNormalization;
import org.nd4j.linalg.dataset.api.preprocessor.NormalizerMinMaxScaler;
import org.nd4j.linalg.dataset.api.preprocessor.NormalizerStandardize;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import picocli.CommandLine.Command;

/**
 * Compares ways to scale a table whose columns have different units, from thousandths to thousands: raw, scaled by
 * Deeplearning4j's normalizers before training, and raw with batch norm as the first layer, which learns the scaling and is
 * saved with the model.
 */
@Command(name = "scaling", mixinStandardHelpOptions = true, sortOptions = false, optionListHeading = "%n",
        description = "Compares raw, min-max scaled and standardized input with batch norm as the first layer.")
final class FeatureScaling extends Study {
    private static final int COLUMNS = 8;
    private static final int CLASSES = 2;
    private static final int BATCH = 32;

    FeatureScaling() {
        super(2000, 15);
    }

    @Override
    String run() {
        Map<String, Double> accuracies = new LinkedHashMap<>();
        System.out.printf("%-24s %10s %15s%n", "input", "loss", "test accuracy");
        run("raw", null, false, accuracies);
        run("min-max", new NormalizerMinMaxScaler(0, 1), false, accuracies);
        run("standardized", new NormalizerStandardize(), false, accuracies);
        run("raw, batch norm first", null, true, accuracies);
        return String.format("Test accuracy: raw %.1f %%, min-max %.1f %%, standardized %.1f %%, raw with batch norm as the "
                + "first layer %.1f %%.", accuracies.get("raw"), accuracies.get("min-max"), accuracies.get("standardized"),
                accuracies.get("raw, batch norm first"));
    }

    private void run(String name, DataNormalization scaling, boolean norm, Map<String, Double> accuracies) {
        DataSet train = table(examples(), new Random(seed()));
        DataSet test = table(1000, new Random(seed() + 1));
        if (scaling != null) {
            scaling.fit(train);
            scaling.preProcess(train);
            scaling.preProcess(test);
        }
        NeuralNetConfiguration.ListBuilder layers = new NeuralNetConfiguration.Builder().seed(seed())
                .updater(new Sgd(0.1)).list();
        if (norm) {
            layers.layer(new BatchNormalization.Builder().build());
        }
        layers.layer(new DenseLayer.Builder().nOut(32).activation(Activation.RELU).build());
        layers.layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(CLASSES).activation(Activation.SOFTMAX).build());
        MultiLayerNetwork net = new MultiLayerNetwork(layers.setInputType(InputType.feedForward(COLUMNS)).build());
        net.init();
        double loss = fit(net, train, BATCH, name);
        accuracies.put(name, accuracy(net, test));
        System.out.printf("%-24s %10.4f %13.1f %%%n", name, loss, accuracies.get(name));
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
