// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.convolution.Convolution3DLayer;
import org.deeplearning4j.nn.params.Convolution3DParamInitializer;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Deeplearning4j's layer of 3D convolution on oneDNN; input that oneDNN does not take goes Deeplearning4j's way. */
public final class FastConvolution3D extends Convolution3DLayer implements Fast {
    private final transient FastPass fast;

    /**
     * Makes the layer.
     *
     * @param conf configuration with Deeplearning4j's Convolution3D
     * @param type type of parameters and activations
     */
    public FastConvolution3D(NeuralNetConfiguration conf, DataType type) {
        super(conf, type);
        Convolution3D layer = (Convolution3D) layerConf();
        Geometry geometry = new Geometry(layer.getKernelSize(), layer.getStride(), layer.getDilation(), layer.getPadding(),
                convolutionMode, false);
        fast = new FastPass(type, () -> input, this::getParamWithNoise,
                name -> gradientViews.get(name), layer.getActivationFn(),
                layer.hasBias() ? Convolution3DParamInitializer.BIAS_KEY : null,
                new FastPass.Link(Convolution3DParamInitializer.WEIGHT_KEY, new ConvolutionPass(geometry, layer.getNIn(),
                        layer.getDataFormat() == Convolution3D.DataFormat.NDHWC, 0, 1, 2, 3, 4)));
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
