// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.convolution.Deconvolution2DLayer;
import org.deeplearning4j.nn.params.DeconvolutionParamInitializer;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Deeplearning4j's layer of transposed 2D convolution on oneDNN; input that oneDNN does not take goes Deeplearning4j's way. */
public final class FastDeconvolution2D extends Deconvolution2DLayer implements Fast {
    private final transient FastPass fast;

    /**
     * Makes the layer.
     *
     * @param conf configuration with Deeplearning4j's Deconvolution2D
     * @param type type of parameters and activations
     */
    public FastDeconvolution2D(NeuralNetConfiguration conf, DataType type) {
        super(conf, type);
        org.deeplearning4j.nn.conf.layers.ConvolutionLayer layer = layerConf();
        Geometry geometry = new Geometry(layer.getKernelSize(), layer.getStride(), layer.getDilation(), layer.getPadding(),
                convolutionMode, true);
        fast = new FastPass(type, () -> input, this::getParamWithNoise,
                name -> gradientViews.get(name), layer.getActivationFn(),
                layer.hasBias() ? DeconvolutionParamInitializer.BIAS_KEY : null,
                new FastPass.Link(DeconvolutionParamInitializer.WEIGHT_KEY, new ConvolutionPass(geometry, layer.getNIn(),
                        layer.getCnn2dDataFormat() == CNN2DFormat.NHWC, 1, 0, 2, 3)));
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
        return result;
    }

    @Override
    public long[] sample() {
        return fast.sample();
    }
}
