// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.layer.NormalizationLayer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.graph.PreprocessorVertex;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.preprocessor.Cnn3DToFeedForwardPreProcessor;
import org.deeplearning4j.nn.conf.preprocessor.CnnToFeedForwardPreProcessor;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.common.util.ArrayUtil;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** All parameters of a network under the names of PyTorch's state_dict. */
final class StateDict {
    /** How many problems a message lists. */
    private static final int MOST_PROBLEMS = 50;
    private static final String CHANNELS_LAST = "expected a dense layer where channels-last input is flattened, got ";

    private final Map<String, Entry> layers = new LinkedHashMap<>();
    private final List<String> problems = new ArrayList<>();

    /**
     * A layer that has a module.
     *
     * @param layer   "layer" and its name, for messages
     * @param prefix  what the names of its tensors begin with
     * @param norm    a norm of this library, or null
     * @param tensors parameters of another layer
     */
    private record Entry(String layer, String prefix, NormalizationLayer norm, List<TorchTensor> tensors) {
    }

    StateDict(Model net, UnaryOperator<String> module) {
        Map<String, Layer> configurations = NormLayers.configurations(net);
        Map<String, org.deeplearning4j.nn.api.Layer> running = NormLayers.whole(net);
        requireDenseAfterChannelsLast(net, configurations);
        withParameters(net).forEach((name, key) -> {
            String path = module.apply(name);
            if (path != null && running.containsKey(key)) {
                add(name, path, NormLayers.unwrapped(running.get(key)), NormLayers.unwrapped(configurations.get(key)),
                        flattened(preProcessor(net, key)));
            } else if (path != null) {
                refuse("vertex \"" + name + "\"", "a vertex with parameters");
            }
        });
    }

    /** Only dense layers can have their weights put in another order. */
    private void requireDenseAfterChannelsLast(Model net, Map<String, Layer> configurations) {
        configurations.forEach((key, conf) -> {
            if (flattened(preProcessor(net, key)) != null && !TorchTensor.isLinear(NormLayers.unwrapped(conf))) {
                problems.add("layer \"" + key + "\": " + CHANNELS_LAST + conf.getClass().getSimpleName());
            }
        });
        if (net instanceof ComputationGraph graph) {
            graph.getConfiguration().getVertices().forEach((key, vertex) -> {
                if (vertex instanceof PreprocessorVertex between && flattened(between.getPreProcessor()) != null) {
                    problems.add("vertex \"" + key + "\": " + CHANNELS_LAST + "a vertex");
                }
            });
        }
    }

    /** Keys of the layers that have parameters, by their names, from input to output; then vertices that have some. */
    static Map<String, String> withParameters(Model net) {
        Map<String, String> keys = new LinkedHashMap<>();
        Map<String, Layer> configurations = NormLayers.configurations(net);
        NormLayers.whole(net).forEach((key, layer) -> {
            if (layer.numParams() > 0) {
                String name = configurations.get(key).getLayerName();
                keys.put(name == null || keys.containsKey(name) ? key : name, key);
            }
        });
        if (net instanceof ComputationGraph graph) {
            Arrays.stream(graph.getVertices()).filter(vertex -> !vertex.hasLayer() && vertex.numParams() > 0)
                    .forEach(vertex -> keys.put(vertex.getVertexName(), vertex.getVertexName()));
        }
        return keys;
    }

    private static InputPreProcessor preProcessor(Model net, String key) {
        return net instanceof MultiLayerNetwork sequence
                ? sequence.getLayerWiseConfigurations().getInputPreProcess(Integer.parseInt(key))
                : ((LayerVertex) ((ComputationGraph) net).getConfiguration().getVertices().get(key)).getPreProcessor();
    }

    /** Sizes of what Deeplearning4j flattens with its channels last, where PyTorch flattens it with its channels first. */
    private static long[] flattened(InputPreProcessor processor) {
        if (processor instanceof CnnToFeedForwardPreProcessor image && image.getFormat() == CNN2DFormat.NHWC) {
            return new long[]{image.getInputHeight(), image.getInputWidth(), image.getNumChannels()};
        }
        return processor instanceof Cnn3DToFeedForwardPreProcessor volume && !volume.isNCDHW()
                ? new long[]{volume.getInputDepth(), volume.getInputHeight(), volume.getInputWidth(), volume.getNumChannels()}
                : null;
    }

    private void add(String name, String module, org.deeplearning4j.nn.api.Layer layer, Layer conf, long[] image) {
        String what = "layer \"" + name + "\"";
        int number = module.indexOf('#');
        String path = number < 0 ? module : module.substring(0, number);
        String prefix = path.isEmpty() ? "" : path + ".";
        if (layer instanceof NormalizationLayer norm) {
            if (conf instanceof LayerNormalization each && each.isElementwiseAffine() && each.isChannelsLast()) {
                problems.add(what + ": expected channels-first for elementwiseAffine, got channels-last");
            }
            layers.put(name, new Entry(what, prefix, norm, List.of()));
            return;
        }
        Map<String, INDArray> params = layer.paramTable(false);
        boolean fits = image == null || params.containsKey("W") && params.get("W").size(0) == ArrayUtil.prodLong(image);
        List<TorchTensor> tensors = fits ? TorchTensor.of(conf, params, image,
                number < 0 ? 0 : Integer.parseInt(module.substring(number + 1))) : List.of();
        if (tensors.size() < params.size()) {
            refuse(what, conf.getClass().getSimpleName() + " with the parameters " + params.keySet());
        }
        layers.put(name, new Entry(what, prefix, null, tensors));
    }

    private void refuse(String what, String kind) {
        problems.add(what + ": expected a layer that can be exchanged with PyTorch, got " + kind
                + "; return null as its module name to skip it");
    }

    /**
     * The tensors to write.
     *
     * @throws IllegalArgumentException if there are layers that cannot be exchanged, or two of the same name
     */
    Map<String, INDArray> tensors() {
        Map<String, INDArray> found = new LinkedHashMap<>();
        for (Entry entry : layers.values()) {
            List<String> names = new ArrayList<>();
            if (entry.norm() != null) {
                NormArrays.of(entry.norm()).forEach((name, numbers) -> {
                    names.add(name);
                    put(found, entry, name, NormArrays.array(name, numbers, entry.norm().params().dataType()));
                });
            }
            for (TorchTensor tensor : entry.tensors()) {
                names.addAll(tensor.names());
                List<INDArray> arrays = tensor.tensors();
                for (int i = 0; i < arrays.size(); i++) {
                    put(found, entry, tensor.names().get(i), arrays.get(i));
                }
            }
            NormArrays.counts(names).forEach(count -> found.putIfAbsent(entry.prefix() + count, Nd4j.scalar(0L)));
        }
        if (found.isEmpty() && problems.isEmpty()) {
            problems.add("expected layers with parameters, got none");
        }
        if (!problems.isEmpty()) {
            throw new IllegalArgumentException(all("the network cannot be written for PyTorch"));
        }
        return found;
    }

    private void put(Map<String, INDArray> found, Entry entry, String name, INDArray array) {
        if (found.put(entry.prefix() + name, array) != null) {
            problems.add(entry.layer() + ": expected a module of its own, got that of another layer, with "
                    + entry.prefix() + name);
        }
    }

    /**
     * Sets all parameters, or none if anything does not fit.
     *
     * @param source  has the tensors
     * @param ignored names of tensors that may be there for no layer
     * @return names of the layers
     * @throws IOException with all that does not fit
     */
    List<String> load(TensorSource source, Predicate<String> ignored) throws IOException {
        Set<String> unexpected = new TreeSet<>(source.names());
        unexpected.removeIf(ignored);
        Set<String> names = Set.copyOf(source.names());
        List<Runnable> changes = new ArrayList<>();
        for (Entry entry : layers.values()) {
            Set<String> expected = new HashSet<>();
            if (entry.norm() != null) {
                changes.add(norm(entry, source, names, expected));
            }
            for (TorchTensor tensor : entry.tensors()) {
                expected.addAll(tensor.names());
                changes.add(tensor(entry, tensor, source, names));
            }
            // PyTorch always counts batches.
            expected.addAll(NormArrays.counts(expected));
            expected.forEach(name -> unexpected.remove(entry.prefix() + name));
        }
        unexpected.forEach(name -> problems.add(TensorHeader.shortened(name) + ": no layer has this tensor"));
        if (!problems.isEmpty()) {
            throw new IOException(all(source.path() + " does not fit the network"));
        }
        changes.forEach(Runnable::run);
        return List.copyOf(layers.keySet());
    }

    private Runnable norm(Entry entry, TensorSource source, Set<String> names, Set<String> expected) {
        Map<String, double[]> values = new LinkedHashMap<>();
        NormArrays.of(entry.norm()).forEach((name, now) -> {
            expected.add(name);
            if (names.contains(entry.prefix() + name)) {
                attempt(entry, () -> values.put(name,
                        NormArrays.read(source, entry.prefix(), name, entry.norm(), now.length)));
            } else if (!NormArrays.is(name, NormArrays.COUNT)) {
                missing(entry, name, now.length);
            }
        });
        return () -> NormArrays.set(entry.norm(), values);
    }

    private Runnable tensor(Entry entry, TorchTensor tensor, TensorSource source, Set<String> names) {
        List<INDArray> read = new ArrayList<>();
        for (String name : tensor.names()) {
            if (names.contains(entry.prefix() + name)) {
                attempt(entry, () -> read.add(source.values(entry.prefix() + name, tensor.shape())));
            } else {
                missing(entry, name, tensor.shape());
            }
        }
        if (read.size() < tensor.names().size()) {
            return () -> { };
        }
        String what = entry.layer() + ": " + source.what(entry.prefix() + tensor.names().get(0));
        if (tensor.names().contains(NormArrays.RUNNING_VARIANCE) && read.get(0).minNumber().doubleValue() < 0) {
            problems.add(what + ": expected non-negative numbers, got " + read.get(0).minNumber());
        }
        INDArray param = tensor.param(read);
        if (!LinearLayer.isFinite(param)) {
            problems.add(what + ": expected finite numbers within the range of " + param.dataType() + ", got others");
        }
        return () -> tensor.param().assign(param);
    }

    /** Reads something. */
    @FunctionalInterface
    private interface Reading {
        void run() throws IOException;
    }

    private void attempt(Entry entry, Reading reading) {
        try {
            reading.run();
        } catch (IOException e) {
            problems.add(entry.layer() + ": " + e.getMessage());
        }
    }

    private void missing(Entry entry, String name, long... shape) {
        problems.add(entry.layer() + ": expected " + entry.prefix() + name + " of shape "
                + TensorHeader.tuple(Arrays.stream(shape).boxed().toList()) + ", got none");
    }

    private String all(String what) {
        return Stream.concat(problems.stream().limit(MOST_PROBLEMS), problems.size() <= MOST_PROBLEMS ? Stream.empty()
                : Stream.of("and " + (problems.size() - MOST_PROBLEMS) + " more"))
                .collect(Collectors.joining("\n  ", what + ":\n  ", ""));
    }
}
