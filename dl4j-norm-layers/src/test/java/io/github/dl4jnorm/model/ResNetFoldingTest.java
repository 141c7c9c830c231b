// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** A residual network of 20 pairs of convolution and batch norm. */
@Tag("long")
class ResNetFoldingTest {
    private static final int PAIRS = 20;

    private static String pair(GraphBuilder graph, String name, String input, int channels, int kernel, int stride,
                               boolean relu, boolean stock) {
        graph.addLayer(name + " conv", new ConvolutionLayer.Builder(kernel, kernel).stride(stride, stride).nOut(channels)
                .hasBias(false).convolutionMode(ConvolutionMode.Same).build(), input);
        Layer norm = stock ? Nets.stock().build()
                : Nets.ours().activation(relu ? Activation.RELU : Activation.IDENTITY).build();
        graph.addLayer(name, norm, name + " conv");
        if (relu && stock) {
            graph.addLayer(name + " relu", new ActivationLayer(Activation.RELU), name);
            return name + " relu";
        }
        return name;
    }

    /** A stem and four stages of two blocks; where a stage changes the number of channels, a projection, too. */
    private static ComputationGraph resNet(int channels, int size, boolean stock) {
        GraphBuilder graph = Nets.base().graphBuilder().addInputs("in").setInputTypes(InputType.convolutional(size, size, 3));
        String last = pair(graph, "stem", "in", channels, 3, 1, true, stock);
        for (int stage = 0; stage < 4; stage++) {
            for (int block = 0; block < 2; block++) {
                String name = "stage " + stage + " block " + block;
                int width = channels << stage;
                boolean narrows = stage > 0 && block == 0;
                String first = pair(graph, name + " a", last, width, 3, narrows ? 2 : 1, true, stock);
                String second = pair(graph, name + " b", first, width, 3, 1, false, stock);
                String shortcut = narrows ? pair(graph, name + " projection", last, width, 1, 2, false, stock) : last;
                graph.addVertex(name + " sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), second, shortcut);
                graph.addLayer(name, new ActivationLayer(Activation.RELU), name + " sum");
                last = name;
            }
        }
        graph.addLayer("pool", new GlobalPoolingLayer(PoolingType.AVG), last)
                .addLayer("out", new OutputLayer.Builder(LossFunction.MCXENT).nOut(10).activation(Activation.SOFTMAX).build(),
                        "pool").setOutputs("out");
        ComputationGraph net = new ComputationGraph(graph.build());
        net.init();
        Nd4j.getRandom().setSeed(6);
        net.paramTable().forEach((name, array) -> {
            if (name.endsWith("gamma")) {
                array.assign(Nd4j.rand(DataType.FLOAT, array.shape()).addi(0.5));
            } else if (name.endsWith("beta") || name.endsWith("mean")) {
                array.assign(Nd4j.randn(DataType.FLOAT, array.shape()).muli(0.1));
            }
        });
        return net;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void allPairsAreFoldedAndTheOutputStays(boolean stock) {
        ComputationGraph net = resNet(4, 16, stock);
        var result = BatchNormFolding.fold(net);
        assertThat(result.outcomes()).hasSize(PAIRS).allMatch(BatchNormFolding.Outcome::folded);
        Nd4j.getRandom().setSeed(8);
        INDArray x = Nd4j.rand(DataType.FLOAT, 3, 3, 16, 16);
        Nets.assertSameOutput(result.net(), net, x, 1e-5);
        INDArray before = net.feedForward(x, false).get("stage 3 block 1");
        INDArray after = result.net().feedForward(x, false).get("stage 3 block 1");
        assertThat(after.sub(before).amaxNumber().doubleValue())
                .isLessThan(1e-5 * before.amaxNumber().doubleValue());
    }

    /** Prints what folding is worth; asserts no more than that it does not slow inference down beyond the noise. */
    @Test
    @Tag("slow")
    void foldedNetworksAreNotSlower() {
        INDArray x = Nd4j.rand(DataType.FLOAT, 8, 3, 32, 32);
        for (boolean stock : new boolean[]{true, false}) {
            ComputationGraph net = resNet(32, 32, stock);
            ComputationGraph folded = BatchNormFolding.fold(net).net();
            double[][] times = new double[2][15];
            for (int i = -5; i < 15; i++) {
                for (int k = 0; k < 2; k++) {
                    long start = System.nanoTime();
                    (k == 0 ? net : folded).output(x);
                    times[k][Math.max(i, 0)] = (System.nanoTime() - start) / 1e6;
                }
            }
            Arrays.sort(times[0]);
            Arrays.sort(times[1]);
            System.out.printf("%s batch norms: %.1f ms, folded %.1f ms, %.2f times as fast%n",
                    stock ? "Deeplearning4j's" : "this library's", times[0][7], times[1][7], times[0][7] / times[1][7]);
            assertThat(times[1][7]).isLessThan(1.25 * times[0][7]);
        }
    }
}
