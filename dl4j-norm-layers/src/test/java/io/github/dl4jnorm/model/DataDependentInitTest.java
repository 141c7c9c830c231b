// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.WeightNormalization;
import java.util.List;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;

/** Gains and biases set by a first batch. */
class DataDependentInitTest {
    private static final double TOLERANCE = 2e-5;

    private static Layer identity() {
        return new ActivationLayer(Activation.IDENTITY);
    }

    /** Each channel, moved to the front, as a row. */
    private static INDArray rows(INDArray output, boolean last) {
        INDArray wide = output.castTo(DataType.DOUBLE);
        int rank = wide.rank();
        int[] order = new int[rank];
        order[0] = last ? rank - 1 : 1;
        for (int i = 1, axis = 0; i < rank; axis++) {
            if (axis != order[0]) {
                order[i++] = axis;
            }
        }
        INDArray first = wide.permute(order).dup('c');
        return first.reshape('c', first.size(0), first.length() / first.size(0));
    }

    private static void assertMoments(INDArray rows, double mean, double deviation) {
        for (int c = 0; c < rows.size(0); c++) {
            INDArray row = rows.getRow(c);
            assertThat(row.meanNumber().doubleValue()).as("mean of %d", c).isCloseTo(mean, within(TOLERANCE));
            assertThat(row.std(false).getDouble(0)).as("deviation of %d", c).isCloseTo(deviation, within(TOLERANCE));
        }
    }

    @ParameterizedTest
    @EnumSource(Linear.class)
    void everyLayerHasMeanZeroAndDeviationOne(Linear kind) {
        FeedForwardLayer first = kind.layer(true, ConvolutionMode.Truncate);
        MultiLayerNetwork net = Nets.sequence(kind.type(), new WeightNormalization(first), identity());
        assertThat(DataDependentInit.apply(net, kind.input())).containsExactly("layer0");
        assertMoments(rows(net.feedForward(kind.input()).get(1), kind.isLast()), 0, 1);

        ComputationGraph graph = Nets.graph(kind.type(), new WeightNormalization(first), identity());
        assertThat(DataDependentInit.apply(graph, new MultiDataSet(kind.input(), null))).containsExactly("l0");
        assertThat(graph.params()).isEqualTo(net.params());
    }

    /** Each layer sees what those in front of it give after they were set; activations stay what they were. */
    @Test
    void layersAreSetFromInputToOutput() {
        MultiLayerNetwork net = Nets.sequence(InputType.feedForward(3),
                new WeightNormalization(new DenseLayer.Builder().nOut(6).activation(Activation.RELU).build()),
                new DropoutLayer(0.5),
                new WeightNormalization(new DenseLayer.Builder().name("second").nOut(5).build()));
        INDArray x = Nd4j.randn(DataType.FLOAT, 64, 3).muli(4).addi(7);
        assertThat(DataDependentInit.apply(net, new DataSet(x, null))).containsExactly("layer0", "second");
        List<INDArray> outputs = net.feedForward(x);
        assertMoments(rows(outputs.get(3), false), 0, 1);
        assertThat(outputs.get(1).minNumber().doubleValue()).isZero();
        assertThat(outputs.get(1).maxNumber().doubleValue()).isGreaterThan(1);
    }

    @Test
    void maskedPositionsDoNotCount() {
        MultiLayerNetwork net = Nets.sequence(InputType.recurrent(3, 6), new WeightNormalization(
                new Convolution1DLayer.Builder(1).nOut(4).convolutionMode(ConvolutionMode.Same).build()), identity());
        INDArray x = Nd4j.randn(DataType.FLOAT, 8, 3, 6);
        INDArray mask = Nd4j.ones(DataType.FLOAT, 8, 6);
        for (int n = 0; n < 8; n++) {
            mask.putScalar(n, 5, 0).putScalar(n, 4, n % 2);
            for (int t = 0; t < 6; t++) {
                if (mask.getDouble(n, t) == 0) {
                    for (int c = 0; c < 3; c++) {
                        x.putScalar(new int[]{n, c, t}, 1000);
                    }
                }
            }
        }
        DataDependentInit.apply(net, new DataSet(x, null, mask, null));
        net.clearLayerMaskArrays();
        INDArray y = net.feedForward(x).get(1);
        double sum = 0;
        double squares = 0;
        for (int n = 0; n < 8; n++) {
            for (int t = 0; t < 6; t++) {
                double value = y.getDouble(n, 1, t) * mask.getDouble(n, t);
                sum += value;
                squares += value * value;
            }
        }
        double count = mask.sumNumber().doubleValue();
        assertThat(sum / count).isCloseTo(0, within(TOLERANCE));
        assertThat(squares / count).isCloseTo(1, within(TOLERANCE));
    }

    @Test
    void withoutABiasTheDeviationAloneIsSet() {
        MultiLayerNetwork net = Nets.sequence(InputType.feedForward(3),
                new WeightNormalization(new DenseLayer.Builder().nOut(5).hasBias(false).build()));
        INDArray x = Nd4j.randn(DataType.FLOAT, 32, 3).addi(2);
        DataDependentInit.apply(net, x);
        INDArray rows = rows(net.output(x), false);
        for (int c = 0; c < 5; c++) {
            assertThat(rows.getRow(c).std(false).getDouble(0)).isCloseTo(1, within(TOLERANCE));
            assertThat(Math.abs(rows.getRow(c).meanNumber().doubleValue())).isGreaterThan(0.01);
        }
    }

    @Test
    void aUnitThatDoesNotVaryKeepsItsGain() {
        MultiLayerNetwork net = Nets.sequence(InputType.feedForward(3),
                new WeightNormalization(new DenseLayer.Builder().nOut(2).build()));
        INDArray x = Nd4j.ones(DataType.FLOAT, 7, 3).muli(0.3);
        INDArray gain = net.getParam("0_Wg").dup();
        DataDependentInit.apply(net, x);
        assertThat(net.getParam("0_Wg")).isEqualTo(gain);
        assertThat(net.output(x).amaxNumber().doubleValue()).isLessThan(1e-6);
    }

    @Test
    void recurrentAndFrozenLayersAndOtherNormsAreLeft() {
        MultiLayerNetwork net = Nets.sequence(InputType.recurrent(3),
                new WeightNormalization(new LSTM.Builder().nOut(4).build()),
                new FrozenLayer(new WeightNormalization(new DenseLayer.Builder().nOut(4).build())));
        INDArray before = net.params().dup();
        assertThat(DataDependentInit.apply(net, Nd4j.randn(DataType.FLOAT, 4, 3, 5))).isEmpty();
        assertThat(net.params()).isEqualTo(before);
    }

    @Test
    void nothingIsChangedByABatchThatIsNotFinite() {
        MultiLayerNetwork net = Nets.sequence(InputType.feedForward(3),
                new WeightNormalization(new DenseLayer.Builder().name("a").nOut(4).activation(Activation.RELU).build()),
                new WeightNormalization(new DenseLayer.Builder().name("b").nOut(4).build()));
        INDArray before = net.params().dup();
        INDArray x = Nd4j.randn(DataType.FLOAT, 8, 3);
        x.putScalar(4, Double.NaN);
        assertThatThrownBy(() -> DataDependentInit.apply(net, x)).isInstanceOf(DL4JInvalidInputException.class)
                .hasMessageContainingAll("\"a\"", "finite");
        assertThat(net.params()).isEqualTo(before);
        assertThatThrownBy(() -> DataDependentInit.apply(net, Nd4j.randn(DataType.FLOAT, 8, 5)))
                .isInstanceOf(DL4JInvalidInputException.class);
        assertThat(net.params()).isEqualTo(before);
        x.putScalar(4, 1);
        net.output(x);
        assertThat(net.params()).as("nothing is pending").isEqualTo(before);
    }
}
