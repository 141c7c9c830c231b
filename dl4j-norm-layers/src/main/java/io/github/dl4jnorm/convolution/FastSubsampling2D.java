// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.bytedeco.dnnl.global.dnnl;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.convolution.subsampling.SubsamplingLayer;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Deeplearning4j's layer of 2D pooling on oneDNN; input that oneDNN does not take goes Deeplearning4j's way. */
public final class FastSubsampling2D extends SubsamplingLayer implements Fast {
    private static final int SAMPLE_CHANNELS = 3;

    private final transient Axes axes;
    private final transient Geometry geometry;
    private final transient dnnl.algorithm algorithm;
    private final transient Recent<List<Long>, Pooling> poolings = new Recent<>();
    /** Input of the last forward pass that a backward pass may follow, and what that needs of it. */
    private transient INDArray keptInput;
    private transient INDArray kept;

    /**
     * Makes the layer.
     *
     * @param conf configuration with Deeplearning4j's SubsamplingLayer
     * @param type type of activations
     */
    public FastSubsampling2D(NeuralNetConfiguration conf, DataType type) {
        super(conf, type);
        org.deeplearning4j.nn.conf.layers.SubsamplingLayer layer = layerConf();
        axes = new Axes(4, layer.getCnn2dDataFormat() == CNN2DFormat.NHWC);
        geometry = new Geometry(layer.getKernelSize(), layer.getStride(), layer.getDilation(), layer.getPadding(),
                convolutionMode, false);
        algorithm = layer.getPoolingType() == PoolingType.MAX ? dnnl.algorithm.pooling_max
                : layer.isAvgPoolIncludePadInDivisor() ? dnnl.algorithm.pooling_avg_include_padding
                : dnnl.algorithm.pooling_avg_exclude_padding;
    }

    /** {@return why oneDNN does not compute what a configuration asks for, or null if it does} */
    static String obstacle(org.deeplearning4j.nn.conf.layers.SubsamplingLayer conf) {
        if (conf.getPoolingType() != PoolingType.MAX && conf.getPoolingType() != PoolingType.AVG) {
            return "oneDNN has no pooling of type " + conf.getPoolingType();
        }
        return Arrays.stream(conf.getDilation()).allMatch(d -> d == 1) ? null : "oneDNN has no dilated pooling";
    }

    private boolean serves() {
        return input != null && dataType == DataType.FLOAT && axes.fit(input.shape())
                && geometry.out(axes.spatial(input.shape())) != null;
    }

    private long[] outShape(INDArray x) {
        return axes.shape(x.size(0), axes.channels(x.shape()), geometry.out(axes.spatial(x.shape())));
    }

    private Pooling pooling(Tensor x, Tensor y) {
        List<Long> key = LongStream.of(x.shape()).boxed().collect(Collectors.toList());
        return poolings.get(key, sizes -> Pooling.of(algorithm, geometry, x.shape(), y.shape(), axes.channelsLast()));
    }

    @Override
    public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
        if (!serves()) {
            return super.activate(training, workspaceMgr);
        }
        return forward(training, ArrayType.ACTIVATIONS, workspaceMgr);
    }

    private INDArray forward(boolean keep, ArrayType into, LayerWorkspaceMgr workspaces) {
        INDArray x = input.castTo(dataType);
        INDArray y = workspaces.createUninitialized(into, DataType.FLOAT, outShape(x), 'c');
        Tensor in = axes.tensor(x);
        Tensor out = axes.tensor(y);
        Pooling pooling = pooling(in, out);
        long numbers = (pooling.keptBytes() + Float.BYTES - 1) / Float.BYTES;
        kept = keep && numbers > 0 ? workspaces.createUninitialized(into, DataType.FLOAT, numbers) : null;
        keptInput = keep ? input : null;
        pooling.forward(in, out, kept);
        return y;
    }

    @Override
    public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
        if (!serves()) {
            return super.backpropGradient(epsilon, workspaceMgr);
        }
        if (keptInput != input) {
            forward(true, ArrayType.BP_WORKING_MEM, workspaceMgr);
        }
        INDArray dx = workspaceMgr.createUninitialized(ArrayType.ACTIVATION_GRAD, DataType.FLOAT, input.shape(), 'c');
        Tensor dy = axes.tensor(epsilon.castTo(DataType.FLOAT));
        Tensor result = axes.tensor(dx);
        pooling(result, dy).backward(dy, result, kept);
        kept = null;
        keptInput = null;
        return new Pair<>(new DefaultGradient(), dx);
    }

    @Override
    public long[] sample() {
        long[] positions = geometry.sample();
        return positions == null ? null : axes.shape(2, SAMPLE_CHANNELS, positions);
    }
}
