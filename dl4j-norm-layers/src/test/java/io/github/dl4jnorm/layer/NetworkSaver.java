// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.layer.TestNetwork.Setup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Nesterovs;

/** Trains networks and saves them where there are none of the name. */
abstract class NetworkSaver {
    static final int EXAMPLES = 3;
    private static final int STEPS = 2;

    final Path directory;
    final Random random = new Random(20);

    NetworkSaver(Path directory) {
        this.directory = directory;
    }

    /** Multiples of 1/32, which every data type and few digits hold. */
    INDArray drawn(DataType type, long... shape) {
        int length = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        double[] numbers = new double[length];
        Arrays.setAll(numbers, i -> Math.round(32 * (0.5 + 1.5 * random.nextGaussian())) / 32.0);
        return Nd4j.createFromArray(numbers).reshape('c', shape).castTo(type);
    }

    boolean isThere(String name) {
        return Files.exists(directory.resolve(name + ".zip"));
    }

    /** Trains a network with batches like those given, and saves it. */
    void save(String name, Model model, INDArray labels, INDArray mask, INDArray... inputs) throws IOException {
        if (isThere(name)) {
            return;
        }
        train(model, labels, mask, inputs);
        SavedNetwork.of(model, labels, mask, inputs).write(directory, name);
    }

    void train(Model model, INDArray labels, INDArray mask, INDArray... inputs) {
        for (int step = 0; step < STEPS; step++) {
            INDArray[] others = Stream.of(inputs).map(x -> drawn(x.dataType(), x.shape())).toArray(INDArray[]::new);
            SavedNetwork.of(model, labels, mask, others).fit();
        }
    }

    static Setup setup(DataType type) {
        return type == DataType.DOUBLE ? Setup.of(type) : Setup.of(type).updater(new Nesterovs(0.05, 0.9));
    }

    INDArray input(Kind kind, DataType type) {
        return drawn(type, kind.input(EXAMPLES, type).shape());
    }

    /** A layer of the kind, the layers, an output layer. */
    static Model around(Kind kind, DataType type, Layer... layers) {
        List<Layer> all = new ArrayList<>(List.of(kind.before()));
        all.addAll(List.of(layers));
        all.add(kind.output());
        return TestNetwork.of(false, setup(type), kind.inputType(), all).model();
    }

    void save(String name, Kind kind, DataType type, Layer... layers) throws IOException {
        save(name, around(kind, type, layers), kind.labels(EXAMPLES, type), null, input(kind, type));
    }

    static String name(Object... parts) {
        return String.join("-", Stream.of(parts).map(part -> part.toString().toLowerCase().replace('_', '-')).toList());
    }
}
