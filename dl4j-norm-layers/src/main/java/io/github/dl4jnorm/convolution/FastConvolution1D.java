// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.convolution.Convolution1DLayer;
import org.deeplearning4j.nn.params.ConvolutionParamInitializer;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.deeplearning4j.util.Convolution1DUtils;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Deeplearning4j's layer of 1D convolution on oneDNN; input that oneDNN does not take goes Deeplearning4j's way. */
public final class FastConvolution1D extends Convolution1DLayer implements Fast {
    private final transient FastPass fast;

    /**
     * Makes the layer.
     *
     * @param conf configuration with Deeplearning4j's Convolution1DLayer
     * @param type type of parameters and activations
     */
    public FastConvolution1D(NeuralNetConfiguration conf, DataType type) {
        super(conf, type);
        org.deeplearning4j.nn.conf.layers.Convolution1DLayer layer = layerConf();
        Geometry geometry = new Geometry(first(layer.getKernelSize()), first(layer.getStride()), first(layer.getDilation()),
                first(layer.getPadding()), convolutionMode, false);
        fast = new FastPass(type, () -> input, (name, training, workspaces) -> getParam(name),
                name -> gradientViews.get(name), layer.getActivationFn(),
                layer.hasBias() ? ConvolutionParamInitializer.BIAS_KEY : null,
                // Deeplearning4j takes the memory of its weights for kernel, inputs, outputs, whatever their shape says.
                new FastPass.Link(ConvolutionParamInitializer.WEIGHT_KEY,
                        weights -> Convolution1DUtils.reshapeWeightArrayOrGradientForFormat(weights, RNNFormat.NCW),
                        new ConvolutionPass(geometry, layer.getNIn(), layer.getRnnDataFormat() == RNNFormat.NWC, 2, 1, 0)));
    }

    private static int[] first(int[] numbers) {
        return new int[]{numbers[0]};
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
