// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.deeplearning4j.nn.params.DefaultParamInitializer.BIAS_KEY;
import static org.deeplearning4j.nn.params.DefaultParamInitializer.WEIGHT_KEY;

import io.github.dl4jnorm.conf.OutputFormat;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.layers.BaseOutputLayer;
import org.deeplearning4j.nn.conf.layers.Convolution1D;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.Convolution2D;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Deconvolution2D;
import org.deeplearning4j.nn.conf.layers.Deconvolution3D;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DepthwiseConvolution2D;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.SeparableConvolution2D;
import org.deeplearning4j.nn.params.SeparableConvolutionParamInitializer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The weights of a layer {@code act(W∗x + b)}, dense or convolution, scaled by output or input channel. All of it is
 * computed in double.
 */
final class LinearLayer {
    private static final String POINT_WISE = SeparableConvolutionParamInitializer.POINT_WISE_WEIGHT_KEY;

    /** Where channels are in the weights. */
    private record Axes(String outWeight, int[] out, String inWeight, int[] in) {
        static Axes of(int out, int in) {
            return new Axes(WEIGHT_KEY, new int[]{out}, WEIGHT_KEY, new int[]{in});
        }
    }

    private static final Axes CONVOLUTION = Axes.of(0, 1);
    /** Whatever the shape of its parameter says, Deeplearning4j 1.0.0-M2.1 reads [kernel, in, out]. */
    private static final Axes SEQUENCE = Axes.of(2, 1);

    /** Those known to compute what their class says; what a subclass does cannot be known. */
    private static final Map<Class<?>, Axes> AXES = Map.ofEntries(
            Map.entry(DenseLayer.class, Axes.of(1, 0)),
            Map.entry(OutputLayer.class, Axes.of(1, 0)),
            Map.entry(Convolution1DLayer.class, SEQUENCE),
            Map.entry(Convolution1D.class, SEQUENCE),
            Map.entry(ConvolutionLayer.class, CONVOLUTION),
            Map.entry(Convolution2D.class, CONVOLUTION),
            Map.entry(Convolution3D.class, CONVOLUTION),
            // [in, out, height, width] and [depth, height, width, out, in]
            Map.entry(Deconvolution2D.class, Axes.of(1, 0)),
            Map.entry(Deconvolution3D.class, Axes.of(3, 4)),
            // [height, width, in, multiplier], outputs in the order of the last two
            Map.entry(DepthwiseConvolution2D.class, new Axes(WEIGHT_KEY, new int[]{2, 3}, WEIGHT_KEY, new int[]{2})),
            // [multiplier, in, height, width], then [out, in·multiplier, 1, 1]
            Map.entry(SeparableConvolution2D.class, new Axes(POINT_WISE, new int[]{0}, WEIGHT_KEY, new int[]{1})));

    private final Part part;
    private final FeedForwardLayer conf;
    private final Axes axes;

    private LinearLayer(Part part, Axes axes) {
        this.part = part;
        this.axes = axes;
        conf = (FeedForwardLayer) part.layer();
    }

    /** The weights of a layer, or null if it is none of those known. */
    static LinearLayer of(Part part) {
        Axes axes = part == null ? null : AXES.get(part.layer().getClass());
        return axes == null ? null : new LinearLayer(part, axes);
    }

    Part part() {
        return part;
    }

    FeedForwardLayer conf() {
        return conf;
    }

    /** Whether there is a layer norm between weights and activation. */
    boolean hasLayerNorm() {
        return conf instanceof DenseLayer dense && dense.hasLayerNorm();
    }

    /** Whether it is made for sequences or volumes, which Deeplearning4j's own batch norm cannot normalize. */
    boolean isOneOrThreeDimensional() {
        return conf instanceof Convolution1DLayer || conf instanceof Convolution3D || conf instanceof Deconvolution3D;
    }

    boolean isDense() {
        return !(conf instanceof ConvolutionLayer);
    }

    boolean isChannelsLast() {
        return OutputFormat.isChannelsLast(conf);
    }

    /** Why a constant added to the input does not add a constant to the output, or null if it does. */
    String whyConstantsDoNotPass() {
        if (!(conf instanceof ConvolutionLayer convolution)) {
            return null;
        }
        boolean deconvolution = conf instanceof Deconvolution2D || conf instanceof Deconvolution3D;
        boolean pointwise = all(convolution.getKernelSize(), 1);
        if (deconvolution && !(pointwise && all(convolution.getStride(), 1))) {
            return "sums a different number of inputs at each position";
        }
        ConvolutionMode mode = convolution.getConvolutionMode();
        // These two choose the padding themselves.
        boolean pads = mode == ConvolutionMode.Same || mode == ConvolutionMode.Causal ? !pointwise
                : !all(convolution.getPadding(), 0);
        return pads ? "pads its input with zeros" : null;
    }

    private static boolean all(int[] values, int value) {
        return Arrays.stream(values).allMatch(v -> v == value);
    }

    /**
     * Makes {@code scale·(W∗x + b) + shift} of it.
     *
     * @return false, and nothing is changed, if a result is too large for the network's data type
     */
    boolean scaleOutput(double[] scale, double[] shift) {
        INDArray weight = wide(axes.outWeight());
        INDArray scaled = weight.mul(along(scale, weight.shape(), axes.out()));
        double[] bias = bias();
        Arrays.setAll(bias, c -> scale[c] * bias[c] + shift[c]);
        return set(axes.outWeight(), scaled, bias);
    }

    /**
     * Makes {@code W∗(scale·x + shift) + b} of it.
     *
     * @return false, and nothing is changed, if a result is too large for the network's data type
     */
    boolean scaleInput(double[] scale, double[] shift) {
        INDArray weight = wide(axes.inWeight());
        double[] added = added(weight, shift);
        double[] bias = bias();
        Arrays.setAll(bias, c -> bias[c] + added[c]);
        return set(axes.inWeight(), weight.mul(along(scale, weight.shape(), axes.in())), bias);
    }

    private double[] added(INDArray weight, double[] shift) {
        if (axes.inWeight().equals(axes.outWeight())) {
            return response(weight, shift, axes.in(), axes.out());
        }
        // Channel and multiplier, in this order, are the inputs of the second weights.
        INDArray between = weight.mul(along(shift, weight.shape(), axes.in())).sum(2, 3).transpose();
        return response(wide(axes.outWeight()), BatchNormMap.doubles(between), new int[]{1}, axes.out());
    }

    /** What constant inputs give at each output. */
    private static double[] response(INDArray weight, double[] constants, int[] in, int[] out) {
        int[] others = IntStream.range(0, weight.rank()).filter(axis -> Arrays.stream(out).noneMatch(o -> o == axis))
                .toArray();
        return BatchNormMap.doubles(weight.mul(along(constants, weight.shape(), in)).sum(others));
    }

    private static INDArray along(double[] values, long[] shape, int[] axes) {
        long[] broadcast = new long[shape.length];
        Arrays.fill(broadcast, 1);
        for (int axis : axes) {
            broadcast[axis] = shape[axis];
        }
        return Nd4j.createFromArray(values).reshape('c', broadcast);
    }

    private INDArray wide(String name) {
        INDArray wide = part.param(name).castTo(DataType.DOUBLE);
        return conf instanceof Convolution1DLayer sequence
                ? wide.dup('c').reshape('c', sequence.getKernelSize()[0], conf.getNIn(), conf.getNOut()) : wide;
    }

    private double[] bias() {
        INDArray bias = part.param(BIAS_KEY);
        return bias == null ? new double[Math.toIntExact(conf.getNOut())] : BatchNormMap.doubles(bias);
    }

    private boolean set(String name, INDArray weight, double[] bias) {
        DataType type = part.param(name).dataType();
        INDArray newWeight = weight.castTo(type);
        if (conf instanceof Convolution1DLayer) {
            newWeight = newWeight.dup('c').reshape('c', part.param(name).shape());
        }
        INDArray newBias = Nd4j.createFromArray(bias).castTo(type);
        if (!isFinite(newWeight) || !isFinite(newBias)) {
            return false;
        }
        part.setParam(name, newWeight);
        part.dropState(name);
        if (part.param(BIAS_KEY) == null) {
            addBias();
        }
        part.setParam(BIAS_KEY, newBias);
        part.dropState(BIAS_KEY);
        return true;
    }

    private void addBias() {
        if (conf instanceof ConvolutionLayer convolution) {
            convolution.setHasBias(true);
        } else if (conf instanceof BaseOutputLayer output) {
            output.setHasBias(true);
        } else {
            ((DenseLayer) conf).setHasBias(true);
        }
        part.variablesChanged();
    }

    static boolean isFinite(INDArray array) {
        return Double.isFinite(array.castTo(DataType.DOUBLE).sumNumber().doubleValue());
    }
}
