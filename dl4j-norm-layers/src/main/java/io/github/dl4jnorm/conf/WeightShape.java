// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import static org.deeplearning4j.nn.params.DefaultParamInitializer.WEIGHT_KEY;

import io.github.dl4jnorm.pass.Slices;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.conf.layers.Convolution1D;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.Convolution2D;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Deconvolution2D;
import org.deeplearning4j.nn.conf.layers.Deconvolution3D;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DepthwiseConvolution2D;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.GravesLSTM;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.SeparableConvolution2D;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.params.LSTMParamInitializer;
import org.deeplearning4j.nn.params.SeparableConvolutionParamInitializer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Describes where the output units are in a weight array. In memory every weight of Deeplearning4j is
 * {@code [outer, units, inner]}: the weights of a unit are those at its index on the middle axis.
 *
 * @param key   key of the weight in the layer's parameters
 * @param outer number of elements of the axes before the units
 * @param units number of output units; for an LSTM, of all gates of all units
 * @param inner number of elements of the axes after the units
 */
public record WeightShape(String key, long outer, long units, long inner) {

    /** Those known to compute what their class says; what a subclass does cannot be known. */
    private static final Map<Class<?>, Function<FeedForwardLayer, List<WeightShape>>> BY_CLASS = Map.ofEntries(
            Map.entry(DenseLayer.class, WeightShape::dense),
            Map.entry(ConvolutionLayer.class, WeightShape::convolution),
            Map.entry(Convolution2D.class, WeightShape::convolution),
            Map.entry(Convolution3D.class, WeightShape::convolution),
            Map.entry(Convolution1DLayer.class, WeightShape::sequence),
            Map.entry(Convolution1D.class, WeightShape::sequence),
            // [in, out, height, width]
            Map.entry(Deconvolution2D.class, layer -> List.of(
                    new WeightShape(WEIGHT_KEY, layer.getNIn(), layer.getNOut(), kernel(layer)))),
            // [depth, height, width, out, in]
            Map.entry(Deconvolution3D.class, layer -> List.of(
                    new WeightShape(WEIGHT_KEY, kernel(layer), layer.getNOut(), layer.getNIn()))),
            // [height, width, in, multiplier]
            Map.entry(DepthwiseConvolution2D.class, layer -> List.of(new WeightShape(WEIGHT_KEY, kernel(layer),
                    layer.getNIn() * ((DepthwiseConvolution2D) layer).getDepthMultiplier(), 1))),
            Map.entry(SeparableConvolution2D.class, WeightShape::separable),
            Map.entry(OutputLayer.class, WeightShape::dense),
            Map.entry(RnnOutputLayer.class, WeightShape::dense),
            Map.entry(EmbeddingLayer.class, WeightShape::words),
            Map.entry(EmbeddingSequenceLayer.class, WeightShape::words),
            Map.entry(LSTM.class, layer -> recurrent(layer, 4)),
            Map.entry(GravesLSTM.class, layer -> recurrent(layer, 4)),
            Map.entry(SimpleRnn.class, layer -> recurrent(layer, 1)));

    private static WeightShape matrix(String key, long units, long inputs) {
        return new WeightShape(key, 1, units, inputs);
    }

    private static List<WeightShape> dense(FeedForwardLayer layer) {
        return List.of(matrix(WEIGHT_KEY, layer.getNOut(), layer.getNIn()));
    }

    /** A word is a unit, as in PyTorch: each has a vector. */
    private static List<WeightShape> words(FeedForwardLayer layer) {
        return List.of(new WeightShape(WEIGHT_KEY, layer.getNOut(), layer.getNIn(), 1));
    }

    private static long kernel(FeedForwardLayer layer) {
        return Arrays.stream(((ConvolutionLayer) layer).getKernelSize()).asLongStream().reduce(1, Math::multiplyExact);
    }

    /** {@code [out, in, kernel]}. */
    private static List<WeightShape> convolution(FeedForwardLayer layer) {
        return List.of(matrix(WEIGHT_KEY, layer.getNOut(), layer.getNIn() * kernel(layer)));
    }

    /** Whatever the shape of its parameter says, Deeplearning4j 1.0.0-M2.1 reads {@code [kernel, in, out]}. */
    private static List<WeightShape> sequence(FeedForwardLayer layer) {
        long kernel = ((ConvolutionLayer) layer).getKernelSize()[0];
        return List.of(new WeightShape(WEIGHT_KEY, kernel * layer.getNIn(), layer.getNOut(), 1));
    }

    /** {@code [multiplier, in, height, width]}, then {@code [out, in·multiplier, 1, 1]}. */
    private static List<WeightShape> separable(FeedForwardLayer layer) {
        long between = layer.getNIn() * ((SeparableConvolution2D) layer).getDepthMultiplier();
        return List.of(matrix(WEIGHT_KEY, between, kernel(layer)),
                matrix(SeparableConvolutionParamInitializer.POINT_WISE_WEIGHT_KEY, layer.getNOut(), between));
    }

    private static List<WeightShape> recurrent(FeedForwardLayer layer, int gates) {
        return List.of(matrix(LSTMParamInitializer.INPUT_WEIGHT_KEY, gates * layer.getNOut(), layer.getNIn()),
                matrix(LSTMParamInitializer.RECURRENT_WEIGHT_KEY, gates * layer.getNOut(), layer.getNOut()));
    }

    /**
     * Returns the weights of a layer.
     *
     * @param layer configuration of a layer
     * @return its weights in the order of its parameters, or null if the layer type is not supported
     */
    public static List<WeightShape> of(Layer layer) {
        Function<FeedForwardLayer, List<WeightShape>> shapes = layer == null ? null : BY_CLASS.get(layer.getClass());
        return shapes == null ? null : shapes.apply((FeedForwardLayer) layer);
    }

    /** {@return names of the layers whose weights are known} */
    static String known() {
        return BY_CLASS.keySet().stream().map(Class::getSimpleName).sorted().collect(Collectors.joining(", "));
    }

    /** The same weight of one direction, whose keys have a prefix. */
    WeightShape prefixed(String prefix) {
        return new WeightShape(prefix + key, outer, units, inner);
    }

    /** {@return the number of weights of each unit} */
    public long inputs() {
        return outer * inner;
    }

    /**
     * Returns a weight as {@code [outer, units, inner]}, without the peepholes behind the recurrent weights of a GravesLSTM.
     *
     * @param weight array of the parameter, or of its gradient
     * @return a view of the array
     */
    public INDArray view(INDArray weight) {
        // Matrices are [in, out] in Fortran order: in memory the units come first.
        INDArray inOrder = weight.rank() == 2 ? weight.transpose() : weight;
        return (isPart(weight) ? Slices.range(inOrder, 0, 0, units) : inOrder).reshape('c', outer, units, inner);
    }

    /**
     * Returns whether an array holds more than the weight.
     *
     * @param weight array of the parameter, or of its gradient
     * @return whether there are peepholes behind the weight
     */
    public boolean isPart(INDArray weight) {
        return weight.length() > units * inputs();
    }
}
