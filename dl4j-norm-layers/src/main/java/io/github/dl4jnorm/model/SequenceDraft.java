// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Trainable;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.layers.FrozenLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A MultiLayerNetwork taken apart. */
final class SequenceDraft extends Draft<MultiLayerNetwork> {
    private final MultiLayerConfiguration conf;
    private final List<Part> parts = new ArrayList<>();
    private final Map<Part, InputPreProcessor> preProcessors = new IdentityHashMap<>();
    private final boolean hasUpdater;

    SequenceDraft(MultiLayerNetwork net) {
        conf = net.getLayerWiseConfigurations().clone();
        BaseMultiLayerUpdater<?> updater = (BaseMultiLayerUpdater<?>) net.getUpdater(false);
        hasUpdater = updater != null;
        Map<Trainable, Map<String, Map<String, INDArray>>> states = UpdaterStates.read(updater);
        for (int i = 0; i < net.getnLayers(); i++) {
            Layer layer = net.getLayer(i);
            Part part = new Part(String.valueOf(i), conf.getConf(i), layer,
                    states.getOrDefault((Trainable) layer, new HashMap<>()));
            parts.add(part);
            InputPreProcessor preProcessor = conf.getInputPreProcess(i);
            if (preProcessor != null) {
                preProcessors.put(part, preProcessor);
            }
        }
    }

    @Override
    DataType dataType() {
        return conf.getDataType();
    }

    @Override
    List<Part> parts() {
        return List.copyOf(parts);
    }

    @Override
    List<Node> nodes() {
        return parts.stream().map(Node::of).toList();
    }

    @Override
    List<Node> consumers(Node node) {
        return Stream.ofNullable(onlyConsumer(node.part())).map(Node::of).toList();
    }

    @Override
    List<Node> producers(Node node) {
        return Stream.ofNullable(before(node.part())).map(Node::of).toList();
    }

    @Override
    Part before(Part part) {
        int index = parts.indexOf(part);
        return index == 0 ? null : parts.get(index - 1);
    }

    @Override
    Part onlyConsumer(Part part) {
        int index = parts.indexOf(part);
        return index == parts.size() - 1 ? null : parts.get(index + 1);
    }

    @Override
    InputPreProcessor preProcessor(Part part) {
        return preProcessors.get(part);
    }

    @Override
    void setPreProcessor(Part part, InputPreProcessor preProcessor) {
        preProcessors.put(part, preProcessor);
    }

    @Override
    void remove(Part part) {
        parts.remove(part);
        preProcessors.remove(part);
    }

    @Override
    MultiLayerNetwork build() {
        conf.setConfs(new ArrayList<>(parts.stream().map(Part::conf).toList()));
        Map<Integer, InputPreProcessor> byIndex = new HashMap<>();
        long length = 0;
        for (int i = 0; i < parts.size(); i++) {
            Part part = parts.get(i);
            if (preProcessors.get(part) != null) {
                byIndex.put(i, preProcessors.get(part));
            }
            part.conf().getLayer().setDataType(conf.getDataType());
            length += part.conf().getLayer().initializer().numParams(part.conf());
        }
        conf.setInputPreProcessors(byIndex);
        MultiLayerNetwork net = new MultiLayerNetwork(conf);
        net.init(length == 0 ? null : emptyParams(conf.getDataType(), length), false);
        Layer[] layers = net.getLayers();
        for (int i = 0; i < layers.length; i++) {
            parts.get(i).fill(layers[i]);
            if (parts.get(i).frozenWithoutConfiguration()) {
                layers[i] = new FrozenLayer(layers[i]);
            }
        }
        net.setLayers(layers);
        if (hasUpdater) {
            Map<Trainable, Part> byLayer = new IdentityHashMap<>();
            for (int i = 0; i < layers.length; i++) {
                byLayer.put((Trainable) layers[i], parts.get(i));
            }
            UpdaterStates.write((BaseMultiLayerUpdater<?>) net.getUpdater(), owner -> byLayer.get(owner).updaterState());
        }
        return net;
    }
}
