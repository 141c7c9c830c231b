// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.GlobalResponseNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.UnitNormalization;
import io.github.dl4jnorm.layer.NormalizationLayer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** A layer of this library. */
final class Ours implements Side {
    private final Drawn drawn;
    private final NormalizationLayer layer;

    Ours(Drawn drawn, Map<String, double[]> params) {
        this.drawn = drawn;
        NormLayer norm = norm(drawn);
        norm.setNIn(inputType(drawn), true);
        NeuralNetConfiguration conf = new NeuralNetConfiguration.Builder().updater(new Sgd(0.1)).dataType(drawn.type())
                .layer(norm).build();
        long count = conf.getLayer().initializer().numParams(conf);
        INDArray all = count == 0 ? null : Nd4j.create(drawn.type(), 1, count);
        layer = (NormalizationLayer) conf.getLayer().instantiate(conf, null, 0, all, true, drawn.type());
        if (count > 0) {
            layer.setBackpropGradientsViewArray(Nd4j.create(drawn.type(), 1, count));
        }
        params.forEach((name, values) -> {
            INDArray param = layer.getParam(name);
            if (param == null || param.length() != values.length) {
                throw new IllegalStateException("expected " + values.length + " values of " + name + ", got " + param);
            }
            param.assign(Nd4j.createFromArray(values).castTo(drawn.type()).reshape(param.shape()));
        });
    }

    private static NormLayer norm(Drawn drawn) {
        return switch (drawn.norm()) {
            case BATCH -> common(new BatchNormalization.Builder().runningStatistics(drawn.average().policy())
                    .useLogStd(drawn.logStd()), drawn).build();
            // Half of them by the size of the groups.
            case GROUP -> common(drawn.logStd() ? new GroupNormalization.Builder().groupSize(drawn.channels() / drawn.groups())
                    : new GroupNormalization.Builder(drawn.groups()), drawn).build();
            case INSTANCE -> {
                InstanceNormalization.Builder builder = common(new InstanceNormalization.Builder(), drawn);
                yield (drawn.average() == null ? builder
                        : builder.trackRunningStats(true).runningStatistics(drawn.average().policy())).build();
            }
            case LAYER -> common(new LayerNormalization.Builder(), drawn).build();
            case LAYER_PER_POSITION -> common(new LayerNormalization.Builder().perPosition(true), drawn).build();
            case LAYER_ELEMENTWISE -> common(new LayerNormalization.Builder().elementwiseAffine(true), drawn).build();
            case SWITCHABLE -> {
                SwitchableNormalization.Builder builder =
                        common(new SwitchableNormalization.Builder().useBatch(drawn.useBatch()), drawn);
                yield (drawn.average() == null ? builder : builder.runningStatistics(drawn.average().policy())).build();
            }
            case GHOST -> common(new GhostBatchNormalization.Builder(Drawn.GHOST)
                    .runningStatistics(drawn.average().policy()), drawn).build();
            case RENORM -> common(new BatchRenormalization.Builder().rMax(Libtorch.R_MAX).dMax(Libtorch.D_MAX)
                    .schedule(0, 0, 0).runningStatistics(drawn.average().policy()), drawn).build();
            // A ReLU that was drawn stands for a threshold.
            case FILTER_RESPONSE -> new FilterResponseNormalization.Builder().eps(drawn.eps()).scale(drawn.scale())
                    .center(drawn.center()).gammaOffset(drawn.gammaOffset()).threshold(drawn.relu()).learnedEps(true).build();
            case GLOBAL_RESPONSE -> common(new GlobalResponseNormalization.Builder(), drawn).build();
            case RMS -> common(new RmsNormalization.Builder(), drawn).build();
            case RMS_OF_EXAMPLE -> common(new RmsNormalization.Builder().perPosition(false), drawn).build();
            case UNIT_OF_EXAMPLE -> common(new UnitNormalization.Builder().perPosition(false), drawn).build();
            case UNIT -> common(new UnitNormalization.Builder(), drawn).build();
            case OTHER -> drawn.other();
        };
    }

    /** A norm of the factory with options, or null if the name is that of a norm of weights. */
    static NormLayer of(String name, Map<String, ?> options) {
        DenseLayer dense = new DenseLayer.Builder().nIn(1).nOut(1).activation(Activation.IDENTITY).build();
        List<Layer> layers = NormFactory.create(name, options).around(dense);
        return layers.get(layers.size() - 1) instanceof NormLayer norm ? norm : null;
    }

    private static <T extends NormBuilder<T, ?>> T common(T builder, Drawn drawn) {
        T options = builder.eps(drawn.eps()).scale(drawn.scale()).center(drawn.center()).gammaOffset(drawn.gammaOffset());
        return drawn.relu() ? options.activation(Activation.RELU) : options;
    }

    private static InputType inputType(Drawn drawn) {
        long[] shape = drawn.shape();
        boolean last = drawn.channelsLast();
        return switch (drawn.rank()) {
            case 2 -> InputType.feedForward(shape[1]);
            case 3 -> InputType.recurrent(shape[1], shape[2], last ? RNNFormat.NWC : RNNFormat.NCW);
            case 4 -> InputType.convolutional(shape[2], shape[3], shape[1], last ? CNN2DFormat.NHWC : CNN2DFormat.NCHW);
            default -> InputType.convolutional3D(last ? Convolution3D.DataFormat.NDHWC : Convolution3D.DataFormat.NCDHW,
                    shape[2], shape[3], shape[4], shape[1]);
        };
    }

    private INDArray array(double[] values) {
        INDArray array = Nd4j.createFromArray(values).castTo(drawn.type()).reshape('c', drawn.stored());
        return drawn.columnMajor() ? array.dup('f') : array;
    }

    private static double[] numbers(INDArray array) {
        return array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
    }

    @Override
    public double[] forward(double[] x, boolean training) {
        return numbers(layer.activate(array(x), training, LayerWorkspaceMgr.noWorkspaces()));
    }

    @Override
    public Map<String, double[]> backward(double[] dy) {
        Pair<Gradient, INDArray> result = layer.backpropGradient(array(dy), LayerWorkspaceMgr.noWorkspaces());
        Map<String, double[]> gradients = new LinkedHashMap<>();
        gradients.put("dx", numbers(result.getSecond()));
        result.getFirst().gradientForVariable().forEach((name, gradient) -> gradients.put(name, numbers(gradient)));
        return gradients;
    }

    @Override
    public double[] runningMean() {
        return layer.runningMean();
    }

    @Override
    public double[] runningVariance() {
        return layer.runningVariance();
    }
}
