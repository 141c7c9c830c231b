// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.pass.Slices;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The parameters of a {@link LayerNormLSTM}: those of Deeplearning4j's LSTM in its order of gates (input, forget, output,
 * input modulation), then those of the norms.
 */
public final class LayerNormLSTMParamInitializer implements ParamInitializer {
    /** Weights of the input, [nIn, 4·nOut]. */
    public static final String WEIGHT = "W";
    /** Weights of the output of the step before, [nOut, 4·nOut]. */
    public static final String RECURRENT_WEIGHT = "RW";
    /** Bias, [4·nOut]. */
    public static final String BIAS = "b";
    /** Gamma of the norm of the input's part, [4·nOut]. */
    public static final String GAMMA_INPUT = "gammaInput";
    /** Gamma of the norm of the recurrent part, [4·nOut]. */
    public static final String GAMMA_RECURRENT = "gammaRecurrent";
    /** Gamma of the norm of the cell state, [nOut]. */
    public static final String GAMMA_CELL = "gammaCell";
    /** Beta of the norm of the cell state, [nOut]. */
    public static final String BETA_CELL = "betaCell";
    /** The only instance; it has no state. */
    public static final LayerNormLSTMParamInitializer INSTANCE = new LayerNormLSTMParamInitializer();

    private LayerNormLSTMParamInitializer() {
    }

    /** Shapes in flattening order. */
    private static Map<String, long[]> shapes(Layer layer) {
        LayerNormLSTM conf = (LayerNormLSTM) layer;
        long size = conf.getNOut();
        Map<String, long[]> shapes = new LinkedHashMap<>();
        shapes.put(WEIGHT, new long[]{conf.getNIn(), 4 * size});
        shapes.put(RECURRENT_WEIGHT, new long[]{size, 4 * size});
        shapes.put(BIAS, new long[]{4 * size});
        shapes.put(GAMMA_INPUT, new long[]{4 * size});
        shapes.put(GAMMA_RECURRENT, new long[]{4 * size});
        shapes.put(GAMMA_CELL, new long[]{size});
        shapes.put(BETA_CELL, new long[]{size});
        return shapes;
    }

    private static long length(long[] shape) {
        return shape.length == 2 ? shape[0] * shape[1] : shape[0];
    }

    @Override
    public long numParams(NeuralNetConfiguration conf) {
        return numParams(conf.getLayer());
    }

    @Override
    public long numParams(Layer layer) {
        return shapes(layer).values().stream().mapToLong(LayerNormLSTMParamInitializer::length).sum();
    }

    @Override
    public List<String> paramKeys(Layer layer) {
        return List.copyOf(shapes(layer).keySet());
    }

    @Override
    public List<String> weightKeys(Layer layer) {
        return List.of(WEIGHT, RECURRENT_WEIGHT);
    }

    @Override
    public List<String> biasKeys(Layer layer) {
        return List.of(BIAS);
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
        LayerNormLSTM layer = (LayerNormLSTM) conf.getLayer();
        Map<String, INDArray> rows = rows(layer, paramsView);
        rows.keySet().forEach(conf::addVariable);
        if (initializeParams) {
            long size = layer.getNOut();
            IWeightInit recurrent = layer.getWeightInitFnRecurrent();
            init(layer.getWeightInitFn(), WEIGHT, layer, rows);
            init(recurrent == null ? layer.getWeightInitFn() : recurrent, RECURRENT_WEIGHT, layer, rows);
            Slices.elements(rows.get(BIAS).assign(0), size, 2 * size).assign(layer.getForgetGateBiasInit());
            rows.get(GAMMA_INPUT).assign(1);
            rows.get(GAMMA_RECURRENT).assign(1);
            rows.get(GAMMA_CELL).assign(1);
            rows.get(BETA_CELL).assign(0);
        }
        return Collections.synchronizedMap(shaped(layer, rows));
    }

    /** Fans as Deeplearning4j's LSTM has them. */
    private static void init(IWeightInit init, String name, LayerNormLSTM layer, Map<String, INDArray> rows) {
        init.init(layer.getNOut(), layer.getNIn() + layer.getNOut(), shapes(layer).get(name),
                IWeightInit.DEFAULT_WEIGHT_INIT_ORDER, rows.get(name));
    }

    @Override
    public Map<String, INDArray> getGradientsFromFlattened(NeuralNetConfiguration conf, INDArray gradientView) {
        return shaped(conf.getLayer(), rows(conf.getLayer(), gradientView));
    }

    private static Map<String, INDArray> rows(Layer layer, INDArray flat) {
        Map<String, INDArray> rows = new LinkedHashMap<>();
        long start = 0;
        for (Map.Entry<String, long[]> entry : shapes(layer).entrySet()) {
            long end = start + length(entry.getValue());
            rows.put(entry.getKey(), Slices.elements(flat, start, end));
            start = end;
        }
        return rows;
    }

    private static Map<String, INDArray> shaped(Layer layer, Map<String, INDArray> rows) {
        Map<String, long[]> shapes = shapes(layer);
        rows.replaceAll((name, row) -> row.reshape('f', shapes.get(name)));
        return rows;
    }
}
