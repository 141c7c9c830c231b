// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.Thinned;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Every gradient of every operation against central differences in double, and both ways of building it. */
@Tag("full")
class SDNormGradientTest {
    private static final double STEP = 1e-5;

    static Stream<OpCase> cases() {
        return Thinned.cases(OpCase.all(DataType.DOUBLE));
    }

    static Stream<OpCase> floats() {
        return Thinned.cases(OpCase.all(DataType.FLOAT).filter(c -> c.rank() == 3));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void gradientsAgreeWithCentralDifferences(OpCase c) {
        Map<String, INDArray> arrays = c.arrays(3);
        INDArray dy = c.gradient(3);
        Map<String, INDArray> gradients = c.graph(true, arrays, dy).gradients();
        for (Map.Entry<String, INDArray> input : arrays.entrySet()) {
            INDArray gradient = gradients.get(input.getKey());
            assertThat(gradient.shape()).isEqualTo(input.getValue().shape());
            // Of x a part: parameters are smaller and checked whole.
            for (long i = 0; i < input.getValue().length(); i += input.getKey().equals(NormSpec.X) ? 7 : 1) {
                double value = input.getValue().getDouble(i);
                input.getValue().putScalar(i, value + STEP);
                double above = loss(c, arrays, dy);
                input.getValue().putScalar(i, value - STEP);
                double below = loss(c, arrays, dy);
                input.getValue().putScalar(i, value);
                assertThat(gradient.getDouble(i)).as("gradient of %s[%d]", input.getKey(), i)
                        .isCloseTo((above - below) / (2 * STEP), within(1e-7));
            }
        }
    }

    private static double loss(OpCase c, Map<String, INDArray> arrays, INDArray dy) {
        return c.eager(arrays).muli(dy).sumNumber().doubleValue();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theCompositionGivesTheSameInDouble(OpCase c) {
        compare(c, 1e-11);
    }

    @ParameterizedTest
    @MethodSource("floats")
    void theCompositionGivesTheSameInFloat(OpCase c) {
        compare(c, 2e-5);
    }

    private static void compare(OpCase c, double tolerance) {
        Map<String, INDArray> arrays = c.arrays(3);
        INDArray dy = c.gradient(3);
        OpCase.Graph fused = c.graph(true, arrays, dy);
        OpCase.Graph composed = c.graph(false, arrays, dy);
        assertSame(fused.output(), composed.output(), tolerance, "output");
        Map<String, INDArray> expected = fused.gradients();
        Map<String, INDArray> actual = composed.gradients();
        for (String name : fused.inputs()) {
            assertSame(actual.get(name), expected.get(name), tolerance, "gradient of " + name);
        }
    }

    private static void assertSame(INDArray actual, INDArray expected, double tolerance, String what) {
        assertThat(actual.shape()).as(what).isEqualTo(expected.shape());
        assertThat(actual.dataType()).as(what).isEqualTo(expected.dataType());
        assertThat(actual.sub(expected).amaxNumber().doubleValue()).as(what)
                .isLessThan(tolerance * (1 + expected.amaxNumber().doubleValue()));
    }
}
