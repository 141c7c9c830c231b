// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

/**
 * Takes a {@link Network} part by part, and numbers its layers, so that all implementations name parameters alike.
 *
 * @param <T> what stands for an activation of shape [N, channels, height, width]
 */
abstract class NetworkBuilder<T> {
    static final int IMAGE = 32;
    static final int COLORS = 3;
    static final int CLASSES = 10;
    static final double LEARNING_RATE = 0.001;

    private final StepNorm norm;
    private int layers;

    NetworkBuilder(StepNorm norm) {
        this.norm = norm;
    }

    /** Forgets the numbers of the layers: the network is built once more. */
    final void again() {
        layers = 0;
    }

    private String name() {
        return String.valueOf(layers++);
    }

    /** Convolution, normalization and perhaps ReLU; without a norm, the convolution has a bias. */
    final T block(T x, int channels, int kernel, int stride, boolean relu) {
        boolean bare = norm == StepNorm.NONE;
        T convolved = convolution(name(), x, new int[]{channels, kernel, stride}, bare, bare && relu);
        return bare ? convolved : norm(name(), convolved, norm, relu);
    }

    /** ReLU of a sum. */
    final T added(T a, T b) {
        return sum(name(), a, b);
    }

    /** Max pooling of 2 x 2. */
    final T halved(T x) {
        return pool(name(), x);
    }

    /** Transposed convolution of 2 x 2 with stride 2 and a bias. */
    final T doubled(T x, int channels) {
        return transposed(name(), x, channels);
    }

    /** Concatenation of channels. */
    final T joined(T a, T b) {
        return concatenation(name(), a, b);
    }

    /** Ends the network with global average pooling, a dense layer and cross-entropy. */
    final void classes(T x) {
        T pooled = average(name(), x);
        classifier(name(), pooled);
    }

    /** Ends the network with a convolution of 1 x 1 to one channel and binary cross-entropy for each pixel. */
    final void pixels(T x) {
        T scores = convolution(name(), x, new int[]{1, 1, 1}, true, false);
        loss(name(), scores);
    }

    abstract T input();

    /**
     * Pads by half of the kernel.
     *
     * @param size channels, kernel and stride
     */
    abstract T convolution(String name, T x, int[] size, boolean bias, boolean relu);

    abstract T norm(String name, T x, StepNorm kind, boolean relu);

    abstract T sum(String name, T a, T b);

    abstract T pool(String name, T x);

    abstract T transposed(String name, T x, int channels);

    abstract T concatenation(String name, T a, T b);

    abstract T average(String name, T x);

    abstract void classifier(String name, T x);

    abstract void loss(String name, T x);
}
