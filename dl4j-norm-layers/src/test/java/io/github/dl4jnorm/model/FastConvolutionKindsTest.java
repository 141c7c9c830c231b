// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Deconvolution2D;
import org.deeplearning4j.nn.conf.layers.Deconvolution3D;
import org.deeplearning4j.nn.conf.layers.DepthwiseConvolution2D;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.SeparableConvolution2D;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer.PoolingType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;

/**
 * Output and all gradients of every kind of layer against Deeplearning4j's own, by the comparison that enabling makes: kinds ×
 * modes × strides, dilations and padding × data formats × activations × with and without bias.
 */
@Tag("once")
@Tag("long")
@EnabledIf("io.github.dl4jnorm.model.FastNets#platformHasOneDnn")
class FastConvolutionKindsTest {
    private static final double TOLERANCE = 1e-5;
    private static final int CHANNELS = 3;
    private static final int OUT = 5;

    /** How a kernel moves. */
    private record Move(ConvolutionMode mode, int stride, int dilation, int padding) {
    }

    private record Row(String name, Layer layer, InputType input) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static List<Move> moves() {
        List<Move> moves = new ArrayList<>();
        for (ConvolutionMode mode : ConvolutionMode.values()) {
            for (int[] m : new int[][]{{1, 1, 0}, {2, 1, 0}, {1, 2, 0}, {3, 1, 0}, {1, 1, 1}, {2, 1, 1}, {1, 2, 2}}) {
                if (m[2] == 0 || mode == ConvolutionMode.Strict || mode == ConvolutionMode.Truncate) {
                    moves.add(new Move(mode, m[0], m[1], m[2]));
                }
            }
        }
        return moves;
    }

    private static List<Row> rows(List<Move> moves, List<Activation> activations) {
        List<Row> rows = new ArrayList<>();
        for (Move move : moves) {
            for (Activation activation : activations) {
                for (boolean bias : new boolean[]{true, false}) {
                    add(rows, move, activation, bias);
                }
            }
        }
        return rows;
    }

    private static void add(List<Row> rows, Move move, Activation activation, boolean bias) {
        String name = move + " " + activation + (bias ? " bias" : "");
        if (move.mode == ConvolutionMode.Causal) {
            rows.add(new Row("1D " + name, one(move, activation, bias), InputType.recurrent(CHANNELS, 13, RNNFormat.NCW)));
            return;
        }
        rows.add(new Row("1D " + name, one(move, activation, bias), InputType.recurrent(CHANNELS, 13, RNNFormat.NCW)));
        for (CNN2DFormat format : CNN2DFormat.values()) {
            InputType images = InputType.convolutional(13, 16, CHANNELS, format);
            Consumer<ConvolutionLayer.BaseConvBuilder<?>> set = builder -> builder.stride(move.stride, move.stride)
                    .dilation(move.dilation, move.dilation).padding(move.padding, move.padding).hasBias(bias)
                    .activation(activation).convolutionMode(move.mode);
            ConvolutionLayer.Builder two = new ConvolutionLayer.Builder(3, 2).nOut(OUT).dataFormat(format);
            Deconvolution2D.Builder transposed = new Deconvolution2D.Builder(3, 2).nOut(OUT).dataFormat(format);
            DepthwiseConvolution2D.Builder depthwise =
                    new DepthwiseConvolution2D.Builder(3, 2).depthMultiplier(2).dataFormat(format);
            SeparableConvolution2D.Builder separable =
                    new SeparableConvolution2D.Builder(3, 2).depthMultiplier(2).nOut(OUT).dataFormat(format);
            Stream.of(two, transposed, depthwise, separable).forEach(set);
            rows.add(new Row("2D " + format + " " + name, two.build(), images));
            rows.add(new Row("transposed 2D " + format + " " + name, transposed.build(), images));
            rows.add(new Row("depthwise 2D " + format + " " + name, depthwise.build(), images));
            rows.add(new Row("separable 2D " + format + " " + name, separable.build(), images));
            if (move.dilation == 1 && activation == Activation.IDENTITY) {
                rows.add(new Row("max pooling " + format + " " + name, pooling(move, PoolingType.MAX, bias, format), images));
                rows.add(new Row("mean pooling " + format + " " + name, pooling(move, PoolingType.AVG, bias, format), images));
            }
        }
        for (Convolution3D.DataFormat format : Convolution3D.DataFormat.values()) {
            InputType volumes = InputType.convolutional3D(format, 13, 10, 13, CHANNELS);
            rows.add(new Row("3D " + format + " " + name, new Convolution3D.Builder(3, 2, 2).nOut(OUT)
                    .stride(move.stride, move.stride, move.stride).dilation(move.dilation, move.dilation, move.dilation)
                    .padding(move.padding, move.padding, move.padding).hasBias(bias).activation(activation)
                    .convolutionMode(move.mode).dataFormat(format).build(), volumes));
            rows.add(new Row("transposed 3D " + format + " " + name, new Deconvolution3D.Builder().kernelSize(3, 2, 2).nOut(OUT)
                    .stride(move.stride, move.stride, move.stride).dilation(move.dilation, move.dilation, move.dilation)
                    .padding(move.padding, move.padding, move.padding).hasBias(bias).activation(activation)
                    .convolutionMode(move.mode).dataFormat(format).build(), volumes));
        }
    }

    private static Layer one(Move move, Activation activation, boolean bias) {
        return new Convolution1DLayer.Builder(3).nOut(OUT).stride(move.stride).dilation(move.dilation).padding(move.padding)
                .hasBias(bias).activation(activation).convolutionMode(move.mode).rnnDataFormat(RNNFormat.NCW).build();
    }

    private static Layer pooling(Move move, PoolingType type, boolean includePadding, CNN2DFormat format) {
        SubsamplingLayer layer = new SubsamplingLayer.Builder(type, new int[]{3, 2}, new int[]{move.stride, move.stride})
                .padding(move.padding, move.padding).convolutionMode(move.mode).dataFormat(format).build();
        layer.setAvgPoolIncludePadInDivisor(includePadding);
        return layer;
    }

    private static Stream<Row> some() {
        return rows(moves(), List.of(Activation.IDENTITY)).stream();
    }

    private static Stream<Row> all() {
        return rows(moves(), List.of(Activation.RELU, Activation.TANH, Activation.LEAKYRELU, Activation.RELU6,
                Activation.SIGMOID)).stream();
    }

    private static void check(Stream<Row> rows) {
        int compared = 0;
        for (Row row : rows.toList()) {
            MultiLayerNetwork net;
            try {
                net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().list().layer(row.layer)
                        .setInputType(row.input).build());
                net.init();
            } catch (DL4JInvalidConfigException e) {
                continue;
            }
            FastConvolution.Outcome outcome = FastConvolution.enable(net).outcomes().get(0);
            if (row.name.matches("transposed.*Same, stride=3.*")) {
                // Outputs that no element of the kernel reaches.
                assertThat(outcome.reason()).as(row.name).contains("oneDNN has no");
                continue;
            }
            assertThat(outcome.reason()).as(row.name).isNull();
            assertThat(outcome.difference()).as(row.name).isLessThan(TOLERANCE);
            compared++;
        }
        assertThat(compared).isGreaterThan(250);
    }

    @Test
    void linearLayersOfEveryKindGiveDeeplearning4jsNumbers() {
        check(some());
    }

    @Test
    @Tag("full")
    void layersWithActivationsOfEveryKindGiveDeeplearning4jsNumbers() {
        check(all());
    }

    private static Stream<Layer> refused() {
        return Stream.of(
                new SubsamplingLayer.Builder(PoolingType.MAX, new int[]{2, 2}).dilation(2, 2).build(),
                new SubsamplingLayer.Builder(PoolingType.PNORM, new int[]{2, 2}).pnorm(2).build());
    }

    @ParameterizedTest
    @MethodSource("refused")
    void whatOneDnnHasNotStaysAsItIsWithAReason(Layer layer) {
        MultiLayerNetwork net = Nets.sequence(InputType.convolutional(9, 9, CHANNELS), layer);
        FastConvolution.Result result = FastConvolution.enable(net);
        assertThat(result.enabled()).isZero();
        assertThat(result.outcomes().get(0).reason()).containsAnyOf("dilated", "PNORM");
        assertThat(net.getLayer(0)).isExactlyInstanceOf(
                org.deeplearning4j.nn.layers.convolution.subsampling.SubsamplingLayer.class);
    }

    /** Deeplearning4j's own 1D convolution fails in the backward pass with channels last. */
    @Test
    void aLayerThatDeeplearning4jCannotTrainStaysAsItIs() {
        MultiLayerNetwork net = Nets.sequence(InputType.recurrent(CHANNELS, 13, RNNFormat.NWC),
                new Convolution1DLayer.Builder(3).nOut(OUT).rnnDataFormat(RNNFormat.NWC).build());
        assertThat(FastConvolution.enable(net).outcomes().get(0).reason()).contains("Deeplearning4j's own layer fails");
    }
}
