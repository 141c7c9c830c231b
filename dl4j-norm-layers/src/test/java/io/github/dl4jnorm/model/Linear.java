// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution1D;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Deconvolution2D;
import org.deeplearning4j.nn.conf.layers.Deconvolution3D;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DepthwiseConvolution2D;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.SeparableConvolution2D;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Every layer that a batch norm can be folded into, with three channels in and as many as six out. */
enum Linear {
    DENSE, SEQUENCE, SEQUENCE_LAST, CNN, CNN_LAST, VOLUME, VOLUME_LAST, DEPTHWISE, DEPTHWISE_LAST, SEPARABLE,
    SEPARABLE_LAST, DECONVOLUTION, DECONVOLUTION_LAST, DECONVOLUTION_3D, DECONVOLUTION_3D_LAST;

    private static final int IN = 3;
    private static final int OUT = 6;

    boolean isLast() {
        return name().endsWith("LAST");
    }

    boolean isDeconvolution() {
        return name().startsWith("DECONVOLUTION");
    }

    int nOut() {
        return OUT;
    }

    private int rank() {
        return switch (this) {
            case DENSE -> 2;
            case SEQUENCE, SEQUENCE_LAST -> 3;
            case VOLUME, VOLUME_LAST, DECONVOLUTION_3D, DECONVOLUTION_3D_LAST -> 5;
            default -> 4;
        };
    }

    InputType type() {
        return switch (rank()) {
            case 2 -> InputType.feedForward(IN);
            case 3 -> InputType.recurrent(IN, 9, isLast() ? RNNFormat.NWC : RNNFormat.NCW);
            case 4 -> InputType.convolutional(7, 8, IN, isLast() ? CNN2DFormat.NHWC : CNN2DFormat.NCHW);
            default -> InputType.convolutional3D(volume(), 5, 6, 7, IN);
        };
    }

    INDArray input() {
        Nd4j.getRandom().setSeed(23);
        return Nd4j.randn(DataType.FLOAT, switch (rank()) {
            case 2 -> new long[]{4, IN};
            case 3 -> isLast() ? new long[]{4, 9, IN} : new long[]{4, IN, 9};
            case 4 -> isLast() ? new long[]{4, 7, 8, IN} : new long[]{4, IN, 7, 8};
            default -> isLast() ? new long[]{2, 5, 6, 7, IN} : new long[]{2, IN, 5, 6, 7};
        });
    }

    FeedForwardLayer layer(boolean bias, ConvolutionMode mode) {
        return switch (this) {
            case DENSE -> new DenseLayer.Builder().nOut(OUT).hasBias(bias).build();
            case SEQUENCE -> new Convolution1DLayer.Builder(3).nOut(OUT).hasBias(bias).convolutionMode(mode).build();
            case SEQUENCE_LAST -> new Convolution1D.Builder(3).rnnDataFormat(RNNFormat.NWC).nOut(OUT).hasBias(bias)
                    .convolutionMode(mode).build();
            case CNN, CNN_LAST -> new ConvolutionLayer.Builder(3, 2).nOut(OUT).hasBias(bias).convolutionMode(mode).build();
            case VOLUME, VOLUME_LAST -> new Convolution3D.Builder(2, 3, 2).nOut(OUT).hasBias(bias).convolutionMode(mode)
                    .dataFormat(volume()).build();
            case DEPTHWISE, DEPTHWISE_LAST -> new DepthwiseConvolution2D.Builder(3, 2).depthMultiplier(OUT / IN).nOut(OUT)
                    .dataFormat(image()).hasBias(bias).convolutionMode(mode).build();
            case SEPARABLE, SEPARABLE_LAST -> new SeparableConvolution2D.Builder(3, 2).depthMultiplier(2).nOut(OUT)
                    .dataFormat(image()).hasBias(bias).convolutionMode(mode).build();
            case DECONVOLUTION, DECONVOLUTION_LAST -> new Deconvolution2D.Builder(3, 2).nOut(OUT).dataFormat(image())
                    .stride(2, 2).hasBias(bias).convolutionMode(mode).build();
            default -> new Deconvolution3D.Builder().kernelSize(2, 3, 2).stride(1, 1, 1).nOut(OUT).hasBias(bias)
                    .convolutionMode(mode).dataFormat(volume()).build();
        };
    }

    private CNN2DFormat image() {
        return isLast() ? CNN2DFormat.NHWC : CNN2DFormat.NCHW;
    }

    private Convolution3D.DataFormat volume() {
        return isLast() ? Convolution3D.DataFormat.NDHWC : Convolution3D.DataFormat.NCDHW;
    }
}
