// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.WeightParameter;
import io.github.dl4jnorm.conf.WeightShape;
import io.github.dl4jnorm.pass.Slices;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Splits flat parameters and gradients into those of the layer inside, as that does it, and behind them what its weights
 * depend on besides.
 */
public final class ReparameterizationInitializer implements ParamInitializer {
    /** The only instance; it has no state. */
    public static final ReparameterizationInitializer INSTANCE = new ReparameterizationInitializer();

    private ReparameterizationInitializer() {
    }

    private static Layer inside(Layer layer) {
        return ((Reparameterization) layer).getUnderlying();
    }

    /** A copy of a wrapper's configuration with the layer inside in its place. */
    static NeuralNetConfiguration inside(NeuralNetConfiguration conf) {
        Layer layer = conf.getLayer();
        NeuralNetConfiguration copy = conf.clone();
        copy.setLayer(inside(layer));
        return copy;
    }

    /** Parameters of the layer inside, which come first. */
    static long numInside(Layer layer) {
        return inside(layer).initializer().numParams(inside(layer));
    }

    private static Map<String, WeightParameter> further(Layer layer) {
        Reparameterization wrapper = (Reparameterization) layer;
        Map<String, WeightParameter> further = new LinkedHashMap<>();
        for (WeightShape weight : wrapper.weights()) {
            for (WeightParameter parameter : wrapper.parameters(weight)) {
                further.put(weight.key() + parameter.suffix(), parameter);
            }
        }
        return further;
    }

    /** Arrays of what a weight depends on, in order. */
    static List<INDArray> of(Reparameterization wrapper, WeightShape weight, Map<String, INDArray> table) {
        return wrapper.parameters(weight).stream().map(parameter -> table.get(weight.key() + parameter.suffix())).toList();
    }

    @Override
    public long numParams(NeuralNetConfiguration conf) {
        return numParams(conf.getLayer());
    }

    @Override
    public long numParams(Layer layer) {
        return numInside(layer) + further(layer).values().stream().mapToLong(WeightParameter::length).sum();
    }

    @Override
    public List<String> paramKeys(Layer layer) {
        List<String> keys = new ArrayList<>(inside(layer).initializer().paramKeys(inside(layer)));
        keys.addAll(further(layer).keySet());
        return keys;
    }

    @Override
    public List<String> weightKeys(Layer layer) {
        return inside(layer).initializer().weightKeys(inside(layer));
    }

    @Override
    public List<String> biasKeys(Layer layer) {
        return inside(layer).initializer().biasKeys(inside(layer));
    }

    @Override
    public boolean isWeightParam(Layer layer, String key) {
        return weightKeys(layer).contains(key);
    }

    @Override
    public boolean isBiasParam(Layer layer, String key) {
        return biasKeys(layer).contains(key);
    }

    @Override
    public Map<String, INDArray> init(NeuralNetConfiguration conf, INDArray paramsView, boolean initializeParams) {
        Reparameterization wrapper = (Reparameterization) conf.getLayer();
        NeuralNetConfiguration inside = inside(conf);
        if (paramsView.length() != numParams(wrapper)) {
            throw wrapper.invalid(numParams(wrapper) + " parameters", paramsView.length()
                    + "; put Deeplearning4j's wrappers inside this one, not around it");
        }
        Map<String, INDArray> table = inOrder(DirectedLayer.split(inside, Slices.elements(paramsView, 0, numInside(wrapper)),
                (each, flat) -> each.getLayer().initializer().init(each, flat, initializeParams)));
        addFurther(wrapper, paramsView, table);
        inside.variables(false).forEach(conf::addVariable);
        further(wrapper).keySet().forEach(conf::addVariable);
        if (initializeParams) {
            for (WeightShape weight : wrapper.weights()) {
                wrapper.pass(weight, of(wrapper, weight, table))
                        .initialize(weight.view(table.get(weight.key())), conf.getSeed());
            }
        }
        return Collections.synchronizedMap(table);
    }

    /**
     * Parameters as they follow each other in memory. The updater takes them to be in this order, and some of
     * Deeplearning4j's layers (depthwise and separable convolutions) name their bias last though it comes first.
     */
    private static Map<String, INDArray> inOrder(Map<String, INDArray> params) {
        Map<String, INDArray> table = new LinkedHashMap<>();
        params.entrySet().stream().sorted(Comparator.comparingLong(param -> param.getValue().offset()))
                .forEach(param -> table.put(param.getKey(), param.getValue()));
        return table;
    }

    @Override
    public Map<String, INDArray> getGradientsFromFlattened(NeuralNetConfiguration conf, INDArray gradientView) {
        Layer wrapper = conf.getLayer();
        Map<String, INDArray> table = new LinkedHashMap<>(DirectedLayer.split(inside(conf),
                Slices.elements(gradientView, 0, numInside(wrapper)),
                (each, flat) -> each.getLayer().initializer().getGradientsFromFlattened(each, flat)));
        addFurther(wrapper, gradientView, table);
        return table;
    }

    private static void addFurther(Layer layer, INDArray flat, Map<String, INDArray> table) {
        long start = numInside(layer);
        for (Map.Entry<String, WeightParameter> parameter : further(layer).entrySet()) {
            long end = start + parameter.getValue().length();
            table.put(parameter.getKey(), Slices.elements(flat, start, end));
            start = end;
        }
    }
}
