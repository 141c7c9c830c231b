// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiFunction;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.layers.AbstractLayer;
import org.deeplearning4j.nn.layers.convolution.Convolution1DLayer;
import org.deeplearning4j.nn.layers.convolution.Convolution3DLayer;
import org.deeplearning4j.nn.layers.convolution.ConvolutionLayer;
import org.deeplearning4j.nn.layers.convolution.Deconvolution2DLayer;
import org.deeplearning4j.nn.layers.convolution.Deconvolution3DLayer;
import org.deeplearning4j.nn.layers.convolution.DepthwiseConvolution2DLayer;
import org.deeplearning4j.nn.layers.convolution.SeparableConvolution2DLayer;
import org.deeplearning4j.nn.layers.convolution.subsampling.SubsamplingLayer;
import org.nd4j.linalg.api.buffer.DataType;

/** Which of Deeplearning4j's layers have a fast one, and the way to it and back. */
public final class FastLayers {
    private static final Map<Class<?>, Maker> FAST = new LinkedHashMap<>();
    private static final Map<Class<?>, Maker> STOCK = new LinkedHashMap<>();

    static {
        pair(ConvolutionLayer.class, ConvolutionLayer::new, FastConvolution2D.class, FastConvolution2D::new);
        pair(Convolution1DLayer.class, Convolution1DLayer::new, FastConvolution1D.class, FastConvolution1D::new);
        pair(Convolution3DLayer.class, Convolution3DLayer::new, FastConvolution3D.class, FastConvolution3D::new);
        pair(Deconvolution2DLayer.class, Deconvolution2DLayer::new, FastDeconvolution2D.class, FastDeconvolution2D::new);
        pair(Deconvolution3DLayer.class, Deconvolution3DLayer::new, FastDeconvolution3D.class, FastDeconvolution3D::new);
        pair(DepthwiseConvolution2DLayer.class, DepthwiseConvolution2DLayer::new, FastDepthwiseConvolution2D.class,
                FastDepthwiseConvolution2D::new);
        pair(SeparableConvolution2DLayer.class, SeparableConvolution2DLayer::new, FastSeparableConvolution2D.class,
                FastSeparableConvolution2D::new);
        pair(SubsamplingLayer.class, SubsamplingLayer::new, FastSubsampling2D.class, FastSubsampling2D::new);
    }

    private FastLayers() {
    }

    /** A constructor. */
    private interface Maker extends BiFunction<NeuralNetConfiguration, DataType, Layer> {
    }

    private static void pair(Class<?> stock, Maker makeStock, Class<?> fast, Maker makeFast) {
        FAST.put(stock, makeFast);
        STOCK.put(fast, makeStock);
    }

    /**
     * Returns whether a layer is one of this package.
     *
     * @param layer a running layer
     * @return whether it is
     */
    public static boolean isFast(Layer layer) {
        return STOCK.containsKey(layer.getClass());
    }

    /**
     * Returns whether a layer is a convolution or pooling, one of this package, or extends one.
     *
     * @param layer a running layer
     * @return whether it is
     */
    public static boolean concern(Layer layer) {
        return FAST.keySet().stream().anyMatch(type -> type.isInstance(layer));
    }

    /**
     * Returns why a layer cannot be computed by oneDNN.
     *
     * @param layer a layer of Deeplearning4j or of this package
     * @return the reason, or null if it can
     */
    public static String obstacle(Layer layer) {
        if (!FAST.containsKey(layer.getClass()) && !isFast(layer)) {
            return "oneDNN has no counterpart of " + layer.getClass().getName();
        }
        DataType type = ((AbstractLayer<?>) layer).getDataType();
        if (type != DataType.FLOAT) {
            return "its type is " + type + ", and oneDNN computes FLOAT";
        }
        return layer instanceof SubsamplingLayer pooling ? FastSubsampling2D.obstacle(pooling.layerConf()) : null;
    }

    /**
     * Makes the fast layer of a layer.
     *
     * @param layer one of Deeplearning4j's that has no {@link #obstacle}
     * @return a layer that shares everything with it
     */
    public static Layer fast(Layer layer) {
        return made(FAST, layer);
    }

    /**
     * Makes Deeplearning4j's layer of a fast one.
     *
     * @param layer one that {@link #isFast}
     * @return a layer that shares everything with it
     */
    public static Layer stock(Layer layer) {
        return made(STOCK, layer);
    }

    private static Layer made(Map<Class<?>, Maker> makers, Layer layer) {
        Layer other = makers.get(layer.getClass()).apply(layer.conf(), ((AbstractLayer<?>) layer).getDataType());
        LayerSwap.copyState(layer, other);
        return other;
    }
}
