// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.deeplearning4j.nn.params.BidirectionalParamInitializer.BACKWARD_PREFIX;
import static org.deeplearning4j.nn.params.BidirectionalParamInitializer.FORWARD_PREFIX;

import io.github.dl4jnorm.pass.Slices;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.conf.layers.util.MaskZeroLayer;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.layers.recurrent.BidirectionalLayer;
import org.deeplearning4j.nn.layers.recurrent.LastTimeStepLayer;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Deeplearning4j's Bidirectional, whose two layers take the arrays that they are given as parameters: there, these are copied
 * into those that the layers have.
 */
final class DirectedLayer extends BidirectionalLayer {
    private static final long serialVersionUID = 1L;

    private final transient Map<String, Layer> directions = new LinkedHashMap<>();

    private DirectedLayer(NeuralNetConfiguration conf, Layer forward, Layer backward, INDArray params) {
        super(conf, forward, backward, params);
        directions.put(FORWARD_PREFIX, forward);
        directions.put(BACKWARD_PREFIX, backward);
    }

    /** What makes a layer of a configuration and its parameters. */
    private record Maker(Collection<TrainingListener> listeners, int index, DataType type) {
        Layer layer(NeuralNetConfiguration conf, INDArray params) {
            org.deeplearning4j.nn.conf.layers.Layer layer = conf.getLayer();
            if (layer instanceof LastTimeStep last) {
                return new LastTimeStepLayer(layer(with(conf, last.getUnderlying()), params));
            }
            if (layer instanceof MaskZeroLayer masked) {
                return new org.deeplearning4j.nn.layers.recurrent.MaskZeroLayer(layer(with(conf, masked.getUnderlying()), params),
                        masked.getMaskingValue());
            }
            if (layer instanceof Bidirectional) {
                List<Layer> made = each(conf, params, this::layer).values().stream().toList();
                return new DirectedLayer(conf, made.get(0), made.get(1), params);
            }
            return layer.instantiate(conf, listeners, index, params, false, type);
        }
    }

    /** The layer of a configuration, as that makes it, but for Bidirectional. */
    static Layer instantiate(NeuralNetConfiguration conf, Collection<TrainingListener> listeners, int index, INDArray params,
                             DataType type) {
        return new Maker(listeners, index, type).layer(conf, params);
    }

    private static NeuralNetConfiguration with(NeuralNetConfiguration conf, org.deeplearning4j.nn.conf.layers.Layer layer) {
        NeuralNetConfiguration copy = conf.clone();
        copy.setLayer(layer);
        copy.clearVariables();
        return copy;
    }

    /** Something made of each direction, of its configuration and its half of an array. */
    private static <T> Map<String, T> each(NeuralNetConfiguration conf, INDArray flat,
                                           BiFunction<NeuralNetConfiguration, INDArray, T> maker) {
        Bidirectional both = (Bidirectional) conf.getLayer();
        long half = flat.length() / 2;
        Map<String, T> made = new LinkedHashMap<>();
        made.put(FORWARD_PREFIX, maker.apply(with(conf, both.getFwd()), Slices.elements(flat, 0, half)));
        made.put(BACKWARD_PREFIX, maker.apply(with(conf, both.getBwd()), Slices.elements(flat, half, 2 * half)));
        return made;
    }

    /**
     * Splits parameters or gradients of a layer, as its initializer does it.
     *
     * @param conf     configuration of the layer, which gets the keys as its variables
     * @param flat     parameters or gradients
     * @param splitter makes arrays by key, for a layer that is no Bidirectional
     */
    static Map<String, INDArray> split(NeuralNetConfiguration conf, INDArray flat,
                                       BiFunction<NeuralNetConfiguration, INDArray, Map<String, INDArray>> splitter) {
        org.deeplearning4j.nn.conf.layers.Layer inside = conf.getLayer();
        while (inside instanceof LastTimeStep || inside instanceof MaskZeroLayer) {
            inside = ((BaseWrapperLayer) inside).getUnderlying();
        }
        if (!(inside instanceof Bidirectional)) {
            return splitter.apply(conf, flat);
        }
        Map<String, INDArray> all = new LinkedHashMap<>();
        each(with(conf, inside), flat, splitter).forEach((prefix, arrays) ->
                arrays.forEach((key, array) -> all.put(prefix + key, array)));
        all.keySet().forEach(conf::addVariable);
        return all;
    }

    @Override
    public void setParamTable(Map<String, INDArray> table) {
        directions.forEach((prefix, layer) -> {
            Map<String, INDArray> own = new LinkedHashMap<>();
            layer.paramTable().keySet().forEach(key -> own.put(key, table.get(prefix + key)));
            layer.setParamTable(own);
        });
    }

    @Override
    public void setBackpropGradientsViewArray(INDArray gradients) {
        long half = gradients.length() / 2;
        directions.get(FORWARD_PREFIX).setBackpropGradientsViewArray(Slices.elements(gradients, 0, half));
        directions.get(BACKWARD_PREFIX).setBackpropGradientsViewArray(Slices.elements(gradients, half, 2 * half));
    }
}
