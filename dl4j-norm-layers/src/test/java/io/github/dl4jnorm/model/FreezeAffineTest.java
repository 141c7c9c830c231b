// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static io.github.dl4jnorm.model.Nets.graph;
import static io.github.dl4jnorm.model.Nets.ours;
import static io.github.dl4jnorm.model.Nets.sequence;
import static io.github.dl4jnorm.model.Nets.stock;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.constraint.UnitNormConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.CenterLossOutputLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Everything is frozen but gamma and beta. */
@Tag("once")
class FreezeAffineTest {
    private static final InputType TYPE = InputType.convolutional(5, 6, 3);
    private static final String TRAINED = ".*_(gamma|beta)";
    private static final String STATISTICS = ".*_(mean|var|log10stdev)";

    private final DataSet data = data();

    private static DataSet data() {
        Nd4j.getRandom().setSeed(3);
        return new DataSet(Nd4j.randn(DataType.FLOAT, 6, 3, 5, 6).muli(2).addi(1), Nd4j.rand(DataType.FLOAT, 6, 2));
    }

    private static Layer[] layers() {
        return new Layer[]{new SpectralNormalization(new ConvolutionLayer.Builder(3, 3).nOut(4).l2(0.1).build()), ours().build(),
            new ConvolutionLayer.Builder(1, 1).nOut(4).build(), new SwitchableNormalization.Builder().build(),
            new FilterResponseNormalization.Builder().learnedEps(true).build(),
            new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).l2(0.1)
                    .constrainWeights(new UnitNormConstraint(0)).build()};
    }

    private static Map<String, INDArray> copies(Model net) {
        Map<String, INDArray> copies = new TreeMap<>();
        net.paramTable().forEach((name, array) -> copies.put(name, array.dup()));
        return copies;
    }

    @Test
    void gammaAndBetaAreTrainedAsInTheWholeNetworkAndAllElseStays() {
        for (Model net : List.of(sequence(TYPE, layers()), graph(TYPE, layers()))) {
            Map<String, INDArray> before = copies(net);
            Model frozen = Freeze.allButGammaAndBeta(net);
            Nets.assertSameParams(copies(frozen), before);
            ((NeuralNetwork) frozen).fit(data);
            Map<String, INDArray> after = copies(frozen);
            Nets.assertSameParams(copies(net), before);
            before.forEach((name, array) -> {
                if (name.matches(TRAINED) || name.matches(STATISTICS)) {
                    assertThat(after.get(name)).as(name).isNotEqualTo(array);
                } else {
                    assertThat(after.get(name)).as(name).isEqualTo(array);
                }
            });
        }
    }

    /** The first step of a plain network has the same gradients. */
    @Test
    void oneStepMovesGammaAndBetaAsOneOfTheWholeNetworkDoes() {
        Layer[] layers = {new ConvolutionLayer.Builder(3, 3).nOut(4).build(), ours().build(),
            new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build()};
        MultiLayerNetwork net = sequence(Nets.base().updater(new Sgd(0.1)), TYPE, layers);
        MultiLayerNetwork frozen = Freeze.allButGammaAndBeta(net);
        net.fit(data);
        frozen.fit(data);
        for (String name : List.of("1_gamma", "1_beta", "1_mean", "1_log10stdev")) {
            assertThat(frozen.getParam(name)).as(name).isEqualTo(net.getParam(name));
        }
    }

    @Test
    void theSummaryTellsAndTheConfigurationIsSaved() {
        MultiLayerNetwork frozen = Freeze.allButGammaAndBeta(sequence(TYPE, layers()));
        NormSummary summary = NormSummary.of(frozen);
        assertThat(summary.rows()).filteredOn(row -> row.role() == NormSummary.Role.LEARNED && !row.parameter().matches("W|b"))
                .extracting(NormSummary.Row::parameter).containsOnly("gamma", "beta");
        MultiLayerConfiguration conf = frozen.getLayerWiseConfigurations();
        assertThat(MultiLayerConfiguration.fromJson(conf.toJson())).isEqualTo(conf);
    }

    /** A frozen layer of Deeplearning4j lets no gradient pass to the norms before it. */
    @Test
    void normsInFrontOfFrozenLayersAreTrained() {
        MultiLayerNetwork net = sequence(TYPE, new ConvolutionLayer.Builder(3, 3).nOut(4).build(), ours().build(),
                new FrozenLayer(new ConvolutionLayer.Builder(1, 1).nOut(4).build()), new FrozenLayer(ours().build()),
                new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build());
        MultiLayerNetwork tuned = Freeze.allButGammaAndBeta(net);
        tuned.fit(data);
        assertThat(tuned.getParam("1_gamma")).isNotEqualTo(net.getParam("1_gamma"));
        for (String name : List.of("2_W", "3_gamma", "3_beta", "3_mean")) {
            assertThat(tuned.getParam(name)).as(name).isEqualTo(net.getParam(name));
        }
    }

    @Test
    void whatCannotBeFrozenIsRefused() {
        Layer out = new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build();
        assertThatThrownBy(() -> Freeze.allButGammaAndBeta(sequence(TYPE, new ConvolutionLayer.Builder(3, 3).nOut(4).build(),
                stock().build(), out))).isInstanceOf(IllegalArgumentException.class).hasMessageContaining("NormReplacement");
        assertThatThrownBy(() -> Freeze.allButGammaAndBeta(sequence(TYPE,
                new ConvolutionLayer.Builder(3, 3).nOut(4).build(), out)))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("a norm with a learned gamma or beta");
        assertThatThrownBy(() -> Freeze.allButGammaAndBeta(sequence(TYPE, ours().build(),
                new CenterLossOutputLayer.Builder(LossFunction.MCXENT).name("out").nOut(2).activation(Activation.SOFTMAX)
                        .build())))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContainingAll("output layer \"out\"", "CenterLoss");
    }
}
