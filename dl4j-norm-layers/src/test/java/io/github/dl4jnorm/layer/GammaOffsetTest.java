// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.UnitNormalization;
import io.github.dl4jnorm.model.BatchNormFolding;
import io.github.dl4jnorm.model.NormReplacement;
import io.github.dl4jnorm.model.NormRules;
import io.github.dl4jnorm.model.NormStatsListener;
import io.github.dl4jnorm.model.PyTorchWeights;
import io.github.dl4jnorm.ops.NDNorm;
import io.github.dl4jnorm.ops.SDNorm;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L2Regularization;

/** gammaOffset: the scale is gammaOffset + gamma, and gamma starts where the scale is the usual one. */
@Tag("once")
class GammaOffsetTest {
    private static final double OFFSET = 1;

    static Stream<String> names() {
        return NormFactory.names().stream().filter(name -> norm(name, Map.of()) != null
                && norm(name, Map.of("scale", true)).parameters().get(0).name().equals(NormParameter.GAMMA));
    }

    /** A norm of the factory, or null if it computes weights. */
    private static NormLayer norm(String name, Map<String, ?> options) {
        BaseLayer before = (BaseLayer) Kind.CNN_FIRST.before();
        before.setActivationFn(Activation.IDENTITY.getActivationFunction());
        var all = NormFactory.create(name, options).around(before);
        Layer last = all.get(all.size() - 1);
        if (!(last instanceof NormLayer norm)) {
            return null;
        }
        norm.setNIn(Kind.CHANNELS);
        return norm;
    }

    private static Map<String, Object> options(String name, double offset) {
        return name.equals("group") || name.equals("evonorm-s0") ? Map.of("scale", true, "gammaOffset", offset, "groups", 2)
                : Map.of("scale", true, "gammaOffset", offset);
    }

    @ParameterizedTest
    @MethodSource("names")
    void atTheStartNothingButGammaDiffers(String name) {
        INDArray x = NormCases.gaussian(new Random(1), 0.5, 2, 4, Kind.CHANNELS, 2, 3);
        LayerUnderTest plain = new LayerUnderTest(norm(name, options(name, 0)), Kind.CHANNELS, DataType.DOUBLE);
        LayerUnderTest shifted = new LayerUnderTest(norm(name, options(name, OFFSET)), Kind.CHANNELS, DataType.DOUBLE);
        assertThat(shifted.param("gamma").add(OFFSET)).isEqualTo(plain.param("gamma"));
        assertThat(shifted.forward(x, true).sub(plain.forward(x, true)).amaxNumber().doubleValue()).isLessThan(1e-14);
    }

    @Test
    void aStartThatIsSetIsThatOfGamma() {
        for (Activation activation : new Activation[]{Activation.IDENTITY, Activation.TANH}) {
            NormLayer norm = new LayerNormalization.Builder().gammaInit(0.25).gammaOffset(1).activation(activation).build();
            assertThat(norm.parameters().get(0).initialValue()).isEqualTo(0.25);
        }
        NormLayer zero = new GroupNormalization.Builder(2).gammaOffset(1).gammaInit(-1).nOut(4).build();
        INDArray x = NormCases.gaussian(new Random(2), 0.5, 2, 3, 4, 5);
        assertThat(new LayerUnderTest(zero, 4, DataType.FLOAT).forward(x.castTo(DataType.FLOAT), true).amaxNumber()
                .doubleValue()).as("a block that starts as the identity").isZero();
    }

    @Test
    void weightDecayPullsTowardsTheIdentity() {
        NormLayer norm = new RmsNormalization.Builder().gammaOffset(1).gammaInit(0.5)
                .gammaRegularization(new L2Regularization(1)).nOut(4).build();
        TestNetwork net = TestNetwork.around(false, TestNetwork.Setup.FLOAT.updater(new Sgd(0.1)), Kind.DENSE, norm);
        INDArray x = Nd4j.zeros(DataType.FLOAT, 3, 3);
        // The input of the norm is 0 then, and so is the gradient of gamma but for its regularization.
        for (int step = 0; step < 50; step++) {
            net.fit(x, Kind.oneHot(3).castTo(DataType.FLOAT));
            net.layer(0).paramTable().get("b").assign(0);
        }
        assertThat(net.normParams().get("gamma").amaxNumber().doubleValue()).isLessThan(0.5 * Math.pow(0.9, 45));
    }

    @Test
    void withoutAGammaItIsRefused() {
        for (var builder : new io.github.dl4jnorm.conf.NormBuilder<?, ?>[]{new UnitNormalization.Builder(),
            new BatchNormalization.Builder(2, 1, true), new LayerNormalization.Builder().scale(false)}) {
            assertThatThrownBy(() -> builder.gammaOffset(1).build()).isInstanceOf(DL4JInvalidConfigException.class)
                    .hasMessageContainingAll("0 in a norm without a learned gamma", "gammaOffset 1.0 and no learned gamma");
        }
        assertThatThrownBy(() -> new LayerNormalization.Builder().gammaOffset(Double.NaN).build())
                .isInstanceOf(DL4JInvalidConfigException.class).hasMessageContaining("gammaOffset NaN");
        INDArray x = Nd4j.ones(DataType.FLOAT, 2, 3);
        assertThatThrownBy(() -> new NDNorm().gammaOffset(1).l2Normalize(x, 1e-12))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("0 without a gamma, got 1.0");
    }

    private static MultiLayerNetwork trained(NormLayer norm, DataType type) {
        TestNetwork net = TestNetwork.around(false, TestNetwork.Setup.of(type), Kind.CNN_FIRST, norm);
        net.fit(3, Kind.CNN_FIRST);
        return net.sequence();
    }

    @Test
    void anotherNormWithAnotherOffsetHasTheSameScale() {
        MultiLayerNetwork net = trained(new BatchNormalization.Builder().gammaOffset(1).build(), DataType.DOUBLE);
        INDArray x = Kind.CNN_FIRST.input(4, DataType.DOUBLE);
        MultiLayerNetwork without = NormReplacement.replace(net, (name, old) -> new BatchNormalization.Builder().build());
        assertThat(without.output(x).sub(net.output(x)).amaxNumber().doubleValue()).isLessThan(1e-14);
        assertThat(without.getLayer(1).getParam("gamma")).isEqualTo(net.getLayer(1).getParam("gamma").add(1));
        MultiLayerNetwork locked = NormReplacement.replace(net,
                (name, old) -> new BatchNormalization.Builder(2, 0, true).build());
        MultiLayerNetwork again = NormReplacement.replace(locked,
                (name, old) -> new BatchNormalization.Builder().gammaOffset(1).build());
        assertThat(TestNetwork.numbers(again.getLayer(1).getParam("gamma"))).containsExactly(1, 1, 1, 1);
        NormLayer sync = (NormLayer) NormReplacement.replace(net, NormRules.batchToSynchronized()).getLayer(1).conf().getLayer();
        assertThat(sync.getGammaOffset()).as("kept, so that regularization still pulls towards 1").isEqualTo(1);
    }

    @Test
    void itIsFoldedSampledAndSaved(@TempDir Path directory) throws Exception {
        NormLayer norm = new BatchNormalization.Builder().gammaOffset(1).build();
        MultiLayerNetwork net = trained(norm, DataType.FLOAT);
        ((BaseLayer) net.getLayer(0).conf().getLayer()).setActivationFn(Activation.IDENTITY.getActivationFunction());
        INDArray x = Kind.CNN_FIRST.input(4, DataType.FLOAT);
        BatchNormFolding.Result<MultiLayerNetwork> folded = BatchNormFolding.fold(net);
        assertThat(folded.folded()).isEqualTo(1);
        assertThat(folded.net().output(x).sub(net.output(x)).amaxNumber().doubleValue()).isLessThan(1e-5);

        NormStatsListener listener = new NormStatsListener.Builder().interval(1).build();
        net.setListeners(listener);
        double[] gamma = TestNetwork.numbers(net.getLayer(1).getParam("gamma"));
        net.fit(x, Kind.oneHot(4).castTo(DataType.FLOAT));
        double[] scale = listener.samples(listener.layers().iterator().next()).get(0).gamma();
        assertThat(scale).containsExactly(Arrays.stream(gamma).map(g -> 1 + g).toArray(), within(1e-7));

        Path file = directory.resolve("net.safetensors");
        PyTorchWeights.write(net, file);
        MultiLayerNetwork fresh = trained(norm, DataType.FLOAT);
        PyTorchWeights.read(fresh, file);
        assertThat(fresh.getLayer(1).getParam("gamma")).isEqualTo(net.getLayer(1).getParam("gamma"));
    }

    @Test
    void configurationsWithoutOneSayNothingAboutIt() {
        assertThat(json(new LayerNormalization.Builder().build())).doesNotContain("gammaOffset");
        assertThat(json(new LayerNormalization.Builder().gammaOffset(1).build())).contains("\"gammaOffset\" : 1.0");
    }

    private static String json(NormLayer norm) {
        return new NeuralNetConfiguration.Builder().layer(norm).build().toJson();
    }

    @Test
    void operationsAddItToGamma() {
        Random random = new Random(3);
        INDArray x = NormCases.gaussian(random, 1, 2, 3, 4);
        INDArray gamma = NormCases.gaussian(random, 0, 1, 4);
        INDArray expected = new NDNorm().rmsNorm(x, gamma.add(1), null, 1e-6);
        assertThat(new NDNorm().gammaOffset(1).rmsNorm(x, gamma, null, 1e-6)).isEqualTo(expected);
        SameDiff sd = SameDiff.create();
        assertThat(new SDNorm(sd).gammaOffset(1).named("y").rmsNorm(sd.constant(x), sd.constant(gamma), null, 1e-6).eval())
                .isEqualTo(expected);
        SameDiff copy = sd.dup();
        assertThat(copy.getVariable("y").eval()).as("the offset is saved").isEqualTo(expected);
    }
}
