// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.layer.NormalizationLayer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.api.Model;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Exchanges parameters with PyTorch, as a .safetensors file, a .npz archive or a directory of .npy files. The ending of the
 * path says which.
 *
 * <p>{@link #saveStateDict} and {@link #loadStateDict} exchange whole networks, as PyTorch's {@code state_dict()} and
 * {@code load_state_dict(strict=True)} do: norms of this library, Deeplearning4j's batch norm, and dense, output, convolution
 * (1D to 3D, transposed, depthwise, separable), embedding, PReLU, LSTM and simple recurrent layers, also in wrappers. Weights
 * get PyTorch's layout. Other layers with parameters are rejected; map their name to null to skip them. In PyTorch:
 * <pre>{@code
 * from safetensors.torch import load_file, save_file
 * model.load_state_dict(load_file("net.safetensors"))
 * save_file(model.state_dict(), "net.safetensors")
 * }</pre>
 *
 * <p>{@link #write} and {@link #read} exchange the parameters of norms only. All parameters of every
 * {@link NormalizationLayer} are written. Layers that normalize internally or normalize their weights (LayerNormLSTM, weight
 * normalization, spectral normalization, weight standardization) are rejected instead of silently skipped; map their name to
 * null to skip them.
 *
 * <p>Arrays have the names of PyTorch's state_dict: {@code <layer>.weight} (gamma), {@code .bias} (beta),
 * {@code .running_mean} and {@code .running_var}. Switchable norms also have {@code .mean_weight} and {@code .var_weight};
 * filter response norms have {@code .tau} (threshold) and {@code .eps} (learned value whose absolute value is added to
 * eps). Norms that count batches (cumulative statistics, batch renormalization) have {@code .num_batches_tracked}: an
 * int64, or one per count if the counts differ. If a file lacks it, the count is unchanged.
 *
 * <p>A gammaOffset is not part of a file: {@code .weight} is gamma itself. Modules that add the same offset, such as Gemma's
 * RMSNorm, read and write the same numbers; for {@code torch.nn.LayerNorm}, first replace the norm by one without an offset
 * ({@link NormReplacement}).
 *
 * <p>Files hold float16, bfloat16 (safetensors), float32 or float64. Values that are not finite in the parameter's type are
 * rejected.
 */
public final class PyTorchWeights {
    private PyTorchWeights() {
    }

    /**
     * Writes the parameters of all norms, using the layer names as module names.
     *
     * @param net  network with norms of this library
     * @param path .safetensors or .npz file, or directory for .npy files
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
     * @param path   .safetensors or .npz file, or directory for .npy files
     * @param module maps a layer name to the name of the PyTorch module, or to null to skip the layer
     * @throws IOException              if writing fails
     * @throws IllegalArgumentException if the network has no norm with parameters, or has unsupported layers
     */
    public static void write(Model net, Path path, UnaryOperator<String> module) throws IOException {
        Map<String, INDArray> arrays = new LinkedHashMap<>();
        Map<String, NormalizationLayer> norms = norms(net, module);
        NormLayers.otherKinds(net).forEach((name, kind) -> {
            if (module.apply(name) != null) {
                throw new IllegalArgumentException("layer \"" + name + "\": expected a norm, got " + kind + ", which is not "
                        + "exported to PyTorch; return null as its module name to skip it");
            }
        });
        norms.forEach((name, layer) -> NormArrays.of(layer).forEach((entry, values) ->
                arrays.put(module.apply(name) + "." + entry, NormArrays.array(entry, values, layer.params().dataType()))));
        if (arrays.isEmpty()) {
            throw new IllegalArgumentException("expected a norm with parameters, got none: " + norms.entrySet().stream()
                    .map(norm -> norm.getValue().layerConf().getClass().getSimpleName() + " layer \"" + norm.getKey()
                            + "\" has no gamma, beta or statistics").collect(Collectors.joining("; ")));
        }
        TensorSource.write(path, arrays);
    }

    /**
     * Reads the parameters of norms, using the layer names as module names.
     *
     * @param net  network with norms of this library; it is modified
     * @param path .safetensors or .npz file, or directory of .npy files
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
     * @param path   .safetensors or .npz file, or directory of .npy files
     * @param module maps a layer name to the name of the PyTorch module, or to null to skip the layer
     * @return names of the layers that were found; the others are unchanged
     * @throws IOException              if an array is missing, damaged or has the wrong shape; nothing is changed then
     * @throws IllegalArgumentException if the network has no norm with parameters
     */
    public static List<String> read(Model net, Path path, UnaryOperator<String> module) throws IOException {
        Map<String, NormalizationLayer> norms = norms(net, module);
        Map<String, Map<String, double[]>> found = new LinkedHashMap<>();
        try (TensorSource source = TensorSource.of(path)) {
            refuseOtherKinds(net, source, module);
            Set<String> names = source.names();
            for (Map.Entry<String, NormalizationLayer> norm : norms.entrySet()) {
                Map<String, double[]> values = read(source, names, module.apply(norm.getKey()), norm.getValue());
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

    /**
     * Writes all parameters of a network, using the layer names as module names.
     *
     * @param net  MultiLayerNetwork or ComputationGraph
     * @param path .safetensors or .npz file, or directory for .npy files
     * @throws IOException              if writing fails
     * @throws IllegalArgumentException if the network has unsupported layers; all are listed
     */
    public static void saveStateDict(Model net, Path path) throws IOException {
        saveStateDict(net, path, UnaryOperator.identity());
    }

    /**
     * Writes all parameters of a network. An LSTM gets the names of {@code torch.nn.LSTM} with one layer; map it to
     * {@code "rnn#1"} if it is the second layer of the module {@code rnn}.
     *
     * @param net    MultiLayerNetwork or ComputationGraph
     * @param path   .safetensors or .npz file, or directory for .npy files
     * @param module maps a layer name to the name of the PyTorch module, or to null to skip the layer; see {@link #inOrder}
     * @throws IOException              if writing fails
     * @throws IllegalArgumentException if the network has unsupported layers, or two layers have the same module; all are listed
     */
    public static void saveStateDict(Model net, Path path, UnaryOperator<String> module) throws IOException {
        TensorSource.write(path, new StateDict(net, module).tensors());
    }

    /**
     * Reads all parameters of a network, using the layer names as module names.
     *
     * @param net  MultiLayerNetwork or ComputationGraph; it is modified
     * @param path .safetensors or .npz file, or directory of .npy files
     * @return names of the layers that have parameters
     * @throws IOException if the file is damaged, or tensors are missing, unexpected or have another shape than the layer needs;
     *                     all are listed, and nothing is changed
     */
    public static List<String> loadStateDict(Model net, Path path) throws IOException {
        return loadStateDict(net, path, UnaryOperator.identity());
    }

    /**
     * Reads all parameters of a network.
     *
     * @param net    MultiLayerNetwork or ComputationGraph; it is modified
     * @param path   .safetensors or .npz file, or directory of .npy files
     * @param module maps a layer name to the name of the PyTorch module, or to null to leave the layer unchanged; see
     *               {@link #inOrder}
     * @return names of the layers that were set
     * @throws IOException as {@link #loadStateDict(Model, Path)}
     */
    public static List<String> loadStateDict(Model net, Path path, UnaryOperator<String> module) throws IOException {
        return loadStateDict(net, path, module, name -> false);
    }

    /**
     * Reads some parameters of a network, such as those before another classifier.
     *
     * @param net     MultiLayerNetwork or ComputationGraph; it is modified
     * @param path    .safetensors or .npz file, or directory of .npy files
     * @param module  maps a layer name to the name of the PyTorch module, or to null to leave the layer unchanged
     * @param ignored accepts the names of tensors that the file may have without a layer for them
     * @return names of the layers that were set
     * @throws IOException as {@link #loadStateDict(Model, Path)}
     */
    public static List<String> loadStateDict(Model net, Path path, UnaryOperator<String> module, Predicate<String> ignored)
            throws IOException {
        StateDict state = new StateDict(net, module);
        try (TensorSource source = TensorSource.of(path)) {
            return state.load(source, ignored);
        }
    }

    /**
     * Assigns modules to the layers that have parameters, in the order from input to output (the topological order of a
     * graph). A safetensors file does not keep the order of modules; PyTorch lists it:
     * <pre>{@code
     * [n for n, m in model.named_modules() if [*m.parameters(recurse=False), *m.buffers(recurse=False)]]
     * }</pre>
     *
     * @param net     MultiLayerNetwork or ComputationGraph
     * @param modules names of PyTorch modules, one for each layer with parameters
     * @return maps the layer names to these modules, for {@link #saveStateDict} and {@link #loadStateDict}
     * @throws IllegalArgumentException if there is another number of layers
     */
    public static UnaryOperator<String> inOrder(Model net, List<String> modules) {
        List<String> layers = List.copyOf(StateDict.withParameters(net).keySet());
        if (layers.size() != modules.size()) {
            throw new IllegalArgumentException("expected a module for each of the " + layers.size() + " layers " + layers
                    + ", got the " + modules.size() + " modules " + modules);
        }
        Map<String, String> byLayer = new HashMap<>();
        for (int i = 0; i < layers.size(); i++) {
            byLayer.put(layers.get(i), modules.get(i));
        }
        return byLayer::get;
    }

    private static Map<String, double[]> read(TensorSource source, Set<String> names, String module,
                                              NormalizationLayer layer) throws IOException {
        Map<String, double[]> wanted = NormArrays.of(layer);
        Map<String, double[]> found = new LinkedHashMap<>();
        List<String> missing = new ArrayList<>();
        for (Map.Entry<String, double[]> entry : wanted.entrySet()) {
            String name = entry.getKey();
            if (names.contains(module + "." + name)) {
                found.put(name, NormArrays.read(source, module + ".", name, layer, entry.getValue().length));
            } else if (!NormArrays.is(name, NormArrays.COUNT)) {
                missing.add(module + "." + name);
            }
        }
        if (!found.isEmpty() && !missing.isEmpty()) {
            throw new IOException(source.path() + ": expected " + missing + " in addition to " + found.keySet() + ", got none");
        }
        for (String entry : new TreeSet<>(NormArrays.names())) {
            // PyTorch always counts batches.
            boolean unknown = !wanted.containsKey(entry) && !entry.equals(NormArrays.COUNT);
            if (unknown && !found.isEmpty() && names.contains(module + "." + entry)) {
                throw new IOException(source.path() + ": layer \"" + module + "\" has no parameter for " + module + "." + entry);
            }
        }
        return found;
    }

    private static void refuseOtherKinds(Model net, TensorSource source, UnaryOperator<String> module) throws IOException {
        for (Map.Entry<String, String> layer : NormLayers.otherKinds(net).entrySet()) {
            String name = module.apply(layer.getKey());
            if (name != null && source.names().stream().anyMatch(tensor -> tensor.startsWith(name + "."))) {
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
}
