// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.OrthogonalParametrization;
import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.ScaledWeightStandardization;
import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.conf.WeightNormalization;
import io.github.dl4jnorm.conf.WeightStandardization;
import java.util.Random;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Deconvolution2D;
import org.deeplearning4j.nn.conf.layers.Deconvolution3D;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DepthwiseConvolution2D;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.GravesLSTM;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.SeparableConvolution2D;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Every layer whose weights can be computed, three inputs and four outputs wide. */
enum Inside {
    DENSE, DENSE_WITHOUT_BIAS, SEQUENCE, CNN, CNN_LAST, VOLUME, DECONVOLUTION, DECONVOLUTION_3D, DEPTHWISE, SEPARABLE, LSTM,
    SIMPLE_RNN, GRAVES_LSTM, BIDIRECTIONAL_LSTM, BIDIRECTIONAL_SIMPLE_RNN, BIDIRECTIONAL_GRAVES_LSTM;

    static final int IN = 3;
    static final int OUT = 4;
    static final int STEPS = 6;
    static final int CLASSES = 2;

    /** What computes the weights. */
    enum Wrapper {
        WEIGHT, STANDARDIZATION, SPECTRAL, SCALED, ORTHOGONAL;

        Reparameterization around(Layer layer) {
            return switch (this) {
                case WEIGHT -> new WeightNormalization(layer);
                case STANDARDIZATION -> new WeightStandardization(layer);
                case ORTHOGONAL -> new OrthogonalParametrization(layer);
                case SCALED -> new ScaledWeightStandardization.Builder(layer).gammaAct(1.5).build();
                case SPECTRAL -> new SpectralNormalization(layer);
            };
        }
    }

    boolean recurrent() {
        return name().matches(".*(LSTM|RNN)");
    }

    /** How the two directions come together, or null if there is one. */
    private Bidirectional.Mode mode() {
        return switch (this) {
            case BIDIRECTIONAL_LSTM -> Bidirectional.Mode.CONCAT;
            case BIDIRECTIONAL_SIMPLE_RNN -> Bidirectional.Mode.ADD;
            case BIDIRECTIONAL_GRAVES_LSTM -> Bidirectional.Mode.MUL;
            default -> null;
        };
    }

    /** Whether a mask goes along the positions. */
    boolean sequence() {
        return recurrent() || this == SEQUENCE;
    }

    /** Output units of a layer of its own; a depthwise convolution has a multiple of the inputs. */
    int units() {
        return this == DEPTHWISE ? 2 * IN : OUT;
    }

    FeedForwardLayer.Builder<?> builder() {
        return switch (this) {
            case DENSE -> new DenseLayer.Builder().nOut(OUT);
            case DENSE_WITHOUT_BIAS -> new DenseLayer.Builder().nOut(OUT).hasBias(false);
            case SEQUENCE -> new Convolution1DLayer.Builder(3).nOut(OUT).convolutionMode(ConvolutionMode.Same);
            case CNN -> new ConvolutionLayer.Builder(3, 2).nOut(OUT);
            case CNN_LAST -> new ConvolutionLayer.Builder(3, 2).nOut(OUT).dataFormat(CNN2DFormat.NHWC);
            case VOLUME -> new Convolution3D.Builder(2, 3, 2).nOut(OUT).convolutionMode(ConvolutionMode.Same);
            case DECONVOLUTION -> new Deconvolution2D.Builder(3, 2).nOut(OUT);
            case DECONVOLUTION_3D -> new Deconvolution3D.Builder().kernelSize(2, 3, 2).stride(1, 1, 1).nOut(OUT);
            case DEPTHWISE -> new DepthwiseConvolution2D.Builder(3, 2).depthMultiplier(2).nOut(2 * IN);
            case SEPARABLE -> new SeparableConvolution2D.Builder(3, 2).depthMultiplier(2).nOut(OUT);
            case LSTM, BIDIRECTIONAL_LSTM -> new LSTM.Builder().nOut(OUT);
            case SIMPLE_RNN, BIDIRECTIONAL_SIMPLE_RNN -> new SimpleRnn.Builder().nOut(OUT);
            case GRAVES_LSTM, BIDIRECTIONAL_GRAVES_LSTM -> new GravesLSTM.Builder().nOut(OUT);
        };
    }

    Layer layer(Activation activation) {
        return layer(builder().activation(activation).name("inside"));
    }

    /** The layer with the options of a builder. */
    Layer layer(FeedForwardLayer.Builder<?> builder) {
        FeedForwardLayer layer = builder.build();
        if (mode() == null) {
            return layer;
        }
        Bidirectional both = new Bidirectional(mode(), layer);
        both.setLayerName(layer.getLayerName());
        return both;
    }

    InputType type() {
        return switch (this) {
            case DENSE, DENSE_WITHOUT_BIAS -> InputType.feedForward(IN);
            case SEQUENCE, LSTM, SIMPLE_RNN, GRAVES_LSTM, BIDIRECTIONAL_LSTM, BIDIRECTIONAL_SIMPLE_RNN,
                    BIDIRECTIONAL_GRAVES_LSTM -> InputType.recurrent(IN, STEPS);
            case VOLUME, DECONVOLUTION_3D -> InputType.convolutional3D(Convolution3D.DataFormat.NCDHW, 3, 4, 3, IN);
            case CNN_LAST -> InputType.convolutional(4, 5, IN, CNN2DFormat.NHWC);
            default -> InputType.convolutional(4, 5, IN);
        };
    }

    INDArray input(int examples, DataType type) {
        long[] shape = switch (this) {
            case DENSE, DENSE_WITHOUT_BIAS -> new long[]{examples, IN};
            case SEQUENCE, LSTM, SIMPLE_RNN, GRAVES_LSTM, BIDIRECTIONAL_LSTM, BIDIRECTIONAL_SIMPLE_RNN,
                    BIDIRECTIONAL_GRAVES_LSTM -> new long[]{examples, IN, STEPS};
            case VOLUME, DECONVOLUTION_3D -> new long[]{examples, IN, 3, 4, 3};
            case CNN_LAST -> new long[]{examples, 4, 5, IN};
            default -> new long[]{examples, IN, 4, 5};
        };
        return drawn(type, shape);
    }

    /** Normal numbers, not of ND4J, whose numbers depend on threads. */
    static INDArray drawn(DataType type, long... shape) {
        Random random = new Random(31);
        long length = 1;
        for (long size : shape) {
            length *= size;
        }
        return Nd4j.createFromArray(random.doubles(length, -1.5, 1.5).toArray()).castTo(type).reshape(shape);
    }

    static INDArray labels(int examples, DataType type) {
        INDArray labels = Nd4j.zeros(type, examples, CLASSES);
        for (int i = 0; i < examples; i++) {
            labels.putScalar(i, i % CLASSES, 1);
        }
        return labels;
    }

    /** All but the output layer of dense input pools over positions. */
    private Layer pooling() {
        return new GlobalPoolingLayer(PoolingType.AVG);
    }

    private boolean pools() {
        return this != DENSE && this != DENSE_WITHOUT_BIAS;
    }

    static NeuralNetConfiguration.Builder base(DataType type, IUpdater updater) {
        return new NeuralNetConfiguration.Builder().seed(7).dataType(type).updater(updater);
    }

    private static Layer output() {
        return new OutputLayer.Builder(LossFunction.MCXENT).nOut(CLASSES).activation(Activation.SOFTMAX).build();
    }

    MultiLayerNetwork sequence(NeuralNetConfiguration.Builder base, Layer layer) {
        return sequence(base, layer, type());
    }

    MultiLayerNetwork sequence(NeuralNetConfiguration.Builder base, Layer layer, InputType type) {
        NeuralNetConfiguration.ListBuilder list = base.list().layer(layer);
        if (pools()) {
            list.layer(pooling());
        }
        MultiLayerNetwork net = new MultiLayerNetwork(list.layer(output()).setInputType(type).build());
        net.init();
        return net;
    }

    ComputationGraph graph(NeuralNetConfiguration.Builder base, Layer layer) {
        var builder = base.graphBuilder().addInputs("in").setInputTypes(type()).addLayer("inside", layer, "in");
        if (pools()) {
            builder.addLayer("pool", pooling(), "inside");
        }
        ComputationGraph net = new ComputationGraph(builder.addLayer("out", output(), pools() ? "pool" : "inside")
                .setOutputs("out").build());
        net.init();
        return net;
    }

    /** The wrapper of a network's first layer. */
    static ReparameterizedLayer first(MultiLayerNetwork net) {
        return (ReparameterizedLayer) net.getLayer(0);
    }
}
