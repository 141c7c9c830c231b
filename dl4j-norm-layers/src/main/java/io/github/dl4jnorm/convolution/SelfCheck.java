// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import java.util.Random;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Deconvolution3D;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Compares the fast layer of a configuration with Deeplearning4j's on a small random input: output, gradient of the input and
 * gradients of all parameters. The network's own layer, its parameters and its random numbers are left alone; dropout and
 * weight noise, which would differ by chance, are left out.
 */
public final class SelfCheck {
    private static final long SEED = 42;
    private static final int EXAMPLES = 2;
    /** Windows of the kernel along the first spatial axis; one more along each axis behind it. */
    private static final int WINDOWS = 3;
    private static final double SCALE = 0.1;

    private final Random random = new Random(SEED);
    private final LayerWorkspaceMgr workspaces = LayerWorkspaceMgr.noWorkspaces();
    private double difference;
    private String worst = "";

    private SelfCheck() {
    }

    /**
     * What a comparison found.
     *
     * @param difference largest difference of two numbers, divided by the largest number of the array it was found in
     * @param where      name of that array
     */
    public record Finding(double difference, String where) {
    }

    /**
     * Compares.
     *
     * @param layer a layer that {@link FastLayers#hasFast}
     * @return the largest difference
     */
    public static Finding of(Layer layer) {
        return new SelfCheck().compare(layer);
    }

    private Finding compare(Layer layer) {
        NeuralNetConfiguration conf = layer.conf().clone();
        FeedForwardLayer bare = (FeedForwardLayer) conf.getLayer();
        bare.setIDropout(null);
        bare.setWeightNoise(null);
        INDArray params = normal(SCALE, bare.initializer().numParams(conf));
        Layer stock = bare.instantiate(conf, null, 0, params, false, DataType.FLOAT);
        Layer fast = FastLayers.fast(bare.instantiate(conf, null, 0, params.dup(), false, DataType.FLOAT));
        INDArray x = normal(1, inputShape(bare));
        stock.setInput(x.dup(), workspaces);
        fast.setInput(x.dup(), workspaces);
        INDArray y = stock.activate(true, workspaces);
        compare("output", y, fast.activate(true, workspaces));
        INDArray dy = normal(1, y.shape());
        Pair<Gradient, INDArray> expected = backward(stock, params.length(), dy.dup());
        Pair<Gradient, INDArray> actual = backward(fast, params.length(), dy.dup());
        compare("gradient of the input", expected.getSecond(), actual.getSecond());
        expected.getFirst().gradientForVariable().forEach((name, gradient) ->
                compare("gradient of " + name, gradient, actual.getFirst().getGradientFor(name)));
        return new Finding(difference, worst);
    }

    private Pair<Gradient, INDArray> backward(Layer layer, long params, INDArray dy) {
        layer.setBackpropGradientsViewArray(Nd4j.zeros(DataType.FLOAT, params));
        return layer.backpropGradient(dy, workspaces);
    }

    private void compare(String name, INDArray expected, INDArray actual) {
        if (!expected.equalShapes(actual)) {
            differs(name + " (its shape)", Double.POSITIVE_INFINITY);
            return;
        }
        double largest = expected.amaxNumber().doubleValue();
        double distance = expected.sub(actual).amaxNumber().doubleValue();
        differs(name, Double.isNaN(distance) ? Double.POSITIVE_INFINITY : largest == 0 ? distance : distance / largest);
    }

    private void differs(String name, double by) {
        if (by > difference) {
            difference = by;
            worst = name;
        }
    }

    private INDArray normal(double scale, long... shape) {
        INDArray array = Nd4j.createUninitialized(DataType.FLOAT, shape, 'c');
        for (long i = 0; i < array.length(); i++) {
            array.putScalar(i, scale * random.nextGaussian());
        }
        return array;
    }

    private long[] inputShape(FeedForwardLayer conf) {
        int[][] kernel = window(conf);
        int[] extents = kernel[0];
        long[] shape = new long[extents.length + 2];
        boolean channelsLast = channelsLast(conf);
        shape[0] = EXAMPLES;
        shape[channelsLast ? shape.length - 1 : 1] = conf.getNIn();
        for (int i = 0; i < extents.length; i++) {
            // As many windows as are asked for, or more, without a rest, which the mode Strict refuses.
            int extent = (extents[i] - 1) * kernel[2][i] + 1;
            int size = extent - 2 * kernel[3][i] + (WINDOWS + i - 1) * kernel[1][i];
            while (size < 2) {
                size += kernel[1][i];
            }
            shape[channelsLast ? i + 1 : i + 2] = size;
        }
        return shape;
    }

    /** Kernel, stride, dilation and padding. */
    private static int[][] window(FeedForwardLayer conf) {
        if (conf instanceof Deconvolution3D three) {
            return new int[][]{three.getKernelSize(), three.getStride(), three.getDilation(), three.getPadding()};
        }
        ConvolutionLayer any = (ConvolutionLayer) conf;
        int[][] window = {any.getKernelSize(), any.getStride(), any.getDilation(), any.getPadding()};
        if (conf instanceof Convolution1DLayer) {
            for (int i = 0; i < window.length; i++) {
                window[i] = new int[]{window[i][0]};
            }
        }
        return window;
    }

    private static boolean channelsLast(FeedForwardLayer conf) {
        if (conf instanceof Deconvolution3D three) {
            return three.getDataFormat() == Convolution3D.DataFormat.NDHWC;
        }
        if (conf instanceof Convolution3D three) {
            return three.getDataFormat() == Convolution3D.DataFormat.NDHWC;
        }
        return conf instanceof Convolution1DLayer one ? one.getRnnDataFormat() == RNNFormat.NWC
                : ((ConvolutionLayer) conf).getCnn2dDataFormat() == CNN2DFormat.NHWC;
    }
}
