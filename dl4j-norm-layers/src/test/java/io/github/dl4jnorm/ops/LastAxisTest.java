// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Norms that are over the last axis elsewhere never take another one for it without a word, not even if T = D. */
class LastAxisTest {
    private static final double EPS = 1e-3;

    static Stream<NormOps.Kind> operations() {
        return Stream.of(NormOps.Kind.values()).filter(kind -> kind.definition().needsLayout());
    }

    private static <A> A plain(NormOps.Kind op, NormOps<A> ops, A x) {
        return new OpMethod(op).call(ops, Map.of(NormSpec.X, x), 1, EPS);
    }

    private static <A> A laidOut(NormOps.Kind op, NormOps<A> ops, A x, Layout layout) {
        return plain(op, ops.layout(layout), x);
    }

    @Test
    void thoseThatAreOverTheLastAxisElsewhereAreKnown() {
        assertThat(operations()).contains(NormOps.Kind.LAYER_NORM, NormOps.Kind.LAYER_NORM_PER_POSITION, NormOps.Kind.RMS_NORM,
                NormOps.Kind.L2_NORMALIZE);
    }

    private static INDArray random(long... shape) {
        Random random = new Random(5);
        INDArray x = Nd4j.create(DataType.DOUBLE, shape);
        for (long i = 0; i < x.length(); i++) {
            x.putScalar(i, 1 + random.nextGaussian());
        }
        return x;
    }

    private static void assertSame(INDArray actual, INDArray expected) {
        assertThat(actual.dup('c').data().asDouble()).containsExactly(expected.dup('c').data().asDouble(), within(1e-9));
    }

    @ParameterizedTest
    @MethodSource("operations")
    void aSequenceWithoutALayoutIsRefusedEvenIfBothAxesHaveOneSize(NormOps.Kind op) {
        for (long[] shape : new long[][]{{2, 4, 4}, {2, 4, 6}, {2, 3, 4, 4}, {2, 3, 2, 4, 4}}) {
            refuses(() -> plain(op, new NDNorm(), random(shape)));
            for (boolean fused : new boolean[]{true, false}) {
                SameDiff sd = SameDiff.create();
                refuses(() -> plain(op, new SDNorm(sd, fused), sd.constant(random(shape))));
                refuses(() -> plain(op, new SDNorm(sd, fused), sd.placeHolder("x", DataType.DOUBLE, shape)));
            }
        }
    }

    private static void refuses(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("a layout for rank 3 and higher, got none (call "
                        + "layout(Layout.CHANNELS_LAST) first if the channels are the last axis")
                .hasMessageContaining("; x [2, ");
    }

    @ParameterizedTest
    @MethodSource("operations")
    void withTheLayoutTheLastAxisIsNormalizedRowByRow(NormOps.Kind op) {
        INDArray x = random(2, 4, 4);
        INDArray rows = plain(op, new NDNorm(), x.reshape('c', 8, 4)).reshape('c', 2, 4, 4);
        assertSame(laidOut(op, new NDNorm(), x, Layout.CHANNELS_LAST), rows);
        for (boolean fused : new boolean[]{true, false}) {
            SameDiff sd = SameDiff.create();
            assertSame(laidOut(op, new SDNorm(sd, fused), sd.constant(x), Layout.CHANNELS_LAST).eval(), rows);
        }
    }

    /** The rank of what another operation makes is known at execution alone. */
    @ParameterizedTest
    @MethodSource("operations")
    void aRankThatIsKnownOnlyAtExecutionIsCheckedThen(NormOps.Kind op) {
        for (boolean fused : new boolean[]{true, false}) {
            SameDiff sd = SameDiff.create();
            SDVariable shape = sd.placeHolder("shape", DataType.LONG, -1);
            SDVariable y = plain(op, new SDNorm(sd, fused), sd.reshape(sd.constant(random(2, 3, 4)), shape));
            BiFunction<SDVariable, long[], INDArray> eval = (output, sizes) ->
                    output.eval(Map.of("shape", Nd4j.createFromArray(sizes)));
            assertSame(eval.apply(y, new long[]{6, 4}), plain(op, new NDNorm(), random(2, 3, 4).reshape('c', 6, 4)));
            if (fused) {
                refuses(() -> eval.apply(y, new long[]{2, 3, 4}));
            } else {
                assertThatThrownBy(() -> eval.apply(y, new long[]{2, 3, 4})).isInstanceOf(RuntimeException.class);
            }
        }
    }

    @Test
    void aSavedGraphStillRefusesIt(@TempDir Path directory) throws IOException {
        SameDiff sd = SameDiff.create();
        SDVariable shape = sd.placeHolder("shape", DataType.LONG, -1);
        new SDNorm(sd, true).named("y").rmsNorm(sd.reshape(sd.constant(random(2, 4, 4)), shape), null, null, EPS);
        File file = directory.resolve("graph.fb").toFile();
        sd.save(file, false);
        SameDiff loaded = SameDiff.load(file, false);
        refuses(() -> loaded.output(Map.of("shape", Nd4j.createFromArray(2L, 4L, 4L)), "y"));
        INDArray y = loaded.output(Map.of("shape", Nd4j.createFromArray(8L, 4L)), "y").get("y");
        assertSame(y, new NDNorm().rmsNorm(random(2, 4, 4).reshape('c', 8, 4), null, null, EPS));
    }

    @Test
    void aGammaForTheOtherAxisSuggestsTheOtherLayout() {
        INDArray x = random(2, 4, 6);
        assertThatThrownBy(() -> new NDNorm().layout(Layout.CHANNELS_FIRST)
                .layerNorm(x, Nd4j.ones(DataType.DOUBLE, 6), null, EPS))
                .hasMessageContaining("one element per channel, 4, got 6, the size of dimension 2 (if that holds the channels, "
                        + "call layout(Layout.CHANNELS_LAST) first)");
        assertThatThrownBy(() -> new NDNorm().batchNorm(x, Nd4j.ones(DataType.DOUBLE, 6), null, EPS))
                .hasMessageContaining("call layout(Layout.CHANNELS_LAST) first");
        assertThatThrownBy(() -> new NDNorm().layout(Layout.CHANNELS_LAST).rmsNorm(x, Nd4j.ones(DataType.DOUBLE, 4), null, EPS))
                .hasMessageContaining("one element per channel, 6, got 4, the size of dimension 1 (if that holds the channels, "
                        + "call layout(Layout.CHANNELS_FIRST) first)");
    }

    @Test
    void otherOperationsHaveTheirChannelsInDimension1AsLayersDo() {
        INDArray x = random(2, 4, 6);
        NDNorm ops = new NDNorm();
        Stream.of(Layout.CHANNELS_FIRST).forEach(layout -> {
            assertSame(ops.batchNorm(x, null, null, EPS), ops.layout(layout).batchNorm(x, null, null, EPS));
            assertSame(ops.groupNorm(x, null, null, 2, EPS), ops.layout(layout).groupNorm(x, null, null, 2, EPS));
            assertSame(ops.instanceNorm(x, null, null, EPS), ops.layout(layout).instanceNorm(x, null, null, EPS));
        });
    }
}
