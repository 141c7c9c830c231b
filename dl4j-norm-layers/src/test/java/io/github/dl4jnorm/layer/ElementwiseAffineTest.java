// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import java.util.Random;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Layer norm with a gamma and a beta for each element of an example; groups by their size. */
class ElementwiseAffineTest {

    private static LayerUnderTest layer(Kind kind, INDArray x, LayerNormalization.Builder builder) {
        LayerNormalization conf = builder.elementwiseAffine(true).eps(1e-3).activation(Activation.TANH).build();
        conf.setPositions(x.length() / x.size(0) / Kind.CHANNELS);
        return NormCases.layer(conf, kind, Kind.CHANNELS, x.dataType());
    }

    private static INDArray maskOf(Kind kind, Random random) {
        long[] shape = NormCases.shape(kind.channelsLast ? Kind.values()[kind.ordinal() - 1] : kind, 3, Kind.CHANNELS, 2, 3);
        INDArray mask = Nd4j.zeros(DataType.DOUBLE, shape);
        for (int i = 0; i < mask.length(); i++) {
            mask.putScalar(i, random.nextInt(4) == 0 ? 0 : 1);
        }
        return mask;
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = {"CNN_FIRST", "CNN_LAST", "CNN3D_FIRST", "CNN3D_LAST"})
    void gradientsAgreeWithFiniteDifferences(Kind kind) {
        Random random = new Random(91);
        for (boolean masked : new boolean[]{false, true}) {
            INDArray x = NormCases.gaussian(random, 0.5, 1, NormCases.shape(kind, 3, Kind.CHANNELS, 2, 3));
            INDArray weight = NormCases.gaussian(random, 0, 1, x.shape());
            LayerUnderTest layer = layer(kind, x, new LayerNormalization.Builder());
            layer.mask(masked ? maskOf(kind, random) : null);
            assertThat(layer.param("gamma").length()).isEqualTo(x.length() / 3);
            FiniteDifferences.check(layer, x, weight);
        }
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = {"CNN_FIRST", "CNN_LAST", "CNN3D_LAST"})
    void withOneGammaForAllElementsOfAChannelItIsPlainLayerNorm(Kind kind) {
        Random random = new Random(92);
        INDArray mask = maskOf(kind, random);
        INDArray x = NormCases.gaussian(random, 3, 2, NormCases.shape(kind, 3, Kind.CHANNELS, 2, 3)).dup('f');
        INDArray dy = NormCases.gaussian(random, 0, 1, x.shape());
        LayerUnderTest elements = layer(kind, x, new LayerNormalization.Builder()).mask(mask);
        LayerUnderTest plain = NormCases.layer(new LayerNormalization.Builder().eps(1e-3).activation(Activation.TANH).build(),
                kind, Kind.CHANNELS, DataType.DOUBLE).mask(mask);
        int positions = (int) x.length() / 3 / Kind.CHANNELS;
        for (String name : new String[]{"gamma", "beta"}) {
            for (int i = 0; i < positions * Kind.CHANNELS; i++) {
                int channel = kind.channelsLast ? i % Kind.CHANNELS : i / positions;
                elements.param(name).putScalar(i, plain.param(name).getDouble(channel));
            }
        }
        assertClose(elements.forward(x, true), plain.forward(x, true));
        assertClose(elements.dx(dy), plain.dx(dy));
    }

    private static void assertClose(INDArray actual, INDArray expected) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        assertThat(actual.sub(expected).amaxNumber().doubleValue()).isLessThan(1e-12);
    }

    @Test
    void anotherSizeThanThatOfTheInputTypeIsRejected() {
        TestNetwork net = TestNetwork.around(false, TestNetwork.Setup.FLOAT, Kind.CNN_FIRST,
                new LayerNormalization.Builder().elementwiseAffine(true).build());
        assertThat(net.normParams().get("gamma").length()).isEqualTo(24);
        assertThatThrownBy(() -> net.output(Nd4j.rand(DataType.FLOAT, 1, 2, 4, 3)))
                .isExactlyInstanceOf(DL4JInvalidInputException.class)
                .hasMessageContainingAll("expected 24 elements per example", "got 48");
        assertThatThrownBy(() -> new LayerNormalization.Builder().perPosition(true).elementwiseAffine(true).build())
                .isExactlyInstanceOf(DL4JInvalidConfigException.class).hasMessageContaining("either perPosition");
    }

    @Test
    void groupsOfASizeAreAsManyGroups() {
        INDArray x = NormCases.gaussian(new Random(93), 1, 2, 3, 6, 5);
        INDArray bySize = NormCases.layer(new GroupNormalization.Builder().groupSize(2).build(), Kind.RNN_FIRST, 6,
                DataType.DOUBLE).forward(x, true);
        INDArray byNumber = NormCases.layer(new GroupNormalization.Builder(3).build(), Kind.RNN_FIRST, 6,
                DataType.DOUBLE).forward(x, true);
        assertThat(bySize).isEqualTo(byNumber);
        assertThat(new GroupNormalization.Builder().groupSize(2).groups(4).build())
                .isEqualTo(new GroupNormalization.Builder(4).build());
        assertThatThrownBy(() -> new GroupNormalization.Builder().groupSize(4).build()
                .getOutputType(0, InputType.recurrent(6))).isExactlyInstanceOf(DL4JInvalidConfigException.class);
        assertThatThrownBy(() -> new GroupNormalization.Builder().groupSize(4).nOut(6).build())
                .isExactlyInstanceOf(DL4JInvalidConfigException.class)
                .hasMessageContainingAll("divisible by groupSize = 4", "got 6 channels");
        assertThatThrownBy(() -> new GroupNormalization.Builder().groupSize(-1).build())
                .hasMessageContainingAll("expected groupSize >= 1", "got groupSize -1");
    }
}
