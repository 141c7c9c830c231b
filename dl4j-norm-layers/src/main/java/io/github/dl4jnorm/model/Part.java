// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.layer.NormalizationLayer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.api.Trainable;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.layers.wrapper.BaseWrapperLayer;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A layer of a network that is being rebuilt: its configuration, parameters and state of the updater. */
final class Part {
    private final String key;
    private final NeuralNetConfiguration conf;
    private final org.deeplearning4j.nn.api.Layer source;
    private final Map<String, INDArray> params;
    private final Map<String, Map<String, INDArray>> updaterState;
    private double[][] statistics;

    /**
     * A layer as the network has it.
     *
     * @param key          index in a sequence, name of the vertex in a graph
     * @param conf         configuration of its own, which may be changed
     * @param source       the layer of the old network
     * @param updaterState state by parameter and then by name; see {@link UpdaterStates}
     */
    Part(String key, NeuralNetConfiguration conf, org.deeplearning4j.nn.api.Layer source,
         Map<String, Map<String, INDArray>> updaterState) {
        this.key = key;
        this.conf = conf;
        this.source = source;
        this.updaterState = updaterState;
        params = new LinkedHashMap<>();
        Map<String, INDArray> table = ((Trainable) source).paramTable(false);
        if (table != null) {
            params.putAll(table);
        }
    }

    String key() {
        return key;
    }

    /** The name its owner gave it, else its key. */
    String name() {
        String name = conf.getLayer().getLayerName();
        return name == null ? key : name;
    }

    NeuralNetConfiguration conf() {
        return conf;
    }

    /** The configuration inside of what freezes it. */
    Layer layer() {
        return inside(conf.getLayer());
    }

    private static Layer inside(Layer layer) {
        if (layer instanceof FrozenLayer frozen) {
            return inside(frozen.getLayer());
        }
        return layer instanceof FrozenLayerWithBackprop frozen ? inside(frozen.getUnderlying()) : layer;
    }

    /** The old network's layer inside of what freezes it. */
    org.deeplearning4j.nn.api.Layer source() {
        return inside(source);
    }

    private static org.deeplearning4j.nn.api.Layer inside(org.deeplearning4j.nn.api.Layer layer) {
        org.deeplearning4j.nn.api.Layer inner = layer;
        while (isFrozen(inner)) {
            inner = ((BaseWrapperLayer) inner).getUnderlying();
        }
        return inner;
    }

    static boolean isFrozen(org.deeplearning4j.nn.api.Layer layer) {
        return layer instanceof org.deeplearning4j.nn.layers.FrozenLayer
                || layer instanceof org.deeplearning4j.nn.layers.FrozenLayerWithBackprop;
    }

    /** Whether it was frozen in the running network alone, as TransferLearningHelper does. */
    boolean frozenWithoutConfiguration() {
        return source instanceof org.deeplearning4j.nn.layers.FrozenLayer && !(conf.getLayer() instanceof FrozenLayer)
                && !(conf.getLayer() instanceof FrozenLayerWithBackprop);
    }

    /** Puts another configuration in place of {@link #layer}, frozen as that was. */
    void setLayer(Layer layer) {
        conf.setLayer(wrapped(conf.getLayer(), layer));
        variablesChanged();
    }

    private static Layer wrapped(Layer old, Layer layer) {
        Layer wrapper = old instanceof FrozenLayer frozen ? new FrozenLayer(wrapped(frozen.getLayer(), layer))
                : old instanceof FrozenLayerWithBackprop frozen
                ? new FrozenLayerWithBackprop(wrapped(frozen.getUnderlying(), layer)) : null;
        if (wrapper == null) {
            return layer;
        }
        wrapper.setLayerName(old.getLayerName());
        return wrapper;
    }

    /** Has the names of the parameters found anew when the network is made. */
    void variablesChanged() {
        conf.clearVariables();
    }

    INDArray param(String name) {
        return params.get(name);
    }

    /** What the parameter will be; the old network keeps its own. */
    void setParam(String name, INDArray value) {
        params.put(name, value);
    }

    void dropParam(String name) {
        params.remove(name);
        dropState(name);
    }

    /** The updater starts anew for a parameter whose value was set by other means than training. */
    void dropState(String name) {
        updaterState.remove(name);
    }

    Set<String> paramNames() {
        return Set.copyOf(params.keySet());
    }

    /** Has the new layer store these, in whichever way it does. */
    void setStatistics(double[] mean, double[] variance) {
        statistics = new double[][]{mean, variance};
    }

    Map<String, Map<String, INDArray>> updaterState() {
        return updaterState;
    }

    /**
     * Sets the parameters of the new layer. What is not known of a norm keeps what a new norm has.
     *
     * @param made the new layer
     * @throws IllegalStateException if parameters of another layer are not known
     */
    void fill(org.deeplearning4j.nn.api.Layer made) {
        Map<String, INDArray> table = ((Trainable) made).paramTable(false);
        if (table == null) {
            return;
        }
        if (layer() instanceof NormLayer norm) {
            norm.parameters().forEach(parameter -> table.get(parameter.name()).assign(parameter.initialValue()));
        }
        table.forEach((name, target) -> {
            INDArray value = params.get(name);
            if (value != null) {
                target.assign(value.rank() == target.rank() ? value : value.reshape(target.shape()));
            } else if (!(layer() instanceof NormLayer)) {
                throw new IllegalStateException("layer \"" + name() + "\": no value for parameter " + name);
            }
        });
        if (statistics != null && !isInitial()) {
            ((NormalizationLayer) inside(made)).setRunningStatistics(statistics[0], statistics[1]);
        }
        if (layer() instanceof NormLayer norm) {
            // As timm does, what only parts of a batch use starts as what the first part uses.
            norm.parameters().stream().filter(parameter -> parameter.part() > 0 && !params.containsKey(parameter.name()))
                    .forEach(parameter -> table.get(parameter.name()).assign(table.get(parameter.kind().key())));
        }
    }

    /** Whether the norm saw no batch, which its replacement shall still warn of. */
    private boolean isInitial() {
        return Arrays.stream(statistics[0]).allMatch(mean -> mean == 0) && Arrays.stream(statistics[1]).allMatch(v -> v == 1);
    }
}
