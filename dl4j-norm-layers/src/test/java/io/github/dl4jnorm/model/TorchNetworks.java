// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.RmsNormalization;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.Convolution1D;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Deconvolution2D;
import org.deeplearning4j.nn.conf.layers.Deconvolution3D;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DepthwiseConvolution2D;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PReLULayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.SeparableConvolution2D;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * The networks of {@code src/test/resources/pytorch/networks.py}, which wrote the files beside it with PyTorch 2.13 and
 * safetensors 0.8.
 */
enum TorchNetworks {
    IMAGE(2, "features.0", "features.1", "features.4", "features.5", "classifier.0", "classifier.2"),
    SEQUENCE(2, "embed", "rnn#0", "rnn#1", "both", "plain", "head"),
    DENSE(1, "body.0", "body.1", "body.3", "body.4", "body.5", "body.6"),
    TRANSPOSED(2, "0", "1", "2", "3", "4", "5"),
    VOLUME(2, "0", "1", "3", "4"),
    FLAT(2, "0", "2"),
    WAVE(1, "0", "1", "3");

    private static final Path FILES = Path.of("src/test/resources/pytorch");

    /** In the order from input to output. */
    final List<String> modules;
    /** How many ways there are to build the network. */
    final int ways;

    TorchNetworks(int ways, String... modules) {
        this.ways = ways;
        this.modules = List.of(modules);
    }

    Path file() {
        return FILES.resolve(name().toLowerCase(Locale.ROOT) + ".safetensors");
    }

    INDArray inOut(String name, long... shape) throws IOException {
        try (Safetensors file = new Safetensors(Path.of(file().toString().replace(".", "-io.")))) {
            return file.values(name, shape);
        }
    }

    private static <T extends NormBuilder<T, ?>> Layer norm(T builder) {
        return builder.eps(1e-5).build();
    }

    private static Layer batchNorm() {
        return norm(Nets.ours());
    }

    private static Layer outputLayer(int nOut) {
        return new OutputLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).nOut(nOut).build();
    }

    /** The first way is channels-first and a sequence, others are channels-last, a graph or have Deeplearning4j's norms. */
    Model build(int way) {
        return switch (this) {
            case IMAGE -> {
                CNN2DFormat format = way == 1 ? CNN2DFormat.NHWC : CNN2DFormat.NCHW;
                Layer norm = way == 1 ? Nets.stock().eps(1e-5).useLogStd(true).build() : batchNorm();
                Layer[] layers = {
                    new ConvolutionLayer.Builder(3, 3).nOut(4).padding(1, 1).hasBias(false).dataFormat(format).build(), norm,
                    relu(), new SubsamplingLayer.Builder().kernelSize(2, 2).stride(2, 2).dataFormat(format).build(),
                    new FrozenLayer(new ConvolutionLayer.Builder(2, 3).nOut(6).dataFormat(format).build()),
                    way == 1 ? Nets.stock().eps(1e-5).useLogStd(false).build() : batchNorm(), relu(),
                    new DenseLayer.Builder().nOut(5).activation(Activation.RELU).build(), outputLayer(3)};
                yield Nets.sequence(InputType.convolutional(6, 8, 3, format), layers);
            }
            case SEQUENCE -> {
                Layer[] layers = {new EmbeddingSequenceLayer.Builder().nIn(7).nOut(4).inputLength(5).build(), lstm(3), lstm(3),
                    new Bidirectional(lstm(2)),
                    new SimpleRnn.Builder().nOut(3).activation(Activation.TANH).build(),
                    new RnnOutputLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).nOut(2).build()};
                yield way == 1 ? Nets.graph(InputType.recurrent(7, 5), layers) : Nets.sequence(InputType.recurrent(7, 5), layers);
            }
            case DENSE -> Nets.sequence(InputType.feedForward(4), new DenseLayer.Builder().nOut(6).build(),
                    new LayerNormalization.Builder().eps(1e-5).activation(Activation.TANH).build(),
                    new DenseLayer.Builder().nOut(6).hasBias(false).build(), norm(new RmsNormalization.Builder()), batchNorm(),
                    outputLayer(3));
            case TRANSPOSED -> {
                CNN2DFormat format = way == 1 ? CNN2DFormat.NHWC : CNN2DFormat.NCHW;
                yield Nets.sequence(InputType.convolutional(4, 4, 2, format),
                        new Deconvolution2D.Builder(2, 3).nOut(4).stride(2, 2).dataFormat(format).build(),
                        norm(new InstanceNormalization.Builder().affine(true)), prelu(format),
                        new DepthwiseConvolution2D.Builder(3, 2).depthMultiplier(2).nOut(8).dataFormat(format).build(),
                        norm(new GroupNormalization.Builder(2)),
                        new SeparableConvolution2D.Builder(3, 3).depthMultiplier(2).nOut(3).dataFormat(format).build());
            }
            case VOLUME -> {
                Convolution3D.DataFormat format = way == 1 ? Convolution3D.DataFormat.NDHWC : Convolution3D.DataFormat.NCDHW;
                yield Nets.sequence(InputType.convolutional3D(format, 2, 4, 4, 2),
                        new Convolution3D.Builder(1, 2, 3).nOut(4).convolutionMode(ConvolutionMode.Truncate).dataFormat(format)
                                .build(),
                        new GroupNormalization.Builder(2).eps(1e-5).activation(Activation.RELU).dataFormat(format).build(),
                        new Deconvolution3D.Builder().kernelSize(2, 1, 2).stride(2, 2, 2).nIn(4).nOut(3).dataFormat(format)
                                .build(),
                        norm(Nets.ours().dataFormat(format)));
            }
            case FLAT -> {
                Convolution3D.DataFormat format = way == 1 ? Convolution3D.DataFormat.NDHWC : Convolution3D.DataFormat.NCDHW;
                yield Nets.sequence(InputType.convolutional3D(format, 2, 3, 4, 2), new Convolution3D.Builder(1, 3, 3).nOut(3)
                        .convolutionMode(ConvolutionMode.Same).dataFormat(format).build(), outputLayer(2));
            }
            case WAVE -> Nets.sequence(InputType.recurrent(3, 7), new Convolution1D.Builder(3).nOut(4)
                    .convolutionMode(ConvolutionMode.Truncate).build(),
                    Nets.ours().eps(1e-5).activation(Activation.RELU).build(),
                    new Convolution1D.Builder(2).nOut(2).hasBias(false).convolutionMode(ConvolutionMode.Truncate).build());
        };
    }

    private static Layer relu() {
        return new ActivationLayer(Activation.RELU);
    }

    private static Layer prelu(CNN2DFormat format) {
        PReLULayer.Builder builder = new PReLULayer.Builder();
        return (format == CNN2DFormat.NCHW ? builder.inputShape(4, 8, 9).sharedAxes(2, 3)
                : builder.inputShape(8, 9, 4).sharedAxes(1, 2)).build();
    }

    private static LSTM lstm(int nOut) {
        return new LSTM.Builder().nOut(nOut).activation(Activation.TANH).gateActivationFunction(Activation.SIGMOID).build();
    }
}
