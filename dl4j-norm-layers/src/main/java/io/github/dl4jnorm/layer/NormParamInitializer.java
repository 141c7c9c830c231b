// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.pass.Slices;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Splits a layer's flat parameters and gradients as {@link NormLayer#parameters()} lists them. */
public final class NormParamInitializer implements ParamInitializer {
    /** The only instance; it has no state. */
    public static final NormParamInitializer INSTANCE = new NormParamInitializer();

    private NormParamInitializer() {
    }

    private static List<NormParameter> parameters(Layer layer) {
        return ((NormLayer) layer).parameters();
    }

    @Override
    public long numParams(NeuralNetConfiguration conf) {
        return numParams(conf.getLayer());
    }

    @Override
    public long numParams(Layer layer) {
        return parameters(layer).stream().mapToLong(NormParameter::length).sum();
    }

    @Override
    public List<String> paramKeys(Layer layer) {
        return parameters(layer).stream().map(NormParameter::name).toList();
    }

    @Override
    public List<String> weightKeys(Layer layer) {
        return Collections.emptyList();
    }

    @Override
    public List<String> biasKeys(Layer layer) {
        return Collections.emptyList();
    }

    @Override
    public boolean isWeightParam(Layer layer, String key) {
        return false;
    }

    @Override
    public boolean isBiasParam(Layer layer, String key) {
        return false;
    }

    @Override
    public Map<String, INDArray> init(NeuralNetConfiguration conf, INDArray paramsView, boolean initializeParams) {
        Map<String, INDArray> params = split(conf, paramsView);
        for (NormParameter parameter : parameters(conf.getLayer())) {
            conf.addVariable(parameter.name());
            if (initializeParams) {
                params.get(parameter.name()).assign(parameter.initialValue());
            }
        }
        return Collections.synchronizedMap(params);
    }

    @Override
    public Map<String, INDArray> getGradientsFromFlattened(NeuralNetConfiguration conf, INDArray gradientView) {
        return split(conf, gradientView);
    }

    private static Map<String, INDArray> split(NeuralNetConfiguration conf, INDArray flat) {
        Map<String, INDArray> parts = new LinkedHashMap<>();
        long start = 0;
        for (NormParameter parameter : parameters(conf.getLayer())) {
            long end = start + parameter.length();
            parts.put(parameter.name(), Slices.elements(flat, start, end));
            start = end;
        }
        return parts;
    }
}
