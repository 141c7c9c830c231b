// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.deeplearning4j.common.resources.DL4JResources;
import org.deeplearning4j.common.resources.ResourceType;
import org.deeplearning4j.datasets.fetchers.DataSetType;
import org.deeplearning4j.datasets.iterator.impl.Cifar10DataSetIterator;
import org.deeplearning4j.datasets.iterator.impl.MnistDataSetIterator;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** Loads data sets that Deeplearning4j downloads once and caches. Offline it fails with advice instead of waiting. */
final class OnlineData {
    private static final int SECONDS_TO_START = 12;

    private OnlineData() {
    }

    static ImageData mnist(long seed) throws IOException {
        return load("MNIST", () -> new ImageData(
                images(new MnistDataSetIterator(60_000, true, (int) seed)),
                images(new MnistDataSetIterator(10_000, false, (int) seed)), false, "MNIST"));
    }

    static ImageData cifar10(long seed) throws IOException {
        return load("cifar10", () -> new ImageData(
                images(new Cifar10DataSetIterator(50_000, null, DataSetType.TRAIN, null, seed)),
                images(new Cifar10DataSetIterator(10_000, null, DataSetType.TEST, null, seed)), false, "CIFAR-10"));
    }

    /** All examples at once, as images. */
    private static DataSet images(DataSetIterator iterator) {
        DataSet all = iterator.next();
        INDArray features = all.getFeatures();
        if (features.rank() == 2) {
            long side = Math.round(Math.sqrt(features.size(1)));
            all.setFeatures(features.reshape('c', features.size(0), 1, side, side));
        }
        return all;
    }

    private static ImageData load(String name, Callable<ImageData> source) throws IOException {
        FutureTask<ImageData> loading = new FutureTask<>(source);
        Thread thread = new Thread(loading, "loading " + name);
        thread.setDaemon(true);
        thread.start();
        String advice = " could not be downloaded; pass your own files with --data DIR (IDX format) "
                + "or use --dataset generated";
        try {
            try {
                return loading.get(SECONDS_TO_START, TimeUnit.SECONDS);
            } catch (TimeoutException e) {
                if (!hasArrived(name)) {
                    throw new IOException(name + advice, e);
                }
                return loading.get();
            }
        } catch (ExecutionException e) {
            throw new IOException(name + advice, e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while loading " + name, e);
        }
    }

    /** Whether some of the data is on this machine: then it is slow, not out of reach. */
    private static boolean hasArrived(String name) throws IOException {
        File kept = DL4JResources.getDirectory(ResourceType.DATASET, name);
        Path temporary = Path.of(System.getProperty("java.io.tmpdir"), name + "_dl4j.v1.zip");
        if (Files.isRegularFile(temporary) && Files.size(temporary) > 0) {
            return true;
        }
        try (Stream<Path> files = Files.walk(kept.toPath())) {
            return files.filter(Files::isRegularFile).anyMatch(file -> file.toFile().length() > 0);
        }
    }
}
