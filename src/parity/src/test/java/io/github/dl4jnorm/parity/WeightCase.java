// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import java.util.Arrays;
import java.util.Random;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * A layer with computed weights, drawn by a seed.
 *
 * @param seed     seed of the sizes and of all numbers
 * @param wrapper  what computes the weights
 * @param inside   the layer whose weights they are
 * @param type     type of parameters and activations
 * @param examples examples of a batch
 * @param in       input channels
 * @param out      output channels
 * @param kernel   sizes of the kernel; none for a dense layer
 * @param powers   power iterations of a training step
 */
record WeightCase(long seed, Wrapper wrapper, Inside inside, DataType type, int examples, int in, int out, int[] kernel,
                  int powers) {
    /** Of a ReLU. */
    static final double GAMMA_ACT = Math.sqrt(2 / (1 - 1 / Math.PI));

    enum Wrapper {
        WEIGHT, STANDARDIZATION, SCALED, SPECTRAL, ORTHOGONAL
    }

    enum Inside {
        DENSE, CNN, VOLUME, DECONVOLUTION;

        int kernelAxes() {
            return switch (this) {
                case DENSE -> 0;
                case CNN, DECONVOLUTION -> 2;
                case VOLUME -> 3;
            };
        }
    }

    static WeightCase draw(long seed, Wrapper wrapper, Inside inside, DataType type) {
        Random random = new Random(seed);
        int[] kernel = new int[inside.kernelAxes()];
        Arrays.setAll(kernel, axis -> 1 + random.nextInt(3));
        int in = (inside == Inside.DENSE ? 2 : 1) + random.nextInt(9);
        // Weights of a unit with a single input are standardized to 0.
        if (Arrays.stream(kernel).reduce(in, (a, b) -> a * b) < 2) {
            in++;
        }
        return new WeightCase(seed, wrapper, inside, type, 1 + random.nextInt(4), in, 1 + random.nextInt(9), kernel,
                1 + random.nextInt(3));
    }

    /** Of the input: three positions more than the kernel along each axis. */
    long[] inputShape() {
        long[] shape = new long[2 + kernel.length];
        shape[0] = examples;
        shape[1] = in;
        for (int axis = 0; axis < kernel.length; axis++) {
            shape[2 + axis] = kernel[axis] + 3;
        }
        return shape;
    }

    /** Of the weight in memory. */
    long[] weightShape() {
        long[] shape = new long[2 + kernel.length];
        shape[0] = inside == Inside.DECONVOLUTION ? in : out;
        shape[1] = inside == Inside.DECONVOLUTION ? out : in;
        for (int axis = 0; axis < kernel.length; axis++) {
            shape[2 + axis] = kernel[axis];
        }
        return shape;
    }

    /** The axis of the output units in {@link #weightShape}. */
    int unitAxis() {
        return inside == Inside.DECONVOLUTION ? 1 : 0;
    }

    int inputs() {
        return Arrays.stream(kernel).reduce(in, (a, b) -> a * b);
    }

    static int length(long[] shape) {
        return Math.toIntExact(Arrays.stream(shape).reduce(1, (a, b) -> a * b));
    }

    /** Normal numbers as the type holds them. */
    double[] gaussian(Random random, int length, double mean) {
        double[] values = new double[length];
        for (int i = 0; i < length; i++) {
            double value = mean + random.nextGaussian();
            values[i] = type == DataType.FLOAT ? (float) value : value;
        }
        return values;
    }

    @Override
    public String toString() {
        return wrapper + " of " + inside + " " + type + " n=" + examples + " in=" + in + " out=" + out + " kernel="
                + Arrays.toString(kernel) + " powers=" + powers + " seed=" + seed;
    }
}
