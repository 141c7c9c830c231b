// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.GlobalResponseNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.ops.Layout;
import io.github.dl4jnorm.ops.NDNorm;
import io.github.dl4jnorm.ops.NormOps;
import io.github.dl4jnorm.ops.SDNorm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.gradient.Gradient;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Operations give what layers give, bit for bit: outputs and gradients. */
@Tag("long")
class OpsTest {
    private static final double EPS = 1e-3;
    private static final long CHANNELS = 8;

    enum Norm {
        BATCH, GROUP, INSTANCE, LAYER, LAYER_PER_POSITION, SWITCHABLE, SWITCHABLE_WITHOUT_BATCH, RMS, FILTER_RESPONSE,
        GLOBAL_RESPONSE;

        NormLayer layer(boolean last, int rank) {
            var builder = switch (this) {
                case BATCH -> new BatchNormalization.Builder();
                case GROUP -> new GroupNormalization.Builder(4);
                case INSTANCE -> new InstanceNormalization.Builder();
                case LAYER -> new LayerNormalization.Builder();
                case LAYER_PER_POSITION -> new LayerNormalization.Builder().perPosition(true);
                case SWITCHABLE -> new SwitchableNormalization.Builder();
                case SWITCHABLE_WITHOUT_BATCH -> new SwitchableNormalization.Builder().useBatch(false);
                case RMS -> new RmsNormalization.Builder().center(true);
                case FILTER_RESPONSE -> new FilterResponseNormalization.Builder().threshold(false);
                case GLOBAL_RESPONSE -> new GlobalResponseNormalization.Builder();
            };
            builder.eps(EPS);
            switch (rank) {
                case 3 -> builder.dataFormat(last ? RNNFormat.NWC : RNNFormat.NCW);
                case 4 -> builder.dataFormat(last ? CNN2DFormat.NHWC : CNN2DFormat.NCHW);
                default -> builder.dataFormat(last ? Convolution3D.DataFormat.NDHWC : Convolution3D.DataFormat.NCDHW);
            }
            return (NormLayer) builder.build();
        }

        <A> A op(NormOps<A> ops, Map<String, A> in, boolean training, Layout layout) {
            A x = in.get("x");
            A gamma = in.get("gamma");
            A beta = in.get("beta");
            A w = in.get("meanWeight");
            A v = in.get("varWeight");
            return switch (this) {
                case BATCH -> training ? ops.layout(layout).batchNorm(x, gamma, beta, EPS)
                        : ops.layout(layout).batchNormInference(x, gamma, beta, in.get("mean"), in.get("var"), EPS);
                case GROUP -> ops.layout(layout).groupNorm(x, gamma, beta, 4, EPS);
                case INSTANCE -> ops.layout(layout).instanceNorm(x, gamma, beta, EPS);
                case LAYER -> ops.layout(layout).layerNorm(x, gamma, beta, EPS);
                case LAYER_PER_POSITION -> ops.layout(layout).layerNormPerPosition(x, gamma, beta, EPS);
                case SWITCHABLE -> training ? ops.layout(layout).switchableNorm(x, gamma, beta, w, v, EPS)
                        : ops.layout(layout).switchableNormInference(x, gamma, beta, w, v, in.get("mean"), in.get("var"), EPS);
                case SWITCHABLE_WITHOUT_BATCH -> ops.layout(layout).switchableNorm(x, gamma, beta, w, v, EPS);
                case RMS -> ops.layout(layout).rmsNorm(x, gamma, beta, EPS);
                case FILTER_RESPONSE -> ops.layout(layout).filterResponseNorm(x, gamma, beta, EPS);
                case GLOBAL_RESPONSE -> ops.layout(layout).globalResponseNorm(x, gamma, beta, EPS);
            };
        }

        int minRank() {
            return this == INSTANCE || this == FILTER_RESPONSE || this == GLOBAL_RESPONSE ? 3 : 2;
        }

        boolean running() {
            return this == BATCH || this == SWITCHABLE;
        }
    }

    static Stream<Arguments> cases() {
        List<Arguments> cases = new ArrayList<>();
        for (Norm norm : Norm.values()) {
            for (DataType type : new DataType[]{DataType.FLOAT, DataType.DOUBLE, DataType.HALF}) {
                for (int rank = norm.minRank(); rank <= 5; rank++) {
                    for (Layout layout : Layout.values()) {
                        if (rank > 2 || layout == Layout.CHANNELS_FIRST) {
                            cases.add(Arguments.of(norm, type, rank, layout, true));
                            if (norm.running() && type != DataType.HALF) {
                                cases.add(Arguments.of(norm, type, rank, layout, false));
                            }
                        }
                    }
                }
            }
        }
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void anOperationGivesWhatTheLayerGives(Norm norm, DataType type, int rank, Layout layout, boolean training) {
        boolean last = layout == Layout.CHANNELS_LAST;
        Nd4j.getRandom().setSeed(5);
        long[] shape = new long[rank];
        Arrays.fill(shape, 3);
        shape[0] = 4;
        shape[last ? rank - 1 : 1] = CHANNELS;
        LayerUnderTest layer = new LayerUnderTest(norm.layer(last, rank), CHANNELS, type);
        INDArray x = Nd4j.rand(DataType.DOUBLE, shape).muli(4).subi(1).castTo(type);
        INDArray dy = Nd4j.rand(DataType.DOUBLE, shape).subi(0.4).castTo(type);
        Map<String, INDArray> in = new LinkedHashMap<>();
        in.put("x", x);
        for (Map.Entry<String, INDArray> parameter : layer.layer.paramTable().entrySet()) {
            if (!parameter.getKey().equals("log10stdev")) {
                INDArray values = Nd4j.rand(DataType.DOUBLE, parameter.getValue().shape()).addi(0.5).castTo(type);
                parameter.getValue().assign(values);
                in.put(parameter.getKey(), values);
            }
        }
        if (training) {
            in.keySet().removeAll(List.of("mean", "var"));
        } else if (layer.layer.paramTable().containsKey("log10stdev")) {
            in.put("var", Nd4j.createFromArray(layer.layer.runningVariance()));
        }
        INDArray y = layer.forward(x, training);
        Pair<Gradient, INDArray> expected = layer.backward(dy);

        assertSame(norm.op(new NDNorm(), in, training, layout), y, "output");
        SameDiff sd = SameDiff.create();
        Map<String, SDVariable> variables = new LinkedHashMap<>();
        in.forEach((name, array) -> variables.put(name, sd.var(name, array.dup('c'))));
        SDVariable out = norm.op(new SDNorm(sd), variables, training, layout);
        assertSame(out.eval(), y, "output of the node");
        out.mul(sd.constant(dy)).sum().markAsLoss();
        Map<String, INDArray> gradients = sd.calculateGradients(Map.of(), variables.keySet());
        assertSame(gradients.get("x"), expected.getSecond(), "gradient of x");
        for (String name : List.of("gamma", "beta", "meanWeight", "varWeight")) {
            if (in.containsKey(name)) {
                assertSame(gradients.get(name), expected.getFirst().getGradientFor(name), "gradient of " + name);
            }
        }
    }

    private static void assertSame(INDArray actual, INDArray expected, String what) {
        assertThat(actual.shape()).as(what).isEqualTo(expected.shape());
        assertThat(actual.dataType()).as(what).isEqualTo(expected.dataType());
        double[] a = actual.dup('c').data().asDouble();
        double[] b = expected.dup('c').data().asDouble();
        assertThat(Arrays.mismatch(a, b)).as("first difference in %s", what).isEqualTo(-1);
    }
}
