// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.GlobalResponseNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import java.util.Random;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Filter response and global response normalization: their definition, element by element, and their gradients. */
@Tag("vectors-first")
@Tag("long")
class ResponseNormsTest {
    private static final int C = Kind.CHANNELS;
    private static final int N = 3;

    private static FilterResponseNormalization.Builder filter() {
        return new FilterResponseNormalization.Builder().eps(1e-3);
    }

    /** The last position of the last axis is padding in the second example; nothing of the third counts. */
    private static INDArray mask(Kind kind) {
        long last = 5;
        INDArray mask = Nd4j.ones(DataType.DOUBLE, N, last);
        mask.putScalar(1, (int) last - 1, 0);
        mask.getRow(2).assign(0);
        return kind.rnn() ? mask : kind == Kind.CNN3D_FIRST || kind == Kind.CNN3D_LAST
                ? mask.reshape(N, 1, 1, 1, last) : mask.reshape(N, 1, 1, last);
    }

    private static INDArray input(Kind kind, Random random) {
        return NormCases.gaussian(random, 0.4, 1, NormCases.shape(kind, N, C));
    }

    private static void check(NormLayer conf, Kind kind, boolean masked, boolean zeros) {
        Random random = new Random(81);
        LayerUnderTest layer = NormCases.layer(conf, kind, C, DataType.DOUBLE).mask(masked ? mask(kind) : null);
        for (int i = 0; i < layer.params.length(); i++) {
            layer.params.putScalar(i, layer.params.getDouble(i) - 0.2 - 0.4 * (i % 3));
        }
        INDArray x = input(kind, random);
        if (zeros) {
            x.muli(0);
        }
        FiniteDifferences.check(layer, x, NormCases.gaussian(random, 0.3, 1, x.shape()));
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = "DENSE", mode = Mode.EXCLUDE)
    void gradientsAgreeWithFiniteDifferences(Kind kind) {
        for (boolean masked : new boolean[]{false, true}) {
            check(filter().build(), kind, masked, false);
            check(filter().learnedEps(true).activation(Activation.TANH).build(), kind, masked, false);
            check(filter().threshold(false).activation(Activation.RELU).build(), kind, masked, false);
            check(filter().threshold(false).affine(false).build(), kind, masked, false);
            check(filter().affine(false).build(), kind, masked, false);
            check(new GlobalResponseNormalization.Builder().eps(1e-3).build(), kind, masked, false);
            check(new GlobalResponseNormalization.Builder().activation(Activation.RELU).build(), kind, masked, false);
            check(new GlobalResponseNormalization.Builder().affine(false).activation(Activation.TANH).build(), kind, masked,
                    false);
        }
        check(filter().learnedEps(true).build(), kind, false, true);
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = "DENSE", mode = Mode.EXCLUDE)
    void outputIsThatOfTheDefinition(Kind kind) {
        INDArray x = input(kind, new Random(82));
        LayerUnderTest filter = NormCases.layer(filter().learnedEps(true).build(), kind, C, DataType.DOUBLE);
        LayerUnderTest global = NormCases.layer(new GlobalResponseNormalization.Builder().build(), kind, C, DataType.DOUBLE);
        double[] in = TestNetwork.numbers(x);
        double[] byFilter = TestNetwork.numbers(filter.forward(x, true));
        double[] byGlobal = TestNetwork.numbers(global.forward(x, true));
        int positions = in.length / N / C;
        double[][] squares = new double[N][C];
        for (int i = 0; i < in.length; i++) {
            squares[i / C / positions][channel(kind, i, positions)] += in[i] * in[i];
        }
        for (int i = 0; i < in.length; i++) {
            int c = channel(kind, i, positions);
            double[] ofExample = squares[i / C / positions];
            double gamma = filter.param("gamma").getDouble(c);
            double beta = filter.param("beta").getDouble(c);
            double eps = 1e-3 + filter.param("learnedEps").getDouble(0);
            double z = gamma * in[i] / Math.sqrt(ofExample[c] / positions + eps) + beta;
            assertThat(byFilter[i]).isCloseTo(Math.max(z, filter.param("tau").getDouble(c)), within(1e-12));
            double mean = 0;
            for (double square : ofExample) {
                mean += Math.sqrt(square) / C;
            }
            assertThat(byGlobal[i]).isCloseTo(in[i] + gamma * in[i] * Math.sqrt(ofExample[c]) / (mean + 1e-6) + beta,
                    within(1e-12));
        }
    }

    private static int channel(Kind kind, int i, int positions) {
        return kind.channelsLast ? i % C : i / positions % C;
    }

    @Test
    void globalResponseStartsAsTheIdentity() {
        INDArray x = Nd4j.rand(DataType.FLOAT, 2, 3, 5, 5);
        assertThat(new LayerUnderTest(new GlobalResponseNormalization.Builder().build(), 3, DataType.FLOAT).forward(x, true))
                .isEqualTo(x);
    }

    @Test
    void zerosGiveZerosAndFiniteGradients() {
        for (NormLayer conf : new NormLayer[]{new GlobalResponseNormalization.Builder().gammaInit(1).build(),
            new FilterResponseNormalization.Builder().build()}) {
            for (DataType type : new DataType[]{DataType.FLOAT, DataType.HALF}) {
                LayerUnderTest layer = new LayerUnderTest(conf.clone(), 3, type);
                INDArray y = layer.forward(Nd4j.zeros(type, 2, 3, 4, 4), true);
                assertThat(TestNetwork.numbers(y)).containsOnly(0);
                assertThat(TestNetwork.isFinite(layer.dx(Nd4j.ones(type, 2, 3, 4, 4)))).isTrue();
                assertThat(TestNetwork.isFinite(layer.gradients)).isTrue();
            }
        }
    }

    @Test
    void denseInputIsRejected() {
        for (NormLayer conf : new NormLayer[]{new GlobalResponseNormalization.Builder().build(),
            new FilterResponseNormalization.Builder().build()}) {
            assertThatThrownBy(() -> TestNetwork.around(false, TestNetwork.Setup.FLOAT, Kind.DENSE, conf))
                    .isExactlyInstanceOf(DL4JInvalidConfigException.class).hasMessageContaining("rank 3 to 5");
        }
    }
}
