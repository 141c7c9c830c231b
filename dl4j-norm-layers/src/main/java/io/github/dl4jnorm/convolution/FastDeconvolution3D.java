// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.Deconvolution3D;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.convolution.Deconvolution3DLayer;
import org.deeplearning4j.nn.params.DeconvolutionParamInitializer;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Deeplearning4j's layer of transposed 3D convolution on oneDNN; input that oneDNN does not take goes Deeplearning4j's way. */
public final class FastDeconvolution3D extends Deconvolution3DLayer implements Fast {
    private final transient FastPass fast;

    /**
     * Makes the layer.
     *
     * @param conf configuration with Deeplearning4j's Deconvolution3D
     * @param type type of parameters and activations
     */
    public FastDeconvolution3D(NeuralNetConfiguration conf, DataType type) {
        super(conf, type);
        Deconvolution3D layer = layerConf();
        Geometry geometry = new Geometry(layer.getKernelSize(), layer.getStride(), layer.getDilation(), layer.getPadding(),
                layer.getConvolutionMode(), true);
        fast = new FastPass(type, () -> input, this::getParamWithNoise,
                name -> gradientViews.get(name), layer.getActivationFn(),
                layer.hasBias() ? DeconvolutionParamInitializer.BIAS_KEY : null,
                new FastPass.Link(DeconvolutionParamInitializer.WEIGHT_KEY, new ConvolutionPass(geometry, layer.getNIn(),
                        layer.getDataFormat() == Convolution3D.DataFormat.NDHWC, 3, 4, 0, 1, 2)));
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
    protected INDArray preOutput(boolean training, LayerWorkspaceMgr workspaceMgr) {
        return fast.serves() ? fast.preOutput(training, false, workspaceMgr) : super.preOutput(training, workspaceMgr);
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
