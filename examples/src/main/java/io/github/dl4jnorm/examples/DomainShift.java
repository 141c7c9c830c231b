// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.AdaptStatistics;
import java.util.Random;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import picocli.CommandLine.Command;

/**
 * Adapts a trained network to images of another camera, without labels. The network with batch norm is trained on plain digits.
 * The other camera changes contrast and brightness, and adds noise.
 *
 * <p>Three ways are compared with the trained network: statistics of two batches of the other camera, statistics of all its
 * images (AdaBN), and training of gamma and beta that minimizes the entropy of predictions (TENT).
 */
@Command(name = "domain", mixinStandardHelpOptions = true, sortOptions = false, optionListHeading = "%n",
        description = "Trains on digits and adapts the network to images of another camera, without labels.")
final class DomainShift extends ConvolutionStudy {
    /** Contrast, brightness and deviation of the noise. */
    private static final double[][] CAMERAS = {{1, 0, 0}, {0.5, 0.3, 0}, {0.5, 0.3, 0.1}, {0.5, 0.3, 0.2}, {1, 0, 0.3}};
    private static final int CHANNELS = 8;
    private static final int BATCH = 32;
    private static final int FEW = 2;
    private static final double LEARNING_RATE = 0.01;
    private static final double RATE_OF_ADAPTATION = 0.001;
    private static final int ADAPTATION_EPOCHS = 2;

    DomainShift() {
        super(4000, 3);
    }

    @Override
    String run() {
        oneThread();
        ImageData digits = digits();
        MultiLayerNetwork net = ConvNet.create(new NormChoice("batch"), digits.inputType(), digits.classes(), CHANNELS,
                LEARNING_RATE, epochs() * (examples() / BATCH), seed());
        convolutions().enable(net);
        fit(net, digits.train(), BATCH, "batch");
        System.out.printf("%-9s %-11s %-6s %10s %10s %10s %10s%n", "contrast", "brightness", "noise", "trained", FEW + " batches",
                "AdaBN", "TENT");
        double[] mean = new double[4];
        // As many images to adapt to as there are to test on, and others.
        int count = Math.max(BATCH * FEW, digits.test().numExamples() / 2);
        for (double[] camera : CAMERAS) {
            DataSet target = seen(digits.train(), 0, Math.min(count, digits.train().numExamples()), camera);
            DataSet test = seen(digits.test(), 0, digits.test().numExamples(), camera);
            DataSet few = (DataSet) target.getRange(0, Math.min(FEW * BATCH, target.numExamples()));
            MultiLayerNetwork[] nets = {net, AdaptStatistics.recompute(net, new ViewIterator(few, BATCH)),
                AdaptStatistics.recompute(net, new ViewIterator(target, BATCH)),
                AdaptStatistics.minimizeEntropy(net, new ViewIterator(target, BATCH), ADAPTATION_EPOCHS,
                        new Adam(RATE_OF_ADAPTATION))};
            double[] row = new double[nets.length];
            for (int i = 0; i < nets.length; i++) {
                row[i] = accuracy(Convolutions.like(net, nets[i]), test);
                mean[i] += camera == CAMERAS[0] ? 0 : row[i] / (CAMERAS.length - 1);
            }
            System.out.printf("%-9.2f %-+11.1f %-6.1f %8.1f %% %8.1f %% %8.1f %% %8.1f %%%n", camera[0], camera[1], camera[2],
                    row[0], row[1], row[2], row[3]);
        }
        return String.format("Mean accuracy on images of other cameras: as trained %.1f %%, statistics of %d batches %.1f %%, "
                + "AdaBN %.1f %%, TENT %.1f %%.", mean[0], FEW, mean[1], mean[2], mean[3]);
    }

    /** Images as another camera sees them. */
    private DataSet seen(DataSet images, int from, int to, double[] camera) {
        DataSet some = (DataSet) images.getRange(from, to);
        INDArray x = some.getFeatures().mul(camera[0]).addi(camera[1]);
        Random random = new Random(seed() + 7);
        double[] noise = new double[(int) x.length()];
        for (int i = 0; i < noise.length && camera[2] > 0; i++) {
            noise[i] = camera[2] * random.nextGaussian();
        }
        return new DataSet(x.addi(Nd4j.createFromArray(noise).castTo(x.dataType()).reshape(x.shape())), some.getLabels());
    }
}
