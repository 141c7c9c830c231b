// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.examples.Regularization.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.learning.config.Nesterovs;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Follows the test accuracy with batch norm, dropout, L2 and all combinations while the network of {@link Regularization} trains
 * on labels of which a quarter is drawn at random, once with ReLU and once with tanh. Batch norm learns in fewer steps. Later,
 * it memorizes the wrong labels as the network without it does; with tanh, it keeps an advantage.
 */
@Command(name = "label-noise", mixinStandardHelpOptions = true, sortOptions = false, optionListHeading = "%n",
        description = "Tests batch norm, dropout and L2 after 1, 2, 4, ... epochs of training with label noise.")
final class LabelNoise extends ConvolutionStudy {
    private static final int BATCH = 32;
    private static final double MOMENTUM = 0.9;
    private static final int TESTS = 1000;
    /** Which column shows a short training: 2 epochs. */
    private static final int SHORT = 1;

    @Option(names = "--noise", description = "Share of labels drawn at random (default: ${DEFAULT-VALUE}).")
    private double noise = 0.25;

    @Option(names = "--learning-rate", description = "Learning rate, which falls to a tenth (default: ${DEFAULT-VALUE}).")
    private double learningRate = 0.1;

    @Mixin
    private final Runs runs = new Runs(3);

    LabelNoise() {
        super(600, 16);
    }

    @Override
    String run() {
        require(noise >= 0 && noise <= 1, "--noise must be from 0 to 1, not " + noise);
        require(learningRate > 0, "--learning-rate must be positive, not " + learningRate);
        oneThread();
        List<ImageData> data = new ArrayList<>();
        for (int run = 0; run < runs.count(); run++) {
            ImageData digits = digits(TESTS, Runs.seed(seed(), run));
            Regularization.drawLabels(digits.train().getLabels(), noise, Runs.seed(seed(), run));
            data.add(digits);
        }
        List<Integer> columns = IntStream.iterate(1, epoch -> epoch <= epochs(), epoch -> 2 * epoch).boxed().toList();
        int early = Math.min(SHORT, columns.size() - 1);
        StringBuilder line = new StringBuilder(String.format("Test accuracy with %.0f %% of labels drawn at random, after %d and "
                + "%s:", 100 * noise, columns.get(early), Comparison.epochs(columns.get(columns.size() - 1))));
        for (Activation activation : List.of(Activation.RELU, Activation.TANH)) {
            System.out.printf("%-24s", activation.toString().toLowerCase(Locale.ROOT));
            columns.forEach(epoch -> System.out.printf("%14s", Comparison.epochs(epoch)));
            System.out.printf("   (test accuracy: %s)%n", runs.meaning());
            for (Method method : Method.all()) {
                double[][] accuracies = train(method, activation, data, columns);
                StringBuilder row = new StringBuilder(String.format("%-24s", method));
                for (double[] column : accuracies) {
                    row.append(String.format("%12s %%", Runs.text("%.1f", column)));
                }
                System.out.println(row);
                if (List.of("nothing", "dropout", "L2", "batch norm").contains(method.toString())) {
                    line.append(String.format(" %s, %s %.1f and %.1f %%;", activation.toString().toLowerCase(Locale.ROOT), method,
                            Runs.mean(accuracies[early]), Runs.mean(accuracies[columns.size() - 1])));
                }
            }
        }
        return line.deleteCharAt(line.length() - 1).append('.').toString();
    }

    /** {@return the accuracy after some of the epochs, by epoch and run} */
    private double[][] train(Method method, Activation activation, List<ImageData> data, List<Integer> tested) {
        double[][] accuracies = new double[tested.size()][data.size()];
        for (int i = 0; i < data.size(); i++) {
            int run = i;
            ImageData digits = data.get(run);
            Nesterovs updater = new Nesterovs(ConvNet.falling(learningRate, iterations(BATCH)), MOMENTUM);
            MultiLayerNetwork net = Regularization.net(method, activation, digits, updater, Runs.seed(seed(), run));
            convolutions().enable(net);
            fit(net, digits.train(), BATCH, activation + ", " + method + ", run " + (run + 1), epoch -> {
                if (tested.contains(epoch)) {
                    accuracies[tested.indexOf(epoch)][run] = accuracy(net, digits.test());
                }
            });
        }
        return accuracies;
    }
}
