// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.bytedeco.hdf5.Attribute;
import org.bytedeco.hdf5.DataSet;
import org.bytedeco.hdf5.DataSpace;
import org.bytedeco.hdf5.Group;
import org.bytedeco.hdf5.H5File;
import org.bytedeco.hdf5.H5Object;
import org.bytedeco.hdf5.PredType;
import org.bytedeco.hdf5.StrType;
import org.bytedeco.hdf5.global.hdf5;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.deeplearning4j.nn.modelimport.keras.Hdf5Archive;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * Writes .h5 files as {@code model.save("….h5")} of Keras 2 and 3 does: the model's configuration as JSON in an attribute, a
 * group with the weights of each layer. Layers stand in a row.
 */
final class KerasFile {
    private final boolean third;
    private final boolean functional;
    private final int[] shape;
    private String version;
    private final List<Map<String, Object>> layers = new ArrayList<>();
    private final Map<String, Map<String, float[]>> weights = new LinkedHashMap<>();
    private final Map<String, int[]> shapes = new TreeMap<>();

    /** A model of Keras 3 or 2, Functional or Sequential, with input of a shape (without the examples). */
    KerasFile(boolean third, boolean functional, int... shape) {
        this.third = third;
        this.functional = functional;
        this.shape = shape;
        version = third ? "3.5.0" : "2.9.0";
    }

    /** Says another version, or none if null. */
    KerasFile version(String other) {
        version = other;
        return this;
    }

    KerasFile layer(String className, String name, Map<String, Object> options) {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("name", name);
        config.put("trainable", true);
        config.put("dtype", third ? Map.of("module", "keras", "class_name", "DTypePolicy", "config",
                Map.of("name", "float32"), "registered_name", "") : "float32");
        config.putAll(options);
        Map<String, Object> layer = new LinkedHashMap<>();
        layer.put("class_name", className);
        layer.put("config", config);
        if (third) {
            layer.put("module", "keras.layers");
            layer.put("build_config", Map.of());
        }
        layers.add(layer);
        weights.put(name, new LinkedHashMap<>());
        return this;
    }

    /** A weight of the last layer. */
    KerasFile weight(String name, float[] values, int... dimensions) {
        String layer = name(layers.get(layers.size() - 1));
        weights.get(layer).put(name, values);
        shapes.put(layer + "/" + name, dimensions.length == 0 ? new int[]{values.length} : dimensions);
        return this;
    }

    private static String name(Map<String, Object> layer) {
        return (String) ((Map<?, ?>) layer.get("config")).get("name");
    }

    private Map<String, Object> input() {
        List<Object> batchShape = new ArrayList<>();
        batchShape.add(null);
        for (int dimension : shape) {
            batchShape.add(dimension);
        }
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("name", "input_1");
        config.put("dtype", "float32");
        config.put("sparse", false);
        config.put(third ? "batch_shape" : "batch_input_shape", batchShape);
        return new LinkedHashMap<>(Map.of("class_name", "InputLayer", "config", config));
    }

    private String json() throws JsonProcessingException {
        List<Map<String, Object>> all = new ArrayList<>();
        all.add(input());
        all.addAll(layers);
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("name", "model");
        config.put("layers", all);
        if (functional) {
            for (int i = 0; i < all.size(); i++) {
                all.get(i).put("name", name(all.get(i)));
                all.get(i).put("inbound_nodes", i == 0 ? List.of() : inbound(name(all.get(i - 1))));
            }
            List<Object> in = List.of("input_1", 0, 0);
            List<Object> out = List.of(name(all.get(all.size() - 1)), 0, 0);
            config.put("input_layers", third ? in : List.of(in));
            config.put("output_layers", third ? out : List.of(out));
        }
        return new ObjectMapper().writeValueAsString(Map.of("class_name", functional ? "Functional" : "Sequential",
                "config", config));
    }

    private List<Object> inbound(String from) {
        return third ? List.of(Map.of("args", List.of(Map.of("class_name", "__keras_tensor__", "config",
                Map.of("shape", List.of(1), "dtype", "float32", "keras_history", List.of(from, 0, 0)))), "kwargs", Map.of()))
                : List.of(List.of(List.of(from, 0, 0, Map.of())));
    }

    /** Where a weight is: Keras 2 has the layer's name twice, Keras 3 a path that in Sequential begins with the model's. */
    private String path(String layer, String weight) {
        return third ? (functional ? "" : "model/") + layer + "/" + weight : layer + "/" + weight + ":0";
    }

    Path write(Path file) throws JsonProcessingException {
        // HDF5 takes no calls from two threads: what is made here must not be left to the thread that frees memory.
        synchronized (Hdf5Archive.LOCK_OBJECT) {
            try (PointerScope scope = new PointerScope()) {
                return writeHere(file);
            }
        }
    }

    /** Writes what model.save_weights of Keras 3 or 2 writes, without any layer. */
    static Path weightsAlone(boolean third, Path file) {
        synchronized (Hdf5Archive.LOCK_OBJECT) {
            try (PointerScope scope = new PointerScope()) {
                H5File h5 = new H5File(file.toString(), hdf5.H5F_ACC_TRUNC());
                if (third) {
                    h5.createGroup("layers")._close();
                } else {
                    attributes(h5, "layer_names", List.of());
                    attribute(h5, "keras_version", "2.9.0");
                }
                h5._close();
                return file;
            }
        }
    }

    private Path writeHere(Path file) throws JsonProcessingException {
        H5File h5 = new H5File(file.toString(), hdf5.H5F_ACC_TRUNC());
        attribute(h5, "model_config", json());
        if (version != null) {
            attribute(h5, "keras_version", version);
        }
        attribute(h5, "backend", "tensorflow");
        Group root = h5.createGroup("model_weights");
        attributes(root, "layer_names", new ArrayList<>(weights.keySet()));
        weights.forEach((layer, arrays) -> {
            Group group = h5.createGroup("model_weights/" + layer);
            attributes(group, "weight_names", arrays.keySet().stream().map(name -> path(layer, name)).toList());
            Set<String> made = new HashSet<>();
            for (Map.Entry<String, float[]> array : arrays.entrySet()) {
                String path = "model_weights/" + layer + "/" + path(layer, array.getKey());
                String parent = path.substring(0, path.lastIndexOf('/'));
                createGroups(h5, "model_weights/" + layer, parent, made);
                int[] dimensions = shapes.get(layer + "/" + array.getKey());
                DataSet set = h5.createDataSet(path, PredType.NATIVE_FLOAT(), new DataSpace(dimensions.length,
                        Arrays.stream(dimensions).asLongStream().toArray()));
                set.write(new FloatPointer(array.getValue()), PredType.NATIVE_FLOAT());
                set._close();
            }
            group._close();
        });
        root._close();
        h5._close();
        return file;
    }

    private static void createGroups(H5File h5, String from, String to, Set<String> made) {
        String path = from;
        for (String part : to.substring(from.length() + 1).split("/")) {
            path += "/" + part;
            if (made.add(path)) {
                h5.createGroup(path)._close();
            }
        }
    }

    private static void attribute(H5Object object, String name, String value) {
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        StrType type = new StrType(PredType.C_S1(), bytes.length);
        Attribute attribute = object.createAttribute(name, type, new DataSpace(hdf5.H5S_SCALAR));
        attribute.write(type, new BytePointer(bytes));
        attribute._close();
    }

    private static void attributes(H5Object object, String name, List<String> values) {
        int length = values.stream().mapToInt(String::length).max().orElse(1);
        byte[] bytes = new byte[Math.max(1, values.size()) * length];
        for (int i = 0; i < values.size(); i++) {
            byte[] value = values.get(i).getBytes(StandardCharsets.UTF_8);
            System.arraycopy(value, 0, bytes, i * length, value.length);
        }
        StrType type = new StrType(PredType.C_S1(), length);
        Attribute attribute = object.createAttribute(name, type, new DataSpace(1, new long[]{Math.max(1, values.size())}));
        attribute.write(type, new BytePointer(bytes));
        attribute._close();
    }
}
