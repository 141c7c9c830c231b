// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static io.github.dl4jnorm.model.Nets.graph;
import static io.github.dl4jnorm.model.Nets.ours;
import static io.github.dl4jnorm.model.Nets.sequence;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;
import org.nd4j.linalg.dataset.adapter.SingletonDataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.ops.transforms.Transforms;

/** Networks adapted to data of another domain, without labels. */
@Tag("once")
class AdaptStatisticsTest {
    private static final InputType TYPE = InputType.convolutional(5, 6, 3);

    private static Layer[] layers(Layer norm) {
        return new Layer[]{new ConvolutionLayer.Builder(3, 3).nOut(4).build(), norm,
            new DenseLayer.Builder().nOut(5).activation(Activation.TANH).build(), new LayerNormalization.Builder().build(),
            new OutputLayer.Builder(LossFunction.MCXENT).nOut(3).activation(Activation.SOFTMAX).build()};
    }

    private static DataSetIterator target(int batches, DataType type) {
        Nd4j.getRandom().setSeed(5);
        return new ViewIterator(new DataSet(Nd4j.randn(type, 6 * batches, 3, 5, 6).muli(3).subi(2),
                Nd4j.zeros(type, 6 * batches, 3)), 6);
    }

    private static Map<String, INDArray> copies(Model net) {
        Map<String, INDArray> copies = new TreeMap<>();
        net.paramTable().forEach((name, array) -> copies.put(name, array.dup()));
        return copies;
    }

    private static double entropy(Model net, DataSetIterator data) {
        double sum = 0;
        data.reset();
        while (data.hasNext()) {
            INDArray p = Nets.output(net, data.next().getFeatures());
            sum -= p.mul(Transforms.log(p.add(1e-12))).sumNumber().doubleValue();
        }
        return sum;
    }

    @Test
    void statisticsBecomeThoseOfTheTargetAndNothingElseChanges() {
        for (Model net : List.of(sequence(TYPE, layers(ours().build())), graph(TYPE, layers(ours().build())))) {
            Map<String, INDArray> before = copies(net);
            Model adapted = AdaptStatistics.recompute(net, target(3, DataType.FLOAT));
            Nets.assertSameParams(copies(net), before);
            Model expected = Draft.of(net).build();
            if (expected instanceof MultiLayerNetwork sequence) {
                PopulationStatistics.recompute(sequence, target(3, DataType.FLOAT), PopulationStatistics.Method.EXACT);
            } else {
                PopulationStatistics.recompute((org.deeplearning4j.nn.graph.ComputationGraph) expected,
                        target(3, DataType.FLOAT), PopulationStatistics.Method.EXACT);
            }
            Nets.assertSameParams(copies(adapted), copies(expected));
            adapted.paramTable().forEach((name, array) -> {
                if (name.matches(".*_(mean|log10stdev)")) {
                    assertThat(array).as(name).isNotEqualTo(before.get(name));
                } else {
                    assertThat(array).as(name).isEqualTo(before.get(name));
                }
            });
        }
    }

    @Test
    void onlyGammaBetaAndStatisticsChangeAndPredictionsBecomeSurer() {
        for (Model net : List.of(sequence(TYPE, layers(ours().build())), graph(TYPE, layers(ours().build())),
                sequence(TYPE, layers(new GroupNormalization.Builder(2).build())))) {
            Map<String, INDArray> before = copies(net);
            DataSetIterator target = target(4, DataType.FLOAT);
            Model adapted = AdaptStatistics.minimizeEntropy(net, target, 5, new Sgd(0.05));
            Nets.assertSameParams(copies(net), before);
            adapted.paramTable().forEach((name, array) -> {
                if (name.matches(".*_(gamma|beta|mean|log10stdev)")) {
                    assertThat(array).as(name).isNotEqualTo(before.get(name));
                } else {
                    assertThat(array).as(name).isEqualTo(before.get(name));
                }
            });
            Model statistics = NormLayers.of(net).isEmpty() ? net : AdaptStatistics.recompute(net, target);
            assertThat(entropy(adapted, target)).isLessThan(0.95 * entropy(statistics, target));
            assertThat(adapted instanceof MultiLayerNetwork sequence ? sequence.getLayerWiseConfigurations() : TYPE)
                    .as("options are those of the network that was given").isEqualTo(net instanceof MultiLayerNetwork given
                            ? given.getLayerWiseConfigurations() : TYPE);
        }
    }

    /** What is masked counts for nothing, whatever stands there. */
    @Test
    void maskedStepsHaveNoEntropy() {
        MultiLayerNetwork net = sequence(InputType.recurrent(3, 4),
                new LSTM.Builder().nOut(4).activation(Activation.TANH).build(), ours().build(),
                new RnnOutputLayer.Builder(LossFunction.MCXENT).nOut(3).activation(Activation.SOFTMAX).build());
        INDArray mask = Nd4j.createFromArray(new float[][]{{1, 1, 0, 0}, {1, 1, 1, 1}});
        Nd4j.getRandom().setSeed(6);
        INDArray x = Nd4j.randn(DataType.FLOAT, 2, 3, 4);
        INDArray other = x.dup();
        for (int c = 0; c < 3; c++) {
            other.putScalar(0, c, 2, 50);
            other.putScalar(0, c, 3, -70);
        }
        MultiLayerNetwork first = AdaptStatistics.minimizeEntropy(net,
                new SingletonDataSetIterator(new DataSet(x, null, mask, null)), 3, new Sgd(0.1));
        MultiLayerNetwork second = AdaptStatistics.minimizeEntropy(net,
                new SingletonDataSetIterator(new DataSet(other, null, mask, null)), 3, new Sgd(0.1));
        assertThat(first.params().sub(second.params()).amaxNumber().doubleValue()).isLessThan(1e-6);
        assertThat(first.params()).isNotEqualTo(net.params());
    }

    @Test
    void theGradientOfTheEntropyAgreesWithFiniteDifferences() {
        EntropyLoss loss = new EntropyLoss();
        IActivation softmax = Activation.SOFTMAX.getActivationFunction();
        Nd4j.getRandom().setSeed(7);
        INDArray z = Nd4j.randn(DataType.DOUBLE, 4, 3).muli(2);
        INDArray labels = Nd4j.zeros(DataType.DOUBLE, 4, 3);
        for (INDArray mask : new INDArray[]{null, Nd4j.createFromArray(new double[][]{{1}, {0}, {1}, {1}})}) {
            INDArray gradient = loss.computeGradient(labels, z.dup(), softmax, mask);
            for (int i = 0; i < z.length(); i++) {
                INDArray above = z.dup();
                above.putScalar(i, z.getDouble(i) + 1e-5);
                INDArray below = z.dup();
                below.putScalar(i, z.getDouble(i) - 1e-5);
                double slope = (loss.computeScore(labels, above, softmax, mask, false)
                        - loss.computeScore(labels, below, softmax, mask, false)) / 2e-5;
                assertThat(gradient.getDouble(i)).isCloseTo(slope, within(1e-8));
            }
        }
        INDArray sure = Nd4j.createFromArray(new double[][]{{800, 0, -800}});
        assertThat(loss.computeScore(labels, sure, softmax, null, true)).isZero();
        assertThat(loss.computeGradient(labels, sure, softmax, null).amaxNumber().doubleValue()).isZero();
    }

    @Test
    void whatCannotBeAdaptedIsRefused() {
        MultiLayerNetwork group = sequence(TYPE, layers(new GroupNormalization.Builder(2).build()));
        assertThatThrownBy(() -> AdaptStatistics.recompute(group, target(1, DataType.FLOAT)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("running statistics", "[GroupNormalization, LayerNormalization]");
        MultiLayerNetwork linear = sequence(TYPE, new ConvolutionLayer.Builder(3, 3).nOut(4).build(), ours().build(),
                new OutputLayer.Builder(LossFunction.MSE).name("out").nOut(2).activation(Activation.IDENTITY).build());
        assertThatThrownBy(() -> AdaptStatistics.minimizeEntropy(linear, target(1, DataType.FLOAT), 1, new Sgd(0.1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("\"out\"", "expected the activation softmax");
        MultiLayerNetwork none = sequence(TYPE, new ConvolutionLayer.Builder(3, 3).nOut(4).build(),
                ours().affine(false).build(), layers(ours().build())[4]);
        assertThatThrownBy(() -> AdaptStatistics.minimizeEntropy(none, target(1, DataType.FLOAT), 1, new Sgd(0.1)))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("a learned gamma or beta");
        assertThatThrownBy(() -> AdaptStatistics.minimizeEntropy(group, target(1, DataType.FLOAT), 0, new Sgd(0.1)))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("at least one epoch");
    }
}
