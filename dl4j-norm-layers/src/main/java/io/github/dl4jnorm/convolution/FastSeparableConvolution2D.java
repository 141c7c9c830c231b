// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.SeparableConvolution2D;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.convolution.SeparableConvolution2DLayer;
import org.deeplearning4j.nn.params.SeparableConvolutionParamInitializer;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Deeplearning4j's layer of depthwise separable 2D convolution on oneDNN; input that oneDNN does not take goes Deeplearning4j's
 * way.
 */
public final class FastSeparableConvolution2D extends SeparableConvolution2DLayer implements Fast {
    private static final int[] ONE = {1, 1};

    private final transient FastPass fast;

    /**
     * Makes the layer.
     *
     * @param conf configuration with Deeplearning4j's SeparableConvolution2D
     * @param type type of parameters and activations
     */
    public FastSeparableConvolution2D(NeuralNetConfiguration conf, DataType type) {
        super(conf, type);
        SeparableConvolution2D layer = (SeparableConvolution2D) layerConf();
        Geometry geometry = new Geometry(layer.getKernelSize(), layer.getStride(), layer.getDilation(), layer.getPadding(),
                convolutionMode, false);
        Geometry point = new Geometry(ONE, ONE, ONE, new int[2], ConvolutionMode.Truncate, false);
        boolean channelsLast = layer.getCnn2dDataFormat() == CNN2DFormat.NHWC;
        fast = new FastPass(type, () -> input, this::getParamWithNoise,
                name -> gradientViews.get(name), layer.getActivationFn(),
                layer.hasBias() ? SeparableConvolutionParamInitializer.BIAS_KEY : null,
                new FastPass.Link(SeparableConvolutionParamInitializer.DEPTH_WISE_WEIGHT_KEY,
                        new ConvolutionPass(geometry, layer.getNIn(), channelsLast, 1, 0, -1, 2, 3)),
                new FastPass.Link(SeparableConvolutionParamInitializer.POINT_WISE_WEIGHT_KEY,
                        new ConvolutionPass(point, layer.getNIn() * layer.getDepthMultiplier(), channelsLast, 0, 1, 2, 3)));
    }

    @Override
    public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
        if (!fast.fuses()) {
            return super.activate(training, workspaceMgr);
        }
        applyDropOutIfNecessary(training, workspaceMgr);
        return fast.output(training, workspaceMgr);
    }

    @Override
    protected Pair<INDArray, INDArray> preOutput(boolean training, boolean forBackprop, LayerWorkspaceMgr workspaceMgr) {
        return fast.serves() ? new Pair<>(fast.preOutput(training, forBackprop, workspaceMgr), null)
                : super.preOutput(training, forBackprop, workspaceMgr);
    }

    @Override
    public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
        if (!fast.serves()) {
            return super.backpropGradient(epsilon, workspaceMgr);
        }
        Pair<Gradient, INDArray> result = fast.backward(epsilon, workspaceMgr);
        weightNoiseParams.clear();
        return new Pair<>(result.getFirst(), backpropDropOutIfPresent(result.getSecond()));
    }

    @Override
    public long[] sample() {
        return fast.sample();
    }
}
