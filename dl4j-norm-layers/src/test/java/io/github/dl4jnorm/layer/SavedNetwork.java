// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.NamedArrays;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.MultiDataSet;

/**
 * A network and a batch: the network is in {@code <name>.zip} as ModelSerializer writes it, the batch in {@code <name>.txt},
 * together with the output in test mode and all parameters after one more step of training with that batch.
 *
 * @param model MultiLayerNetwork or ComputationGraph
 * @param batch arrays {@code input0}, {@code input1}, …, {@code labels}, and for sequences {@code mask}
 */
record SavedNetwork(Model model, Map<String, INDArray> batch) {
    static final String OUTPUT = "output";
    /** Before the key of a parameter after training. */
    static final String TRAINED = "trained.";
    private static final String ZIP = ".zip";
    private static final String INPUT = "input";
    private static final String LABELS = "labels";
    private static final String MASK = "mask";

    static SavedNetwork of(Model model, INDArray labels, INDArray mask, INDArray... inputs) {
        Map<String, INDArray> batch = new LinkedHashMap<>();
        for (int i = 0; i < inputs.length; i++) {
            batch.put(INPUT + i, inputs[i]);
        }
        batch.put(LABELS, labels);
        if (mask != null) {
            batch.put(MASK, mask);
        }
        return new SavedNetwork(model, batch);
    }

    private INDArray[] inputs() {
        return batch.entrySet().stream().filter(array -> array.getKey().startsWith(INPUT)).map(Map.Entry::getValue)
                .toArray(INDArray[]::new);
    }

    INDArray output() {
        if (model instanceof ComputationGraph graph) {
            return graph.outputSingle(inputs());
        }
        return ((MultiLayerNetwork) model).output(inputs()[0], false, batch.get(MASK), batch.get(MASK));
    }

    void fit() {
        if (model instanceof ComputationGraph graph) {
            graph.fit(new MultiDataSet(inputs(), new INDArray[]{batch.get(LABELS)}));
        } else {
            ((MultiLayerNetwork) model).fit(new DataSet(inputs()[0], batch.get(LABELS), batch.get(MASK), batch.get(MASK)));
        }
    }

    Map<String, INDArray> parameters() {
        return model instanceof ComputationGraph graph ? graph.paramTable() : ((MultiLayerNetwork) model).paramTable();
    }

    String json() {
        return model instanceof ComputationGraph graph ? graph.getConfiguration().toJson()
                : ((MultiLayerNetwork) model).getLayerWiseConfigurations().toJson();
    }

    /** Saves the network, then trains it. */
    void write(Path directory, String name) throws IOException {
        ModelSerializer.writeModel(model, directory.resolve(name + ZIP).toFile(), true);
        Map<String, INDArray> arrays = new LinkedHashMap<>(batch);
        arrays.put(OUTPUT, output().dup());
        fit();
        parameters().forEach((key, array) -> arrays.put(TRAINED + key, array));
        NamedArrays.write(arrays, directory.resolve(name + ".txt"));
    }

    /** Loads the network; all arrays of the text file are the batch. */
    static SavedNetwork read(Path directory, String name) throws IOException {
        Path zip = directory.resolve(name + ZIP);
        Model model = savedJson(zip).contains("\"vertices\"") ? ModelSerializer.restoreComputationGraph(zip.toFile(), true)
                : ModelSerializer.restoreMultiLayerNetwork(zip.toFile(), true);
        return new SavedNetwork(model, NamedArrays.read(directory.resolve(name + ".txt"), type(model)));
    }

    /** The configuration as it was saved. */
    static String savedJson(Path zip) throws IOException {
        try (ZipFile file = new ZipFile(zip.toFile());
                InputStream in = file.getInputStream(file.getEntry(ModelSerializer.CONFIGURATION_JSON))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** Configurations of this library's layers by their names or indices. */
    Map<String, org.deeplearning4j.nn.conf.layers.Layer> layers() {
        Map<String, org.deeplearning4j.nn.conf.layers.Layer> layers = new LinkedHashMap<>();
        Layer[] all = model instanceof ComputationGraph graph ? graph.getLayers() : ((MultiLayerNetwork) model).getLayers();
        for (Layer layer : all) {
            org.deeplearning4j.nn.conf.layers.Layer conf = layer.conf().getLayer();
            if (conf.getClass().getName().startsWith("io.github.dl4jnorm.")) {
                layers.put(String.valueOf(layer.getIndex()), conf);
            }
        }
        return layers;
    }

    DataType type() {
        return type(model);
    }

    private static DataType type(Model model) {
        return model.params().dataType();
    }

    /** The networks of a directory. */
    static List<Path> saved(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.toString().endsWith(ZIP)).sorted().toList();
        }
    }

    static String name(Path zip) {
        return zip.getFileName().toString().replace(ZIP, "");
    }
}
