// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.conf.WeightNormalization;
import io.github.dl4jnorm.conf.WeightShape;
import io.github.dl4jnorm.conf.WeightStandardization;
import java.util.List;
import java.util.function.Function;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.conf.layers.util.MaskZeroLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/** Networks whose computed weights are put into the layers give what they gave. */
@Tag("vectors-first")
class WeightFusionTest {
    private static final double TOLERANCE = 1e-6;
    private static final List<Function<Layer, Reparameterization>> WRAPPERS = List.of(WeightNormalization::new,
            WeightStandardization::new, SpectralNormalization::new);

    /** Parameters unlike those at the start. */
    private static <M extends Model> M changed(M net) {
        Nd4j.getRandom().setSeed(17);
        net.paramTable().values().forEach(array -> array.addi(Nd4j.rand(array.dataType(), array.shape()).muli(0.3)));
        return net;
    }

    private static void assertFused(Model net, INDArray x, String... params) {
        INDArray before = net.params().dup();
        String conf = net.conf() == null ? "" : net.conf().toJson();
        Model fused = WeightFusion.fuse(net);
        Nets.assertSameOutput(fused, net, x, TOLERANCE);
        assertThat(fused.paramTable().keySet()).contains(params)
                .noneMatch(name -> name.endsWith("Wg") || name.endsWith("Wu") || name.endsWith("Wv"));
        assertThat(net.params()).isEqualTo(before);
        assertThat(net.conf() == null ? "" : net.conf().toJson()).isEqualTo(conf);
    }

    @ParameterizedTest
    @EnumSource(Linear.class)
    void everyLayer(Linear kind) {
        for (Function<Layer, Reparameterization> wrapper : WRAPPERS) {
            FeedForwardLayer layer = kind.layer(true, ConvolutionMode.Truncate);
            assertFused(changed(Nets.sequence(kind.type(), wrapper.apply(layer), head(kind))), kind.input(), "0_W");
            assertFused(changed(Nets.graph(kind.type(), wrapper.apply(layer), head(kind))), kind.input(), "l0_W");
        }
    }

    /** Wrapping keeps outputs where the wrapper starts at what the weights are, and training goes on from there. */
    @ParameterizedTest
    @EnumSource(Linear.class)
    void theOtherWayRound(Linear kind) {
        WeightFusion.Rule weight = (name, layer) -> WeightShape.of(layer) == null ? null : new WeightNormalization(layer);
        MultiLayerNetwork net = changed(Nets.sequence(kind.type(), kind.layer(true, ConvolutionMode.Truncate), head(kind)));
        INDArray before = net.params().dup();
        MultiLayerNetwork wrapped = WeightFusion.unfuse(net, weight);
        Nets.assertSameOutput(wrapped, net, kind.input(), TOLERANCE);
        assertThat(wrapped.getLayerWiseConfigurations().getConf(0).getLayer()).isInstanceOf(WeightNormalization.class);
        assertThat(wrapped.paramTable()).containsKeys("0_W", "0_Wg");
        assertThat(net.params()).isEqualTo(before);
        Nets.assertSameOutput(WeightFusion.fuse(wrapped), net, kind.input(), TOLERANCE);
        ComputationGraph graph = changed(Nets.graph(kind.type(), kind.layer(true, ConvolutionMode.Truncate), head(kind)));
        ComputationGraph spectral = WeightFusion.unfuse(graph,
                (name, layer) -> WeightShape.of(layer) == null ? null : new SpectralNormalization(layer));
        ComputationGraph fused = WeightFusion.fuse(spectral);
        INDArray ratio = graph.getParam("l0_W").div(fused.getParam("l0_W"));
        // Divided by one number, the largest singular value.
        assertThat(ratio.maxNumber().doubleValue() / ratio.minNumber().doubleValue() - 1).isLessThan(1e-4);
    }

    @Test
    void whatCannotBeWrappedIsRefused() {
        MultiLayerNetwork net = Nets.sequence(InputType.feedForward(3), Nets.ours().build());
        assertThatThrownBy(() -> WeightFusion.unfuse(net, (name, layer) -> new WeightNormalization(layer)))
                .isInstanceOf(DL4JInvalidConfigException.class).hasMessageContaining("DenseLayer");
    }

    private static Layer head(Linear kind) {
        return kind == Linear.DENSE ? new DenseLayer.Builder().nOut(2).build()
                : new org.deeplearning4j.nn.conf.layers.ActivationLayer(Activation.IDENTITY);
    }

    @Test
    void recurrentLayersAndWrappersOfThem() {
        INDArray x = Nd4j.randn(DataType.FLOAT, 3, 4, 5);
        for (Function<Layer, Reparameterization> wrapper : WRAPPERS) {
            LSTM lstm = new LSTM.Builder().nOut(5).activation(Activation.TANH).build();
            SimpleRnn rnn = new SimpleRnn.Builder().nOut(5).activation(Activation.TANH).build();
            LSTM last = new LSTM.Builder().nOut(5).activation(Activation.TANH).build();
            MultiLayerNetwork net = changed(Nets.sequence(InputType.recurrent(4), wrapper.apply(lstm), wrapper.apply(rnn),
                    wrapper.apply(new LastTimeStep(new MaskZeroLayer(last, 9))), new DenseLayer.Builder().nOut(2).build()));
            assertFused(net, x, "0_W", "0_RW", "1_RW", "2_RW");
            Layer fused = WeightFusion.fuse(net).getLayerWiseConfigurations().getConf(2).getLayer();
            assertThat(((MaskZeroLayer) ((LastTimeStep) fused).getUnderlying()).getUnderlying()).isInstanceOf(LSTM.class);
            assertThat(net.getLayerWiseConfigurations().getConf(2).getLayer()).isInstanceOf(Reparameterization.class);
        }
    }

    private static Bidirectional bidirectional() {
        return new Bidirectional(Bidirectional.Mode.ADD, new LSTM.Builder().nOut(5).activation(Activation.TANH).build());
    }

    @Tag("vectors-first")
    @Test
    void bothDirectionsOfBidirectional() {
        INDArray x = Nd4j.randn(DataType.FLOAT, 3, 4, 5);
        assertFused(changed(Nets.sequence(InputType.recurrent(4), new SpectralNormalization(bidirectional()),
                new LSTM.Builder().nOut(2).build())), x, "0_fW", "0_fRW", "0_bW", "0_bRW");
        MultiLayerNetwork plain = changed(Nets.sequence(InputType.recurrent(4), bidirectional(),
                new LSTM.Builder().nOut(2).build()));
        MultiLayerNetwork wrapped = WeightFusion.unfuse(plain,
                (name, layer) -> layer instanceof Bidirectional ? new WeightNormalization(layer) : null);
        Nets.assertSameOutput(wrapped, plain, x, TOLERANCE);
        assertThat(wrapped.paramTable()).containsKeys("0_fWg", "0_bRWg");
    }

    @Test
    void frozenLayersStayFrozen() {
        MultiLayerNetwork net = changed(Nets.sequence(InputType.feedForward(3),
                new FrozenLayer(new WeightNormalization(new DenseLayer.Builder().name("d").nOut(4).build())),
                new DenseLayer.Builder().nOut(2).build()));
        assertFused(net, Nd4j.randn(DataType.FLOAT, 5, 3), "0_W");
        Layer fused = WeightFusion.fuse(net).getLayerWiseConfigurations().getConf(0).getLayer();
        assertThat(((FrozenLayer) fused).getLayer()).isInstanceOf(DenseLayer.class);
    }

    /** What is fused can be folded. */
    @Test
    void batchNormsBehindFusedLayersFold() {
        MultiLayerNetwork net = changed(Nets.sequence(Linear.CNN.type(),
                new WeightStandardization(Linear.CNN.layer(false, ConvolutionMode.Truncate)), Nets.ours().build(),
                new DenseLayer.Builder().nOut(2).build()));
        assertThat(BatchNormFolding.fold(net).outcomes().get(0).into()).isNotEqualTo("layer0");
        BatchNormFolding.Result<MultiLayerNetwork> folded = BatchNormFolding.fold(WeightFusion.fuse(net));
        assertThat(folded.outcomes().get(0).into()).isEqualTo("layer0");
        Nets.assertSameOutput(folded.net(), net, Linear.CNN.input(), 1e-4);
    }

    @Test
    void insideOfBidirectionalIsRefused() {
        MultiLayerNetwork net = Nets.sequence(InputType.recurrent(4), new Bidirectional(Bidirectional.Mode.ADD,
                new WeightNormalization(new LSTM.Builder().nOut(3).weightInit(WeightInit.XAVIER).biasInit(0)
                        .activation(Activation.TANH).updater(new Adam(0.01)).build())), new LSTM.Builder().nOut(2).build());
        assertThatThrownBy(() -> WeightFusion.fuse(net)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected no weight normalization inside Bidirectional");
    }

    @Test
    void aNetworkWithoutWrappersIsCopied() {
        MultiLayerNetwork net = Nets.sequence(InputType.feedForward(3), new DenseLayer.Builder().nOut(4).build());
        MultiLayerNetwork copy = WeightFusion.fuse(net);
        assertThat(copy).isNotSameAs(net);
        Nets.assertSameParams(copy.paramTable(), net.paramTable());
    }
}
