// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** The kinds of input, each with a layer before the norm, an output layer behind it and data. */
enum Kind {
    DENSE(false, 3),
    RNN_FIRST(false, 3, 4),
    RNN_LAST(true, 4, 3),
    CNN_FIRST(false, 2, 2, 3),
    CNN_LAST(true, 2, 3, 2),
    CNN3D_FIRST(false, 2, 2, 2, 2),
    CNN3D_LAST(true, 2, 2, 2, 2);

    static final int CHANNELS = 4;
    private static final int CLASSES = 3;

    final boolean channelsLast;
    private final long[] example;

    Kind(boolean channelsLast, long... example) {
        this.channelsLast = channelsLast;
        this.example = example;
    }

    boolean dense() {
        return this == DENSE;
    }

    boolean rnn() {
        return this == RNN_FIRST || this == RNN_LAST;
    }

    InputType inputType() {
        return switch (this) {
            case DENSE -> InputType.feedForward(3);
            case RNN_FIRST -> InputType.recurrent(3, 4, RNNFormat.NCW);
            case RNN_LAST -> InputType.recurrent(3, 4, RNNFormat.NWC);
            case CNN_FIRST -> InputType.convolutional(2, 3, 2, CNN2DFormat.NCHW);
            case CNN_LAST -> InputType.convolutional(2, 3, 2, CNN2DFormat.NHWC);
            case CNN3D_FIRST -> InputType.convolutional3D(Convolution3D.DataFormat.NCDHW, 2, 2, 2, 2);
            case CNN3D_LAST -> InputType.convolutional3D(Convolution3D.DataFormat.NDHWC, 2, 2, 2, 2);
        };
    }

    /** A layer with {@link #CHANNELS} outputs that keeps positions. */
    Layer before() {
        return switch (this) {
            case DENSE -> new DenseLayer.Builder().nOut(CHANNELS).activation(Activation.TANH).build();
            case RNN_FIRST, RNN_LAST -> new LSTM.Builder().nOut(CHANNELS).activation(Activation.TANH)
                    .dataFormat(channelsLast ? RNNFormat.NWC : RNNFormat.NCW).build();
            case CNN_FIRST, CNN_LAST -> new ConvolutionLayer.Builder(2, 2).nOut(CHANNELS).activation(Activation.TANH)
                    .convolutionMode(ConvolutionMode.Same)
                    .dataFormat(channelsLast ? CNN2DFormat.NHWC : CNN2DFormat.NCHW).build();
            case CNN3D_FIRST, CNN3D_LAST -> new Convolution3D.Builder(2, 2, 2).nOut(CHANNELS)
                    .activation(Activation.TANH).convolutionMode(ConvolutionMode.Same)
                    .dataFormat(channelsLast ? Convolution3D.DataFormat.NDHWC : Convolution3D.DataFormat.NCDHW).build();
        };
    }

    /** Where masks of positions end. Not an average: that of an instance norm is a constant. */
    Layer pooling() {
        return new GlobalPoolingLayer.Builder(PoolingType.PNORM).pnorm(3).build();
    }

    Layer output() {
        if (rnn()) {
            return new RnnOutputLayer.Builder(LossFunction.MCXENT).nOut(CLASSES).activation(Activation.SOFTMAX)
                    .dataFormat(channelsLast ? RNNFormat.NWC : RNNFormat.NCW).build();
        }
        return denseOutput();
    }

    Layer denseOutput() {
        return new OutputLayer.Builder(LossFunction.MCXENT).nOut(CLASSES).activation(Activation.SOFTMAX).build();
    }

    INDArray input(int examples, DataType type) {
        long[] shape = new long[example.length + 1];
        shape[0] = examples;
        System.arraycopy(example, 0, shape, 1, example.length);
        return Nd4j.rand(DataType.DOUBLE, shape).subi(0.5).muli(4).castTo(type);
    }

    /** One-hot labels; for sequences at each step. */
    INDArray labels(int examples, DataType type) {
        if (!rnn()) {
            return oneHot(examples).castTo(type);
        }
        int steps = 4;
        INDArray labels = Nd4j.zeros(type, examples, CLASSES, steps);
        for (int n = 0; n < examples; n++) {
            for (int t = 0; t < steps; t++) {
                labels.putScalar(n, (n + t) % CLASSES, t, 1);
            }
        }
        return channelsLast ? labels.permute(0, 2, 1).dup('c') : labels;
    }

    static INDArray oneHot(int examples) {
        INDArray labels = Nd4j.zeros(DataType.DOUBLE, examples, CLASSES);
        for (int n = 0; n < examples; n++) {
            labels.putScalar(n, n % CLASSES, 1);
        }
        return labels;
    }
}
