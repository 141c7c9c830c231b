// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.nio.file.Path;
import org.nd4j.linalg.dataset.DataSet;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Reads images of a directory for an experiment that otherwise generates its data. */
final class RealData {
    private static final double TEST_FRACTION = 0.2;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(names = "--data", paramLabel = "DIR", description = "Directory with images as IDX files, plain or gzip, instead "
            + "of synthetic data. A fifth of a single pair is for testing.")
    private Path directory;

    boolean isGiven() {
        return directory != null;
    }

    /** Draws examples by the seed: so many for training, and at most so many for testing; pixels are from 0 to 1. */
    ImageData read(int examples, int tests, long seed) throws IOException {
        ImageData all = ImageData.idx(directory, TEST_FRACTION, seed);
        if (examples > all.train().numExamples()) {
            throw new ParameterException(spec.commandLine(), "--examples: " + directory + " has "
                    + all.train().numExamples() + " images for training, not " + examples);
        }
        return new ImageData(drawn(all.train(), examples, seed), drawn(all.test(), tests, seed), true, "handwritten digits")
                .scaled(ImageData.Scale.MINMAX);
    }

    private static DataSet drawn(DataSet images, int count, long seed) {
        images.shuffle(seed);
        return (DataSet) images.getRange(0, Math.min(count, images.numExamples()));
    }
}
