// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.pass.Slices;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The parameters of a {@link LayerNormLSTM}: those of Deeplearning4j's LSTM in its order of gates (input, forget, output,
 * input modulation), then those of the norms.
 */
public final class LayerNormLSTMParamInitializer extends ShapedParamInitializer {
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

    @Override
    Map<String, long[]> shapes(Layer layer) {
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

    @Override
    public List<String> weightKeys(Layer layer) {
        return List.of(WEIGHT, RECURRENT_WEIGHT);
    }

    @Override
    public List<String> biasKeys(Layer layer) {
        return List.of(BIAS);
    }

    @Override
    void initialize(Layer given, Map<String, INDArray> rows) {
        LayerNormLSTM layer = (LayerNormLSTM) given;
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

    /** Fans as Deeplearning4j's LSTM has them. */
    private void init(IWeightInit init, String name, LayerNormLSTM layer, Map<String, INDArray> rows) {
        init.init(layer.getNOut(), layer.getNIn() + layer.getNOut(), shapes(layer).get(name),
                IWeightInit.DEFAULT_WEIGHT_INIT_ORDER, rows.get(name));
    }
}
