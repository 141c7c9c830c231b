// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.MomentShortcut;
import io.github.dl4jnorm.conf.PositionalNormalization;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;

/** An encoder whose moments skip to the decoder. */
@Tag("vectors-first")
class MomentShortcutTest {
    private static final DataType DEFAULT = Nd4j.defaultFloatingPointType();

    @BeforeAll
    static void useDouble() {
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
    }

    @AfterAll
    static void useDefault() {
        Nd4j.setDefaultDataTypes(DEFAULT, DEFAULT);
    }

    private static FeedForwardLayer before(Kind kind) {
        return kind.rnn() ? new LSTM.Builder().nOut(5).activation(Activation.TANH)
                .dataFormat(kind.channelsLast ? RNNFormat.NWC : RNNFormat.NCW).build()
                : new ConvolutionLayer.Builder(2, 2).nOut(5).activation(Activation.TANH).convolutionMode(ConvolutionMode.Same)
                .dataFormat(kind.channelsLast ? CNN2DFormat.NHWC : CNN2DFormat.NCHW).build();
    }

    private static ComputationGraph graph(Kind kind) {
        ComputationGraph graph = new ComputationGraph(Inside.base(DataType.DOUBLE, new NoOp()).graphBuilder().addInputs("in")
                .setInputTypes(kind.inputType()).addLayer("encoder", kind.before(), "in")
                .addLayer("pono", new PositionalNormalization(), "encoder").addLayer("decoder", before(kind), "pono")
                .addVertex("shortcut", new MomentShortcut(), "decoder", "encoder")
                .addLayer("out", kind.output(), "shortcut").setOutputs("out").build());
        graph.init();
        return graph;
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = {"RNN_FIRST", "RNN_LAST", "CNN_FIRST", "CNN_LAST"}, mode = Mode.INCLUDE)
    @Tag("full")
    void gradientsOfNetworksAgreeWithFiniteDifferences(Kind kind) {
        for (boolean masked : new boolean[]{false, kind.rnn()}) {
            INDArray mask = masked ? Nd4j.createFromArray(new double[][]{{1, 1, 1, 1}, {1, 1, 0, 0}}) : null;
            assertThat(GradientCheckUtil.checkGradients(new GradientCheckUtil.GraphConfig().net(graph(kind))
                    .inputs(new INDArray[]{kind.input(2, DataType.DOUBLE)})
                    .labels(new INDArray[]{kind.labels(2, DataType.DOUBLE)})
                    .inputMask(masked ? new INDArray[]{mask} : null).labelMask(masked ? new INDArray[]{mask} : null))).isTrue();
        }
    }

    /** Nothing but the vertex has a gradient that is not Deeplearning4j's: that of the encoder goes through both inputs. */
    @Test
    void gradientsAgreeWithFiniteDifferences() {
        ComputationGraph graph = new ComputationGraph(Inside.base(DataType.DOUBLE, new NoOp()).graphBuilder().addInputs("in")
                .setInputTypes(InputType.feedForward(3)).addLayer("encoder", new DenseLayer.Builder().nOut(4)
                        .activation(Activation.TANH).build(), "in")
                .addLayer("decoder", new DenseLayer.Builder().nOut(3).activation(Activation.TANH).build(), "encoder")
                .addVertex("shortcut", new MomentShortcut(), "decoder", "encoder")
                .addLayer("out", Kind.DENSE.output(), "shortcut").setOutputs("out").build());
        graph.init();
        assertThat(GradientCheckUtil.checkGradients(new GradientCheckUtil.GraphConfig().net(graph)
                .inputs(new INDArray[]{Inside.drawn(DataType.DOUBLE, 2, 3)})
                .labels(new INDArray[]{Kind.DENSE.labels(2, DataType.DOUBLE)}))).isTrue();
    }

    /** What positional normalization takes away, the shortcut gives back. */
    @Test
    void momentsOfTheInputOfANormRestoreIt() {
        ComputationGraphConfiguration conf = Inside.base(DataType.FLOAT, new NoOp()).graphBuilder().addInputs("in")
                .setInputTypes(InputType.convolutional(3, 4, 6)).addLayer("pono", new PositionalNormalization(), "in")
                .addVertex("shortcut", new MomentShortcut(), "pono", "in").setOutputs("shortcut").build();
        ComputationGraph graph = new ComputationGraph(ComputationGraphConfiguration.fromJson(conf.toJson()));
        graph.init();
        INDArray x = Inside.drawn(DataType.FLOAT, 2, 6, 3, 4).mul(3).add(1);
        assertThat(TestNetwork.numbers(graph.outputSingle(x))).containsExactly(TestNetwork.numbers(x), within(1e-5));
        assertThat(Math.abs(graph.feedForward(x, false).get("pono").mean(1).maxNumber().doubleValue())).isLessThan(1e-6);
    }

    @Test
    void inputsThatDoNotFitAreRefused() {
        MomentShortcut vertex = new MomentShortcut();
        assertThatThrownBy(() -> vertex.getOutputType(0, InputType.convolutional(3, 4, 6), InputType.convolutional(3, 5, 6)))
                .isInstanceOf(DL4JInvalidConfigException.class).hasMessageContaining("same positions");
        assertThatThrownBy(() -> new MomentShortcut(0)).isInstanceOf(DL4JInvalidConfigException.class)
                .hasMessageContaining("eps > 0");
    }
}
