// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.conf.WeightNormalization;
import io.github.dl4jnorm.conf.WeightStandardization;
import java.util.Map;
import java.util.function.Supplier;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.layers.CenterLossOutputLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.GravesBidirectionalLSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/** What layers with computed weights refuse. */
class BadReparameterizationTest {
    private static DenseLayer dense() {
        return new DenseLayer.Builder().name("d").nOut(3).activation(Activation.TANH).build();
    }

    private static void assertRejected(ThrowingCallable call, String... parts) {
        assertThatThrownBy(call).isInstanceOf(DL4JInvalidConfigException.class).hasMessageContainingAll(parts);
    }

    private static MultiLayerNetwork net(Layer layer) {
        return Inside.DENSE.sequence(Inside.base(DataType.FLOAT, new Adam(0.01)), layer);
    }

    @Test
    void layersWhoseWeightsAreNotKnown() {
        assertRejected(() -> new WeightNormalization(new CenterLossOutputLayer.Builder().name("o").nOut(3).build()),
                "WeightNormalization layer \"o\"", "expected a layer to wrap, one of", "DenseLayer",
                "LSTM", "got", "CenterLossOutputLayer");
        assertRejected(() -> new SpectralNormalization(new GravesBidirectionalLSTM.Builder().nOut(3).build()),
                "GravesBidirectionalLSTM");
        assertRejected(() -> new WeightStandardization(new WeightNormalization(dense())), "WeightNormalization");
        assertRejected(() -> new WeightStandardization(new Bidirectional(new LayerNormLSTM.Builder().nOut(3).build())),
                "expected a layer to wrap, one of", "LayerNormLSTM");
        assertRejected(() -> new WeightNormalization(null), "got no layer");
    }

    @Test
    void optionsOutOfRange() {
        assertRejected(() -> new WeightNormalization.Builder(dense()).eps(0).build(), "layer \"d\"", "eps > 0", "got eps 0.0");
        assertRejected(() -> new WeightStandardization.Builder(dense()).eps(Double.NaN).build(), "eps > 0");
        assertRejected(() -> new SpectralNormalization.Builder(dense()).powerIterations(0).build(), "powerIterations >= 1");
        assertRejected(() -> new SpectralNormalization.Builder(dense()).warmUp(-1).build(), "warmUp >= 0", "-1");
    }

    @Test
    void constraintsOnWeightsAndNotOnBiases() {
        DenseLayer weights = new DenseLayer.Builder().name("d").nOut(3).constrainWeights(new MaxNormConstraint(1, 1)).build();
        assertRejected(() -> net(new WeightNormalization(weights)), "\"d\"", "no constraints on the wrapped layer's weights");

        DenseLayer bias = new DenseLayer.Builder().nOut(3).constrainBias(new MaxNormConstraint(0.01, 0)).build();
        MultiLayerNetwork net = net(new WeightNormalization(bias));
        for (int i = 0; i < 5; i++) {
            net.fit(Inside.DENSE.input(4, DataType.FLOAT), Inside.labels(4, DataType.FLOAT));
        }
        assertThat(net.getParam("0_b").norm2Number().doubleValue()).isPositive().isLessThan(0.0101);
    }

    @Test
    void inputsThatAreNotKnown() {
        MultiLayerNetwork net = new MultiLayerNetwork(Inside.base(DataType.FLOAT, new Adam(0.01)).list()
                .layer(new SpectralNormalization(dense())).layer(new OutputLayer.Builder().nIn(3).nOut(2).build()).build());
        assertRejected(net::init, "\"d\"", "nIn and nOut", "0 inputs and 3 units of W");
    }

    /** Deeplearning4j's wrappers look past it, or pass no configuration on to what is inside of it. */
    @Test
    void beingInsideOfOtherWrappers() {
        Supplier<Layer> lstm = () -> new WeightNormalization(Inside.LSTM.layer(Activation.TANH));
        assertRejected(() -> Inside.LSTM.sequence(Inside.base(DataType.FLOAT, new Adam(0.01)), new LastTimeStep(lstm.get())),
                "\"inside\"", "160 parameters, got 128; put Deeplearning4j's wrappers inside");
        assertRejected(() -> Inside.LSTM.sequence(Inside.base(DataType.FLOAT, new Adam(0.01)),
                new Bidirectional(Bidirectional.Mode.ADD, lstm.get())), "\"layer0\"", "weight initialization", "Bidirectional");
    }

    @Test
    void parametersOfOtherShapes() {
        ReparameterizedLayer layer = Inside.first(net(new WeightNormalization(dense())));
        assertThatThrownBy(() -> layer.setParams(Nd4j.zeros(5))).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected 15 parameters, got 5");
        assertThatThrownBy(() -> layer.setParam("Wg", Nd4j.zeros(5))).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Wg with 5");
        assertThatThrownBy(() -> layer.setParamTable(Map.of("W", Nd4j.zeros(3, 3))))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("Wg");
    }
}
