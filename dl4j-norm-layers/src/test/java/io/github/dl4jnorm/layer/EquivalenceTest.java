// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Norms that are each other's special cases agree, forward and backward. */
class EquivalenceTest {
    private static final int CHANNELS = 6;

    private static LayerUnderTest layer(NormLayer conf) {
        LayerUnderTest layer = new LayerUnderTest(conf, CHANNELS, DataType.DOUBLE);
        for (String name : new String[]{"gamma", "beta"}) {
            INDArray param = layer.param(name);
            for (int c = 0; c < CHANNELS; c++) {
                param.putScalar(c, 0.5 + 0.3 * c - (name.equals("beta") ? 1 : 0));
            }
        }
        return layer;
    }

    private static INDArray random(int rank) {
        long[] shape = {5, CHANNELS, 3, 2, 4};
        Nd4j.getRandom().setSeed(rank);
        return Nd4j.rand(DataType.DOUBLE, java.util.Arrays.copyOf(shape, rank)).subi(0.3).muli(3);
    }

    private static void assertSame(NormLayer first, NormLayer second, INDArray x) {
        LayerUnderTest a = layer(first);
        LayerUnderTest b = layer(second);
        assertSame(a, b, x, true);
        for (String name : new String[]{"gamma", "beta"}) {
            assertClose(gradient(a, name), gradient(b, name), name);
        }
    }

    private static INDArray gradient(LayerUnderTest layer, String name) {
        return layer.layer.layerConf().initializer().getGradientsFromFlattened(layer.layer.conf(), layer.gradients)
                .get(name);
    }

    private static void assertSame(LayerUnderTest a, LayerUnderTest b, INDArray x, boolean training) {
        INDArray dy = Nd4j.linspace(DataType.DOUBLE, -1, 0.01, x.length()).reshape(x.shape());
        assertClose(a.forward(x, training), b.forward(x, training), "y");
        assertClose(a.dx(dy), b.dx(dy), "dx");
    }

    private static void assertClose(INDArray actual, INDArray expected, String what) {
        double difference = actual.sub(expected).amaxNumber().doubleValue();
        assertThat(difference).as(what).isLessThan(1e-9);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 4, 5})
    void groupNormWithOneGroupEqualsLayerNorm(int rank) {
        assertSame(new GroupNormalization.Builder(1).build(), new LayerNormalization.Builder().build(), random(rank));
    }

    @Test
    void layerNormOfSequencesIsPerPosition() {
        assertSame(new LayerNormalization.Builder().build(), new LayerNormalization.Builder().perPosition(true).build(),
                random(3));
    }

    @Test
    void perPositionLayerNormOfAnImageEqualsDenseLayerNormOfItsPixels() {
        INDArray x = random(4);
        INDArray pixels = x.permute(0, 2, 3, 1).dup('c').reshape(5 * 3 * 2, CHANNELS);
        INDArray expected = layer(new LayerNormalization.Builder().build()).forward(pixels, true);
        INDArray actual = layer(new LayerNormalization.Builder().perPosition(true).build()).forward(x, true);
        assertClose(actual.permute(0, 2, 3, 1).dup('c').reshape(5 * 3 * 2, CHANNELS), expected, "y");
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 4, 5})
    void groupNormWithAGroupForEachChannelEqualsInstanceNorm(int rank) {
        assertSame(new GroupNormalization.Builder(CHANNELS).build(), new InstanceNormalization.Builder().build(),
                random(rank));
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 4, 5})
    void batchNormOfOneExampleEqualsInstanceNorm(int rank) {
        INDArray one = random(rank).get(org.nd4j.linalg.indexing.NDArrayIndex.interval(0, 1)).dup();
        assertSame(new BatchNormalization.Builder().build(), new InstanceNormalization.Builder().build(), one);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void switchableNormWithAllWeightOnOnePartEqualsThatPart(int part) {
        NormLayer[] parts = {new InstanceNormalization.Builder().build(), new GroupNormalization.Builder(1).build(),
            new BatchNormalization.Builder().build()};
        for (int rank = 3; rank <= 5; rank++) {
            LayerUnderTest switchable = layer(new SwitchableNormalization.Builder().build());
            for (String weight : new String[]{"meanWeight", "varWeight"}) {
                switchable.param(weight).assign(0).putScalar(part, 100);
            }
            assertSame(switchable, layer(parts[part]), random(rank), true);
        }
    }

    @Test
    void denseSwitchableNormMixesLayerAndBatchStatistics() {
        INDArray x = random(2);
        LayerUnderTest switchable = layer(new SwitchableNormalization.Builder().build());
        for (String weight : new String[]{"meanWeight", "varWeight"}) {
            switchable.param(weight).assign(Nd4j.createFromArray(7.0, 0, 100));
        }
        assertSame(switchable, layer(new BatchNormalization.Builder().build()), x, true);
        for (String weight : new String[]{"meanWeight", "varWeight"}) {
            switchable.param(weight).assign(Nd4j.createFromArray(7.0, 100, 0));
        }
        assertSame(switchable, layer(new LayerNormalization.Builder().build()), x, true);
    }

    @Test
    void aFusedReluEqualsAReluLayerBehindTheNorm() {
        INDArray x = random(4);
        INDArray dy = Nd4j.linspace(DataType.DOUBLE, -1, 0.01, x.length()).reshape(x.shape());
        LayerUnderTest plain = layer(new GroupNormalization.Builder(2).build());
        LayerUnderTest fused = layer(new GroupNormalization.Builder(2).activation(Activation.RELU).build());
        INDArray z = plain.forward(x, true);
        INDArray active = z.gt(0).castTo(DataType.DOUBLE);
        assertClose(fused.forward(x, true), z.mul(active), "y");
        assertClose(fused.dx(dy), plain.dx(dy.mul(active)), "dx");
        assertClose(fused.gradients, plain.gradients, "gradients");
    }

    @Test
    void anyOtherActivationIsAppliedToo() {
        INDArray x = random(3);
        LayerUnderTest plain = layer(new BatchNormalization.Builder().build());
        LayerUnderTest tanh = layer(new BatchNormalization.Builder().activation(Activation.TANH).build());
        INDArray expected = org.nd4j.linalg.ops.transforms.Transforms.tanh(plain.forward(x, true), true);
        assertClose(tanh.forward(x, true), expected, "y");
    }

    @Test
    void batchNormInTestModeIsAFoldedAffineMap() {
        INDArray x = random(4);
        LayerUnderTest layer = layer(new BatchNormalization.Builder()
                .runningStatistics(RunningStatistics.momentum(0.5)).build());
        layer.step(x);
        INDArray y = layer.forward(x, false);
        double[] mean = layer.layer.runningMean();
        double[] variance = layer.layer.runningVariance();
        for (int c = 0; c < CHANNELS; c++) {
            double scale = layer.param("gamma").getDouble(c) / Math.sqrt(variance[c] + 1e-5);
            double shift = layer.param("beta").getDouble(c) - scale * mean[c];
            assertThat(y.getDouble(1, c, 2, 1)).isCloseTo(scale * x.getDouble(1, c, 2, 1) + shift, within(1e-12));
        }
    }

    @Test
    void channelsLastEqualsChannelsFirst() {
        INDArray first = random(4);
        INDArray last = first.permute(0, 2, 3, 1).dup('c');
        INDArray dy = Nd4j.linspace(DataType.DOUBLE, -1, 0.01, first.length()).reshape(first.shape());
        for (NormLayer[] pair : new NormLayer[][]{
            {new BatchNormalization.Builder().build(), new BatchNormalization.Builder().build()},
            {new GroupNormalization.Builder(3).build(), new GroupNormalization.Builder(3).build()},
            {new InstanceNormalization.Builder().build(), new InstanceNormalization.Builder().build()},
            {new LayerNormalization.Builder().build(), new LayerNormalization.Builder().build()},
            {new LayerNormalization.Builder().perPosition(true).build(),
                new LayerNormalization.Builder().perPosition(true).build()},
            {new SwitchableNormalization.Builder().build(), new SwitchableNormalization.Builder().build()}}) {
            pair[1].setChannelsLast(true);
            LayerUnderTest a = layer(pair[0]);
            LayerUnderTest b = layer(pair[1]);
            assertClose(b.forward(last, true).permute(0, 3, 1, 2), a.forward(first, true), "y");
            assertClose(b.dx(dy.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), a.dx(dy), "dx");
            assertClose(b.gradients, a.gradients, "gradients");
        }
    }
}
