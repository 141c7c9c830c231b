// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static io.github.dl4jnorm.conf.NormParameter.BATCHES;
import static io.github.dl4jnorm.conf.NormParameter.BETA;
import static io.github.dl4jnorm.conf.NormParameter.GAMMA;
import static io.github.dl4jnorm.conf.NormParameter.MEAN_WEIGHT;
import static io.github.dl4jnorm.conf.NormParameter.VAR_WEIGHT;

import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.pass.Numbers;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.deeplearning4j.nn.api.Model;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Moves what norms have learned between this library and PyTorch, in NumPy's format: a .npz archive, or a directory of .npy
 * files. Names are those of PyTorch's state_dict: {@code <layer>.weight} (gamma), {@code .bias} (beta),
 * {@code .running_mean}, {@code .running_var}; of switchable norms {@code .mean_weight} and {@code .var_weight}, too. Norms
 * that count the batches they have taken up (cumulative statistics, batch renormalization) have
 * {@code .num_batches_tracked}, an int64; where a file lacks it, the count stays. Where channels, or mean and variance, have seen
 * different numbers of batches, that is the largest one, and all are in {@code .num_batches_seen}, which PyTorch does not know.
 *
 * <p>PyTorch's side, which reads and writes:
 * <pre>{@code
 * import numpy, torch
 * state = model.state_dict()
 * for name, array in numpy.load("norms.npz").items():
 *     if name in state: state[name].copy_(torch.from_numpy(array).view_as(state[name]))
 * numpy.savez("norms.npz", **{name: tensor.cpu().numpy() for name, tensor in state.items()})
 * }</pre>
 */
public final class PyTorchWeights {
    private static final String MEAN = "running_mean";
    private static final String VARIANCE = "running_var";
    private static final String COUNT = "num_batches_tracked";
    /** All counts of batches, where they differ. */
    private static final String COUNTS = "num_batches_seen";
    /** Parameters that are arrays of their own on both sides. */
    private static final Map<String, String> NAMES = Map.of(GAMMA, "weight", BETA, "bias", MEAN_WEIGHT, "mean_weight",
            VAR_WEIGHT, "var_weight", BATCHES, COUNT);

    private PyTorchWeights() {
    }

    /**
     * Writes what all norms have learned, under the names of the layers.
     *
     * @param net  network with norms of this library
     * @param path .npz file, or directory that gets .npy files
     * @throws IOException              if that cannot be written
     * @throws IllegalArgumentException if the network has no such norm
     */
    public static void write(Model net, Path path) throws IOException {
        write(net, path, UnaryOperator.identity());
    }

    /**
     * Writes what all norms have learned.
     *
     * @param net    network with norms of this library
     * @param path   .npz file, or directory that gets .npy files
     * @param module gives the name of PyTorch's module for that of a layer
     * @throws IOException              if that cannot be written
     * @throws IllegalArgumentException if the network has no such norm
     */
    public static void write(Model net, Path path, UnaryOperator<String> module) throws IOException {
        Map<String, byte[]> arrays = new LinkedHashMap<>();
        norms(net).forEach((name, layer) -> values(layer).forEach((entry, values) ->
                arrays.put(module.apply(name) + "." + entry, entry.equals(COUNT) ? Npy.bytes(Math.round(most(values)))
                        : Npy.bytes(values, entry.equals(COUNTS) ? DataType.DOUBLE : layer.params().dataType()))));
        if (NpySource.isArchive(path)) {
            writeArchive(arrays, path);
        } else {
            Files.createDirectories(path);
            for (String name : norms(net).keySet()) {
                Files.deleteIfExists(path.resolve(module.apply(name) + "." + COUNTS + ".npy"));
            }
            for (Map.Entry<String, byte[]> array : arrays.entrySet()) {
                Files.write(path.resolve(array.getKey() + ".npy"), array.getValue());
            }
        }
    }

    /**
     * Reads what norms have learned, under the names of the layers.
     *
     * @param net  network with norms of this library; it is changed
     * @param path .npz file, or directory of .npy files
     * @return names of the layers found there; the others stay as they are
     * @throws IOException              if an array is missing, damaged or of another shape; nothing is changed then
     * @throws IllegalArgumentException if the network has no such norm
     */
    public static List<String> read(Model net, Path path) throws IOException {
        return read(net, path, UnaryOperator.identity());
    }

    /**
     * Reads what norms have learned.
     *
     * @param net    network with norms of this library; it is changed
     * @param path   .npz file, or directory of .npy files
     * @param module gives the name of PyTorch's module for that of a layer
     * @return names of the layers found there; the others stay as they are
     * @throws IOException              if an array is missing, damaged or of another shape; nothing is changed then
     * @throws IllegalArgumentException if the network has no such norm
     */
    public static List<String> read(Model net, Path path, UnaryOperator<String> module) throws IOException {
        Map<String, NormalizationLayer> norms = norms(net);
        Map<String, Map<String, double[]>> found = new LinkedHashMap<>();
        try (NpySource source = NpySource.of(path)) {
            for (Map.Entry<String, NormalizationLayer> norm : norms.entrySet()) {
                Map<String, double[]> values = read(source, module.apply(norm.getKey()), norm.getValue());
                if (!values.isEmpty()) {
                    found.put(norm.getKey(), values);
                }
            }
        }
        if (found.isEmpty()) {
            throw new IOException(path + ": expected arrays of the layers " + norms.keySet() + " such as "
                    + module.apply(norms.keySet().iterator().next()) + ".weight, got none");
        }
        found.forEach((name, values) -> set(norms.get(name), values));
        return List.copyOf(found.keySet());
    }

    private static Map<String, double[]> read(NpySource source, String module, NormalizationLayer layer) throws IOException {
        Map<String, double[]> wanted = values(layer);
        wanted.remove(COUNTS);
        Map<String, double[]> found = new LinkedHashMap<>();
        List<String> missing = new ArrayList<>();
        for (Map.Entry<String, double[]> entry : wanted.entrySet()) {
            String name = module + "." + entry.getKey();
            int length = entry.getValue().length;
            String what = source.path() + ": " + name;
            byte[] bytes = source.read(name + ".npy", Npy.MAX_HEADER + 8 * length);
            boolean count = entry.getKey().equals(COUNT);
            if (bytes != null) {
                found.put(entry.getKey(), checked(count ? Npy.integer(bytes, what) : Npy.values(bytes, length, what),
                        count || entry.getKey().equals(VARIANCE) ? 0 : Double.NEGATIVE_INFINITY, what));
            } else if (!count) {
                missing.add(name);
            }
        }
        int counts = wanted.containsKey(COUNT) ? wanted.get(COUNT).length : 0;
        String name = module + "." + COUNTS;
        byte[] all = counts > 1 ? source.read(name + ".npy", Npy.MAX_HEADER + 8 * counts) : null;
        if (all != null) {
            found.put(COUNTS, checked(Npy.values(all, counts, source.path() + ": " + name), 0, source.path() + ": " + name));
        }
        if (!found.isEmpty() && !missing.isEmpty()) {
            throw new IOException(source.path() + ": expected " + missing + " beside " + found.keySet() + ", got none");
        }
        for (String entry : List.of("weight", "bias", MEAN, VARIANCE)) {
            if (!wanted.containsKey(entry) && !found.isEmpty() && source.has(module + "." + entry + ".npy")) {
                throw new IOException(source.path() + ": layer \"" + module + "\" has no place for " + module + "." + entry);
            }
        }
        return found;
    }

    private static double[] checked(double[] values, double least, String what) throws IOException {
        for (double value : values) {
            if (!Double.isFinite(value) || value < least) {
                throw new IOException(what + ": expected " + (least == 0 ? "non-negative" : "finite") + " numbers, got " + value);
            }
        }
        return values;
    }

    private static Map<String, NormalizationLayer> norms(Model net) {
        Map<String, NormalizationLayer> norms = NormLayers.all(net);
        if (norms.isEmpty()) {
            throw new IllegalArgumentException("expected a network with norms of this library, got none; NormReplacement puts "
                    + "them in place of Deeplearning4j's");
        }
        return norms;
    }

    /** What a layer has learned, by PyTorch's names. */
    private static Map<String, double[]> values(NormalizationLayer layer) {
        Map<String, double[]> values = new LinkedHashMap<>();
        layer.layerConf().parameters().forEach(parameter -> {
            if (NAMES.containsKey(parameter.name())) {
                values.put(NAMES.get(parameter.name()), BatchNormMap.doubles(layer.getParam(parameter.name())));
                if (parameter.name().equals(BATCHES) && !allEqual(values.get(COUNT))) {
                    values.put(COUNTS, values.get(COUNT));
                }
            }
        });
        if (layer.layerConf() instanceof RunningNormLayer conf && conf.tracksStatistics()) {
            values.put(MEAN, layer.runningMean());
            values.put(VARIANCE, layer.runningVariance());
        }
        return values;
    }

    private static boolean allEqual(double[] counts) {
        return Arrays.stream(counts).allMatch(count -> count == counts[0]);
    }

    private static double[] filled(double value, int length) {
        double[] values = new double[length];
        Arrays.fill(values, value);
        return values;
    }

    private static double most(double[] counts) {
        return Arrays.stream(counts).max().orElse(0);
    }

    private static void set(NormalizationLayer layer, Map<String, double[]> values) {
        NAMES.forEach((param, entry) -> {
            if (values.containsKey(entry)) {
                INDArray target = layer.getParam(param);
                if (entry.equals(COUNT)) {
                    // One count, as PyTorch has, is that of all.
                    Numbers.write(values.getOrDefault(COUNTS, filled(values.get(COUNT)[0], (int) target.length())), target);
                    return;
                }
                target.assign(Nd4j.createFromArray(values.get(entry)).castTo(target.dataType()));
            }
        });
        if (values.containsKey(MEAN)) {
            layer.setRunningStatistics(values.get(MEAN), values.get(VARIANCE));
        }
    }

    /** Writes beside the file and renames, so that there is a whole archive or what was there before. */
    private static void writeArchive(Map<String, byte[]> arrays, Path path) throws IOException {
        Path part = path.resolveSibling(path.getFileName() + ".part");
        try {
            try (OutputStream out = Files.newOutputStream(part); ZipOutputStream zip = new ZipOutputStream(out)) {
                for (Map.Entry<String, byte[]> array : arrays.entrySet()) {
                    zip.putNextEntry(new ZipEntry(array.getKey() + ".npy"));
                    zip.write(array.getValue());
                }
            }
            Files.move(part, path, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }
}
