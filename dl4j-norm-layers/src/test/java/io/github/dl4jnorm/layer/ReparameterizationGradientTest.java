// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.Thinned;
import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.conf.WeightNormalization;
import io.github.dl4jnorm.layer.Inside.Wrapper;
import io.github.dl4jnorm.pass.SpectralWeight;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;

/** Deeplearning4j's gradient check of layers with computed weights. */
@Tag("full")
class ReparameterizationGradientTest {
    private static final DataType DEFAULT = Nd4j.defaultFloatingPointType();
    /** So many that u and v are the singular vectors, whose own change has no effect on σ of first order. */
    private static final int CONVERGED = 2000;

    @BeforeAll
    static void useDouble() {
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
    }

    @AfterAll
    static void useDefault() {
        Nd4j.setDefaultDataTypes(DEFAULT, DEFAULT);
    }

    private static Layer wrapped(Wrapper wrapper, Inside inside) {
        Layer layer = inside.layer(inside.builder().activation(Activation.TANH).l2(0.02).biasInit(0.1));
        return wrapper == Wrapper.SPECTRAL
                ? new SpectralNormalization.Builder(layer).warmUp(CONVERGED).build()
                : wrapper.around(layer);
    }

    static Stream<Arguments> cases() {
        return Thinned.cases(Stream.of(Wrapper.values()).flatMap(wrapper -> Stream.of(Inside.values())
                .map(inside -> Arguments.of(wrapper, inside))));
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("cases")
    void gradientsAreRight(Wrapper wrapper, Inside inside) {
        MultiLayerNetwork net = inside.sequence(Inside.base(DataType.DOUBLE, new NoOp()), wrapped(wrapper, inside));
        spread(net.paramTable());
        assertThat(net.calcRegularizationScore(true)).as("regularization").isPositive();

        assertThat(GradientCheckUtil.checkGradients(config(net, inside))).isTrue();
    }

    /** g not the length of v, so that a gradient that mistakes one for the other is wrong. */
    private static void spread(Map<String, INDArray> params) {
        params.forEach((name, array) -> {
            if (name.endsWith(WeightNormalization.GAIN)) {
                array.assign(Inside.drawn(array.dataType(), array.shape()));
            }
        });
    }

    private static GradientCheckUtil.MLNConfig config(MultiLayerNetwork net, Inside inside) {
        return new GradientCheckUtil.MLNConfig().net(net).input(inside.input(3, DataType.DOUBLE))
                .labels(Inside.labels(3, DataType.DOUBLE)).subset(true).maxPerParam(12)
                .excludeParams(Set.copyOf(net.paramTable().keySet().stream().filter(key -> key.matches("0_\\w*W[uv]")).toList()));
    }

    @ParameterizedTest
    @EnumSource(Wrapper.class)
    void gradientsAreRightBehindAMask(Wrapper wrapper) {
        for (Inside inside : new Inside[]{Inside.LSTM, Inside.SIMPLE_RNN, Inside.BIDIRECTIONAL_LSTM}) {
            MultiLayerNetwork net = inside.sequence(Inside.base(DataType.DOUBLE, new NoOp()), wrapped(wrapper, inside));
            spread(net.paramTable());
            INDArray mask = Nd4j.ones(DataType.DOUBLE, 3, Inside.STEPS);
            mask.putScalar(0, 5, 0).putScalar(1, 4, 0).putScalar(1, 5, 0);

            assertThat(GradientCheckUtil.checkGradients(config(net, inside).inputMask(mask))).as(inside.name()).isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource(Wrapper.class)
    void gradientsOfAGraphAreRight(Wrapper wrapper) {
        ComputationGraph net = Inside.DENSE.graph(Inside.base(DataType.DOUBLE, new NoOp()), wrapped(wrapper, Inside.DENSE));
        spread(net.paramTable());

        assertThat(GradientCheckUtil.checkGradients(new GradientCheckUtil.GraphConfig().net(net)
                .inputs(new INDArray[]{Inside.DENSE.input(3, DataType.DOUBLE)})
                .labels(new INDArray[]{Inside.labels(3, DataType.DOUBLE)})
                .excludeParams(Set.of("inside_Wu", "inside_Wv")))).isTrue();
    }

    /** Far from the singular vectors, u and v are constants all the same. */
    @Test
    void spectralGradientHoldsUAndVConstant() {
        INDArray v = Inside.drawn(DataType.DOUBLE, 2, 4, 3);
        INDArray left = Inside.drawn(DataType.DOUBLE, 4);
        INDArray right = Inside.drawn(DataType.DOUBLE, 6);
        INDArray dw = Inside.drawn(DataType.DOUBLE, 3, 4, 2).permute(2, 1, 0).dup('c');
        var pass = new SpectralWeight(left, right, 1, 0, 1e-12);
        INDArray dv = Nd4j.create(DataType.DOUBLE, 2, 4, 3);
        INDArray w = dv.ulike();
        pass.forward(v, false, w);
        pass.backward(v, dw, List.of(), dv);
        for (int i = 0; i < v.length(); i++) {
            double before = v.getDouble(i);
            v.putScalar(i, before + 1e-6);
            pass.forward(v, false, w);
            double above = w.mul(dw).sumNumber().doubleValue();
            v.putScalar(i, before - 1e-6);
            pass.forward(v, false, w);
            double below = w.mul(dw).sumNumber().doubleValue();
            v.putScalar(i, before);
            double difference = (above - below) / 2e-6;
            assertThat(dv.getDouble(i)).as("dv[%d]", i).isCloseTo(difference,
                    within(1e-7 * Math.max(1, Math.abs(difference))));
        }
    }
}
