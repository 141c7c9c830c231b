// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.SplitTestAndTrain;
import org.nd4j.linalg.dataset.api.preprocessor.DataNormalization;
import org.nd4j.linalg.dataset.api.preprocessor.ImagePreProcessingScaler;
import org.nd4j.linalg.dataset.api.preprocessor.NormalizerMinMaxScaler;
import org.nd4j.linalg.dataset.api.preprocessor.NormalizerStandardize;

/**
 * Holds labeled images for training and testing in memory.
 *
 * @param train  training examples
 * @param test   test examples
 * @param pixels whether values are pixels from 0 to 255
 * @param name   display name
 */
record ImageData(DataSet train, DataSet test, boolean pixels, String name) {
    private static final int GENERATED_TRAIN = 4000;
    private static final int GENERATED_TEST = 1000;

    /** How input is scaled. */
    enum Scale {
        MINMAX, STANDARDIZE, NONE;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Digits made on the spot. */
    static ImageData generated(long seed) {
        return new ImageData(GeneratedDigits.create(GENERATED_TRAIN, seed), GeneratedDigits.create(GENERATED_TEST, seed + 1),
                true, "generated digits");
    }

    /** IDX files; a directory with one pair only is split. */
    static ImageData idx(Path directory, double testFraction, long seed) throws IOException {
        if (!Files.isDirectory(directory)) {
            throw new IOException(directory + " is not a directory");
        }
        DataSet train = IdxFiles.read(directory, "train");
        DataSet test = IdxFiles.read(directory, "t10k");
        if (train == null && test == null) {
            throw new IOException(directory + " has no IDX files such as t10k-images-idx3-ubyte.gz");
        }
        if (train != null && test != null) {
            requireSameSize(directory, train.getFeatures().shape(), test.getFeatures().shape());
            return new ImageData(train, test, true, directory.toString());
        }
        DataSet all = train == null ? test : train;
        all.shuffle(seed);
        int trainCount = (int) Math.round(all.numExamples() * (1 - testFraction));
        if (trainCount < 1 || trainCount >= all.numExamples()) {
            throw new IOException("a test fraction of " + testFraction + " leaves none of " + all.numExamples()
                    + " examples for " + (trainCount < 1 ? "training" : "testing"));
        }
        SplitTestAndTrain split = all.splitTestAndTrain(trainCount);
        return new ImageData(split.getTrain(), split.getTest(), true, directory.toString());
    }

    private static void requireSameSize(Path directory, long[] train, long[] test) throws IOException {
        if (train[2] != test[2] || train[3] != test[3]) {
            throw new IOException(String.format("%s: expected images of one size, got %dx%d in train and %dx%d in t10k",
                    directory, train[2], train[3], test[2], test[3]));
        }
    }

    /** Scales both parts with Deeplearning4j's own normalizers, fitted to the training part. */
    ImageData scaled(Scale scale) {
        if (scale != Scale.NONE) {
            DataNormalization normalizer = switch (scale) {
                // Where the range is known nothing has to be fitted.
                case MINMAX -> pixels ? new ImagePreProcessingScaler(0, 1) : new NormalizerMinMaxScaler(0, 1);
                default -> new NormalizerStandardize();
            };
            normalizer.fit(train);
            normalizer.preProcess(train);
            normalizer.preProcess(test);
        }
        return this;
    }

    InputType.InputTypeConvolutional inputType() {
        INDArray features = train.getFeatures();
        return (InputType.InputTypeConvolutional) InputType.convolutional(
                features.size(2), features.size(3), features.size(1));
    }

    int classes() {
        return (int) train.getLabels().size(1);
    }
}
