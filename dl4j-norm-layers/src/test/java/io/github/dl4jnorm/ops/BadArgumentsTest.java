// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What does not fit is refused with method and shapes: by arrays, by graphs as they are built, or as they run. */
@Tag("long")
class BadArgumentsTest {

    /** A call by names of arrays, so that both classes can make it. */
    interface Call {
        Object make(NormOps<Object> norm, Function<INDArray, Object> in);
    }

    private static INDArray zeros(long... shape) {
        return Nd4j.zeros(DataType.FLOAT, shape);
    }

    private static Call call(Call call) {
        return call;
    }

    @SuppressWarnings("unchecked")
    private static NormOps<Object> untyped(NormOps<?> norm) {
        return (NormOps<Object>) norm;
    }

    static Stream<Arguments> calls() {
        return Stream.of(
                Arguments.of("groups", "groupNorm: expected a number of channels divisible by groups = 3, got 4 in dimension 1; "
                        + "x [2, 4, 5], CHANNELS_FIRST",
                        call((norm, in) -> norm.groupNorm(in.apply(zeros(2, 4, 5)), null, null, 3, 1e-5))),
                Arguments.of("no groups", "groupNorm: expected groups >= 1, got 0",
                        call((norm, in) -> norm.groupNorm(in.apply(zeros(2, 4, 5)), null, null, 0, 1e-5))),
                Arguments.of("gamma", "batchNorm: expected gamma with one element per channel, 5, got 4, the size of "
                        + "dimension 1 (if that holds the channels, call layout(Layout.CHANNELS_FIRST) first); "
                        + "x [2, 4, 5], gamma [4], CHANNELS_LAST",
                        call((norm, in) -> norm.layout(Layout.CHANNELS_LAST)
                                .batchNorm(in.apply(zeros(2, 4, 5)), in.apply(zeros(4)), null, 1e-5))),
                Arguments.of("matrix", "layerNorm: expected beta to be a vector; x [2, 4], beta [2, 2]",
                        call((norm, in) -> norm.layerNorm(in.apply(zeros(2, 4)), null, in.apply(zeros(2, 2)), 1e-5))),
                Arguments.of("eps", "rmsNorm: expected eps >= 0, got -0.1; x [2, 4]",
                        call((norm, in) -> norm.rmsNorm(in.apply(zeros(2, 4)), null, null, -0.1))),
                Arguments.of("rank", "instanceNorm: expected rank 3 to 5, got rank 2 (each statistic would cover a single "
                        + "element; use layerNorm); x [2, 4]",
                        call((norm, in) -> norm.instanceNorm(in.apply(zeros(2, 4)), null, null, 1e-5))),
                Arguments.of("high rank", "l2Normalize: expected rank 2 to 5, got rank 6; x [1, 2, 1, 1, 1, 1]",
                        call((norm, in) -> norm.l2Normalize(in.apply(zeros(1, 2, 1, 1, 1, 1)), 1e-5))),
                Arguments.of("type", "l2Normalize: expected x of type FLOAT, DOUBLE or HALF, got INT; x [2, 3]",
                        call((norm, in) -> norm.l2Normalize(in.apply(Nd4j.zeros(DataType.INT, 2, 3)), 1e-5))),
                Arguments.of("statistics", "batchNormInference: mean must not be null",
                        call((norm, in) -> norm.batchNormInference(in.apply(zeros(2, 4)), null, null, null, null, 1e-5))),
                Arguments.of("residual", "addLayerNorm: expected x and residual of the same shape; x [2, 4], residual [2, 3]",
                        call((norm, in) -> norm.addLayerNorm(in.apply(zeros(2, 4)), in.apply(zeros(2, 3)), null, null, 1e-5))),
                Arguments.of("type of residual", "addRmsNorm: expected x and residual of the same type, got FLOAT and DOUBLE; "
                        + "x [2, 4], residual [2, 4]", call((norm, in) -> norm.addRmsNorm(in.apply(zeros(2, 4)),
                        in.apply(Nd4j.zeros(DataType.DOUBLE, 2, 4)), null, null, 1e-5))),
                Arguments.of("no residual", "addRmsNorm: residual must not be null",
                        call((norm, in) -> norm.addRmsNorm(in.apply(zeros(2, 4)), null, null, null, 1e-5))),
                Arguments.of("layout", "addRmsNorm: expected a layout for rank 3 and higher",
                        call((norm, in) -> norm.addRmsNorm(in.apply(zeros(2, 4, 3)), in.apply(zeros(2, 4, 3)), null, null, 0))),
                Arguments.of("weights", "switchableNorm: expected three weights (instance, layer, batch) or two (instance, "
                        + "layer), got 4; x [2, 4, 5], meanWeight [4], varWeight [4]",
                        call((norm, in) -> norm.switchableNorm(in.apply(zeros(2, 4, 5)), null, null, in.apply(zeros(4)),
                                in.apply(zeros(4)), 1e-5))),
                Arguments.of("unlike weights", "switchableNorm: expected varWeight and meanWeight of equal length, got 2 and 3",
                        call((norm, in) -> norm.switchableNorm(in.apply(zeros(2, 4, 5)), null, null, in.apply(zeros(3)),
                                in.apply(zeros(2)), 1e-5))));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("calls")
    void arraysThatDoNotFitAreRefused(String name, String message, Call call) {
        assertThatThrownBy(() -> call.make(untyped(new NDNorm()), array -> array)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(message);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("calls")
    void aGraphIsRefusedAsItIsBuilt(String name, String message, Call call) {
        SameDiff sd = SameDiff.create();
        for (boolean fused : new boolean[]{true, false}) {
            assertThatThrownBy(() -> call.make(untyped(new SDNorm(sd, fused)), sd::constant))
                    .isInstanceOf(IllegalArgumentException.class).hasMessageStartingWith(message);
        }
    }

    @Test
    void sizesOfAPlaceholderAreUsedAsFarAsTheyAreKnown() {
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.FLOAT, -1, 6, -1);
        assertThatThrownBy(() -> new SDNorm(sd).groupNorm(x, null, null, 4, 1e-5))
                .hasMessageContaining("divisible by groups = 4, got 6 in dimension 1; x [-1, 6, -1]");
    }

    @Test
    void whatIsUnknownThenIsRefusedAtExecution() {
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.FLOAT, -1, -1, -1);
        SDVariable y = new SDNorm(sd).named("y").groupNorm(sd.nn.relu(x, 0), sd.var("gamma", zeros(4)), null, 2, 1e-5);
        assertThatThrownBy(() -> y.eval(Map.of("x", zeros(2, 6, 3))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("groupNorm: expected gamma with one element per channel, 6, got 4; "
                        + "x [2, 6, 3], gamma [4], CHANNELS_FIRST");
        y.eval(Map.of("x", zeros(2, 4, 3)));
    }

    @Test
    void anEmptyBatchIsRefused() {
        assertThatThrownBy(() -> new NDNorm().layerNorm(Nd4j.empty(DataType.FLOAT).reshape(0, 3), null, null, 1e-5))
                .hasMessageContaining("layerNorm: expected at least one example and position, got none; x [0, 3]");
    }
}
