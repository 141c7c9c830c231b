// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import java.util.Random;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
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
     * @param difference largest difference of two numbers, divided by the largest number of the array it was found in,
     *                   or of the gradients of all parameters
     * @param where      name of that array
     */
    public record Finding(double difference, String where) {
    }

    /**
     * Compares.
     *
     * @param configuration of a layer that has no {@link FastLayers#obstacle}
     * @return the largest difference
     */
    public static Finding of(NeuralNetConfiguration configuration) {
        return new SelfCheck().compare(configuration.clone());
    }

    private Finding compare(NeuralNetConfiguration conf) {
        org.deeplearning4j.nn.conf.layers.Layer bare = conf.getLayer();
        bare.setIDropout(null);
        if (bare instanceof BaseLayer learned) {
            learned.setWeightNoise(null);
        }
        long count = bare.initializer().numParams(conf);
        INDArray params = count == 0 ? null : normal(SCALE, count);
        Layer stock = bare.instantiate(conf, null, 0, params, false, DataType.FLOAT);
        Layer fast = FastLayers.fast(bare.instantiate(conf, null, 0, params == null ? null : params.dup(), false,
                DataType.FLOAT));
        long[] shape = ((Fast) fast).sample();
        if (shape == null) {
            throw new IllegalStateException("oneDNN has no convolution with such a kernel, stride, dilation and mode");
        }
        INDArray x = normal(1, shape);
        stock.setInput(x.dup(), workspaces);
        fast.setInput(x.dup(), workspaces);
        INDArray y;
        INDArray dy;
        Pair<Gradient, INDArray> expected;
        try {
            y = stock.activate(true, workspaces);
            dy = normal(1, y.shape());
            expected = backward(stock, count, dy.dup());
        } catch (RuntimeException e) {
            throw new IllegalStateException("Deeplearning4j's own layer fails (" + e.getMessage() + ")", e);
        }
        compare("output", y, fast.activate(true, workspaces));
        Pair<Gradient, INDArray> actual = backward(fast, count, dy.dup());
        compare("gradient of the input", expected.getSecond(), actual.getSecond());
        // Together: some sum up to 0, as that of a bias before a softmax, and are nothing but rounding.
        double largest = expected.getFirst().gradientForVariable().values().stream().mapToDouble(SelfCheck::largest).max()
                .orElse(0);
        expected.getFirst().gradientForVariable().forEach((name, gradient) ->
                compare("gradient of " + name, gradient, actual.getFirst().getGradientFor(name), largest));
        return new Finding(difference, worst);
    }

    private Pair<Gradient, INDArray> backward(Layer layer, long params, INDArray dy) {
        if (params > 0) {
            layer.setBackpropGradientsViewArray(Nd4j.zeros(DataType.FLOAT, params));
        }
        return layer.backpropGradient(dy, workspaces);
    }

    private static double largest(INDArray array) {
        return array.amaxNumber().doubleValue();
    }

    private void compare(String name, INDArray expected, INDArray actual) {
        compare(name, expected, actual, largest(expected));
    }

    private void compare(String name, INDArray expected, INDArray actual, double scale) {
        if (!expected.equalShapes(actual)) {
            differs(name + " (its shape)", Double.POSITIVE_INFINITY);
            return;
        }
        double distance = expected.sub(actual).amaxNumber().doubleValue();
        differs(name, Double.isNaN(distance) ? Double.POSITIVE_INFINITY : scale == 0 ? distance : distance / scale);
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
}
