// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.PopulationStatistics;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;
import picocli.CommandLine.Command;

/**
 * Shows how a trained network reacts to a change in lighting. It is trained on digits and tested on others with changed
 * contrast and brightness, x' = contrast·x + brightness.
 *
 * <p>Instance and group norm compute their statistics from the image itself, which cancels most of such a change. Batch norm
 * uses running statistics of the training images. They can be recomputed on new images, without labels and without changing a
 * weight: the last column.
 */
@Command(name = "covariate-shift", mixinStandardHelpOptions = true, sortOptions = false, optionListHeading = "%n",
        description = "Trains on digits and tests at other contrast and brightness, before and after recomputing statistics.")
final class CovariateShift extends ConvolutionStudy {
    private static final double[][] SHIFTS = {{1, 0}, {0.5, 0}, {0.25, 0}, {1, 0.3}, {0.5, 0.5}, {2, -0.2}};
    private static final int CHANNELS = 8;
    private static final int BATCH = 32;
    private static final double LEARNING_RATE = 0.01;

    CovariateShift() {
        super(4000, 3);
    }

    @Override
    String run() {
        oneThread();
        ImageData digits = digits();
        List<MultiLayerNetwork> nets = new ArrayList<>();
        for (String name : List.of("batch", "group", "instance")) {
            MultiLayerNetwork net = ConvNet.create(new NormChoice(name), digits.inputType(), digits.classes(), CHANNELS,
                    LEARNING_RATE, epochs() * (examples() / BATCH), seed());
            convolutions().enable(net);
            fit(net, digits.train(), BATCH, name);
            nets.add(net);
        }
        System.out.printf("%-9s %-11s %9s %9s %9s %18s%n", "contrast", "brightness", "batch", "group", "instance",
                "batch, recomputed");
        double[] mean = new double[4];
        for (double[] shift : SHIFTS) {
            DataSet test = shifted(digits.test(), shift);
            double[] row = new double[4];
            for (int i = 0; i < nets.size(); i++) {
                row[i] = accuracy(nets.get(i), test);
            }
            MultiLayerNetwork repaired = Convolutions.like(nets.get(0), nets.get(0).clone());
            PopulationStatistics.recompute(repaired, new ViewIterator(shifted(digits.train(), shift), BATCH),
                    PopulationStatistics.Method.EXACT, (layer, pass, passes, done) -> { });
            row[3] = accuracy(repaired, test);
            System.out.printf("%-9.2f %-+11.1f %7.1f %% %7.1f %% %7.1f %% %16.1f %%%n", shift[0], shift[1], row[0], row[1],
                    row[2], row[3]);
            for (int i = 0; i < mean.length && shift != SHIFTS[0]; i++) {
                mean[i] += row[i] / (SHIFTS.length - 1);
            }
        }
        return String.format("Mean accuracy under changed lighting: batch norm %.1f %%, group norm %.1f %%, instance "
                + "norm %.1f %%, batch norm with recomputed statistics %.1f %%.", mean[0], mean[1], mean[2],
                mean[3]);
    }

    private static DataSet shifted(DataSet images, double[] shift) {
        return new DataSet(images.getFeatures().mul(shift[0]).addi(shift[1]), images.getLabels());
    }
}
