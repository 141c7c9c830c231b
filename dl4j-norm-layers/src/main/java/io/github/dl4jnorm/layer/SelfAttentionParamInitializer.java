// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.SelfAttention;
import io.github.dl4jnorm.conf.SelfAttention.QkNorm;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The parameters of a {@link SelfAttention}. */
public final class SelfAttentionParamInitializer extends ShapedParamInitializer {
    /** Weights of queries, [nIn, heads·d]. */
    public static final String QUERY_WEIGHT = "Wq";
    /** Weights of keys, [nIn, heads·d]. */
    public static final String KEY_WEIGHT = "Wk";
    /** Weights of values, [nIn, heads·d]. */
    public static final String VALUE_WEIGHT = "Wv";
    /** Weights of the output, [heads·d, nOut]. */
    public static final String OUTPUT_WEIGHT = "Wo";
    /** Gamma of the norm of queries, [d]. */
    public static final String QUERY_GAMMA = "gammaQ";
    /** Gamma of the norm of keys, [d]. */
    public static final String KEY_GAMMA = "gammaK";
    /** The only instance; it has no state. */
    public static final SelfAttentionParamInitializer INSTANCE = new SelfAttentionParamInitializer();

    private SelfAttentionParamInitializer() {
    }

    @Override
    Map<String, long[]> shapes(Layer layer) {
        SelfAttention conf = (SelfAttention) layer;
        long size = conf.elementsOfHead();
        long all = conf.getHeads() * size;
        Map<String, long[]> shapes = new LinkedHashMap<>();
        shapes.put(QUERY_WEIGHT, new long[]{conf.getNIn(), all});
        shapes.put(KEY_WEIGHT, new long[]{conf.getNIn(), all});
        shapes.put(VALUE_WEIGHT, new long[]{conf.getNIn(), all});
        shapes.put(OUTPUT_WEIGHT, new long[]{all, conf.getNOut()});
        if (conf.getQkNorm() != QkNorm.NONE) {
            shapes.put(QUERY_GAMMA, new long[]{size});
            shapes.put(KEY_GAMMA, new long[]{size});
        }
        return shapes;
    }

    @Override
    public List<String> weightKeys(Layer layer) {
        return List.of(QUERY_WEIGHT, KEY_WEIGHT, VALUE_WEIGHT, OUTPUT_WEIGHT);
    }

    @Override
    public List<String> biasKeys(Layer layer) {
        return List.of();
    }

    @Override
    void initialize(Layer layer, Map<String, INDArray> rows) {
        SelfAttention conf = (SelfAttention) layer;
        shapes(layer).forEach((name, shape) -> {
            if (shape.length == 2) {
                conf.getWeightInitFn().init(shape[0], shape[1], shape, IWeightInit.DEFAULT_WEIGHT_INIT_ORDER, rows.get(name));
            } else {
                rows.get(name).assign(conf.getQkNorm() == QkNorm.L2 ? Math.sqrt(shape[0]) : 1);
            }
        });
    }
}
