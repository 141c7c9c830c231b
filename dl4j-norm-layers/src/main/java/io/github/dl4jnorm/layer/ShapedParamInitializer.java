// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.pass.Slices;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Splits a layer's flat parameters into arrays by name. */
abstract class ShapedParamInitializer implements ParamInitializer {

    /** Shapes in flattening order. */
    abstract Map<String, long[]> shapes(Layer layer);

    /** Sets initial values of rows of all parameters. */
    abstract void initialize(Layer layer, Map<String, INDArray> rows);

    private static long length(long[] shape) {
        return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }

    @Override
    public final long numParams(NeuralNetConfiguration conf) {
        return numParams(conf.getLayer());
    }

    @Override
    public final long numParams(Layer layer) {
        return shapes(layer).values().stream().mapToLong(ShapedParamInitializer::length).sum();
    }

    @Override
    public final List<String> paramKeys(Layer layer) {
        return List.copyOf(shapes(layer).keySet());
    }

    @Override
    public final boolean isWeightParam(Layer layer, String key) {
        return weightKeys(layer).contains(key);
    }

    @Override
    public final boolean isBiasParam(Layer layer, String key) {
        return biasKeys(layer).contains(key);
    }

    @Override
    public final Map<String, INDArray> init(NeuralNetConfiguration conf, INDArray paramsView, boolean initializeParams) {
        Map<String, INDArray> rows = rows(conf.getLayer(), paramsView);
        rows.keySet().forEach(conf::addVariable);
        if (initializeParams) {
            initialize(conf.getLayer(), rows);
        }
        return Collections.synchronizedMap(shaped(conf.getLayer(), rows));
    }

    @Override
    public final Map<String, INDArray> getGradientsFromFlattened(NeuralNetConfiguration conf, INDArray gradientView) {
        return shaped(conf.getLayer(), rows(conf.getLayer(), gradientView));
    }

    private Map<String, INDArray> rows(Layer layer, INDArray flat) {
        Map<String, INDArray> rows = new LinkedHashMap<>();
        long start = 0;
        for (Map.Entry<String, long[]> entry : shapes(layer).entrySet()) {
            long end = start + length(entry.getValue());
            rows.put(entry.getKey(), Slices.elements(flat, start, end));
            start = end;
        }
        return rows;
    }

    private Map<String, INDArray> shaped(Layer layer, Map<String, INDArray> rows) {
        Map<String, long[]> shapes = shapes(layer);
        rows.replaceAll((name, row) -> row.reshape('f', shapes.get(name)));
        return rows;
    }
}
