// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.layer.NormalizationLayer;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.deeplearning4j.nn.api.Model;

/**
 * Exchanges the parameters of norms with PyTorch, as NumPy files: a .npz archive or a directory of .npy files.
 *
 * <p>Arrays have the names of PyTorch's state_dict: {@code <layer>.weight} (gamma), {@code .bias} (beta),
 * {@code .running_mean} and {@code .running_var}. Switchable norms also have {@code .mean_weight} and {@code .var_weight};
 * filter response norms have {@code .tau} (threshold) and {@code .eps} (learned value whose absolute value is added to
 * eps). Norms that count batches (cumulative statistics, batch renormalization) have {@code .num_batches_tracked}: an
 * int64, or one per count if the counts differ. If a file lacks it, the count is unchanged.
 *
 * <p>All parameters of every {@link NormalizationLayer} are written. Layers that normalize internally or normalize their
 * weights (LayerNormLSTM, weight normalization, spectral normalization, weight standardization) are rejected instead of
 * silently skipped; map their name to null to skip them.
 *
 * <p>Files hold float16, float32 or float64 in either byte order. Values that are not finite in the parameter's type are
 * rejected.
 *
 * <p>Read and write these files in PyTorch with:
 * <pre>{@code
 * import numpy, torch
 * state = model.state_dict()
 * for name, array in numpy.load("norms.npz").items():
 *     state[name].copy_(torch.from_numpy(array).view_as(state[name]))
 * numpy.savez("norms.npz", **{name: tensor.cpu().numpy() for name, tensor in state.items()})
 * }</pre>
 */
public final class PyTorchWeights {
    private PyTorchWeights() {
    }

    /**
     * Writes the parameters of all norms, using the layer names as module names.
     *
     * @param net  network with norms of this library
     * @param path .npz file, or directory for .npy files
     * @throws IOException              if writing fails
     * @throws IllegalArgumentException if the network has no norm with parameters, or has unsupported layers
     */
    public static void write(Model net, Path path) throws IOException {
        write(net, path, UnaryOperator.identity());
    }

    /**
     * Writes the parameters of all norms.
     *
     * @param net    network with norms of this library
     * @param path   .npz file, or directory for .npy files
     * @param module maps a layer name to the name of the PyTorch module, or to null to skip the layer
     * @throws IOException              if writing fails
     * @throws IllegalArgumentException if the network has no norm with parameters, or has unsupported layers
     */
    public static void write(Model net, Path path, UnaryOperator<String> module) throws IOException {
        Map<String, byte[]> arrays = new LinkedHashMap<>();
        Map<String, NormalizationLayer> norms = norms(net, module);
        NormLayers.otherKinds(net).forEach((name, kind) -> {
            if (module.apply(name) != null) {
                throw new IllegalArgumentException("layer \"" + name + "\": expected a norm, got " + kind + ", which is not "
                        + "exported to PyTorch; return null as its module name to skip it");
            }
        });
        norms.forEach((name, layer) -> NormArrays.of(layer).forEach((entry, values) ->
                arrays.put(module.apply(name) + "." + entry, NormArrays.bytes(entry, values, layer.params().dataType()))));
        if (arrays.isEmpty()) {
            throw new IllegalArgumentException("expected a norm with parameters, got none: " + norms.entrySet().stream()
                    .map(norm -> norm.getValue().layerConf().getClass().getSimpleName() + " layer \"" + norm.getKey()
                            + "\" has no gamma, beta or statistics").collect(Collectors.joining("; ")));
        }
        if (NpySource.isArchive(path)) {
            writeArchive(arrays, path);
        } else {
            Files.createDirectories(path);
            for (Map.Entry<String, byte[]> array : arrays.entrySet()) {
                WholeFile.write(path.resolve(array.getKey() + ".npy"), part -> Files.write(part, array.getValue()));
            }
        }
    }

    /**
     * Reads the parameters of norms, using the layer names as module names.
     *
     * @param net  network with norms of this library; it is modified
     * @param path .npz file, or directory of .npy files
     * @return names of the layers that were found; the others are unchanged
     * @throws IOException              if an array is missing, damaged or has the wrong shape; nothing is changed then
     * @throws IllegalArgumentException if the network has no norm with parameters
     */
    public static List<String> read(Model net, Path path) throws IOException {
        return read(net, path, UnaryOperator.identity());
    }

    /**
     * Reads the parameters of norms.
     *
     * @param net    network with norms of this library; it is modified
     * @param path   .npz file, or directory of .npy files
     * @param module maps a layer name to the name of the PyTorch module, or to null to skip the layer
     * @return names of the layers that were found; the others are unchanged
     * @throws IOException              if an array is missing, damaged or has the wrong shape; nothing is changed then
     * @throws IllegalArgumentException if the network has no norm with parameters
     */
    public static List<String> read(Model net, Path path, UnaryOperator<String> module) throws IOException {
        Map<String, NormalizationLayer> norms = norms(net, module);
        Map<String, Map<String, double[]>> found = new LinkedHashMap<>();
        try (NpySource source = NpySource.of(path)) {
            refuseOtherKinds(net, source, module);
            for (Map.Entry<String, NormalizationLayer> norm : norms.entrySet()) {
                Map<String, double[]> values = read(source, module.apply(norm.getKey()), norm.getValue());
                if (!values.isEmpty()) {
                    found.put(norm.getKey(), values);
                }
            }
        }
        if (found.isEmpty()) {
            throw new IOException(path + ": expected arrays for the layers " + norms.keySet() + " such as "
                    + module.apply(norms.keySet().iterator().next()) + ".weight, got none");
        }
        found.forEach((name, values) -> NormArrays.set(norms.get(name), values));
        return List.copyOf(found.keySet());
    }

    private static Map<String, double[]> read(NpySource source, String module, NormalizationLayer layer) throws IOException {
        Map<String, double[]> wanted = NormArrays.of(layer);
        Map<String, double[]> found = new LinkedHashMap<>();
        List<String> missing = new ArrayList<>();
        for (Map.Entry<String, double[]> entry : wanted.entrySet()) {
            String name = module + "." + entry.getKey();
            int length = entry.getValue().length;
            byte[] bytes = source.read(name + ".npy", Npy.limit(length));
            if (bytes != null) {
                found.put(entry.getKey(), NormArrays.read(bytes, entry.getKey(), layer, length, source.path() + ": " + name));
            } else if (!entry.getKey().equals(NormArrays.COUNT)) {
                missing.add(name);
            }
        }
        if (!found.isEmpty() && !missing.isEmpty()) {
            throw new IOException(source.path() + ": expected " + missing + " in addition to " + found.keySet() + ", got none");
        }
        for (String entry : new TreeSet<>(NormArrays.names())) {
            // PyTorch always counts batches.
            boolean unknown = !wanted.containsKey(entry) && !entry.equals(NormArrays.COUNT);
            if (unknown && !found.isEmpty() && source.has(module + "." + entry + ".npy")) {
                throw new IOException(source.path() + ": layer \"" + module + "\" has no parameter for " + module + "." + entry);
            }
        }
        return found;
    }

    private static void refuseOtherKinds(Model net, NpySource source, UnaryOperator<String> module) throws IOException {
        for (Map.Entry<String, String> layer : NormLayers.otherKinds(net).entrySet()) {
            String name = module.apply(layer.getKey());
            if (name != null && source.hasAny(name + ".")) {
                throw new IOException(source.path() + ": layer \"" + layer.getKey() + "\": expected a norm, got "
                        + layer.getValue() + ", which is not imported from PyTorch; return null as its module name "
                        + "to skip it");
            }
        }
    }

    private static Map<String, NormalizationLayer> norms(Model net, UnaryOperator<String> module) {
        Map<String, NormalizationLayer> norms = NormLayers.all(net);
        norms.keySet().removeIf(name -> module.apply(name) == null);
        if (norms.isEmpty()) {
            Map<String, String> others = NormLayers.otherKinds(net);
            throw new IllegalArgumentException("expected a network with norms of this library, got "
                    + (others.isEmpty() ? "none; replace Deeplearning4j's norms with NormReplacement"
                    : "only layers that cannot be exchanged with PyTorch: " + others));
        }
        return norms;
    }

    private static void writeArchive(Map<String, byte[]> arrays, Path path) throws IOException {
        WholeFile.write(path, part -> {
            try (OutputStream out = Files.newOutputStream(part); ZipOutputStream zip = new ZipOutputStream(out)) {
                for (Map.Entry<String, byte[]> array : arrays.entrySet()) {
                    zip.putNextEntry(new ZipEntry(array.getKey() + ".npy"));
                    zip.write(array.getValue());
                }
            }
        });
    }
}
