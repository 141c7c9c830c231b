// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** At test time an example comes out the same bit for bit, alone or in any company. */
@Tag("full")
class ExampleIndependenceTest {
    private static final int EXAMPLES = 64;

    static Stream<Arguments> cases() {
        return NormCases.all().flatMap(arguments -> Stream.of(DataType.FLOAT, DataType.DOUBLE, DataType.HALF)
                .map(type -> Arguments.of(arguments.get()[0], arguments.get()[1], type)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void oneExampleAloneIsWhatItIsWithinABatch(Norm norm, Kind kind, DataType type) {
        check(norm, kind, type, NormCases.shape(kind, EXAMPLES, 4));
    }

    static Stream<Arguments> largeCases() {
        return NormCases.all();
    }

    /** Large enough to be split among threads. */
    @ParameterizedTest
    @MethodSource("largeCases")
    void oneLargeExampleAloneIsWhatItIsWithinABatch(Norm norm, Kind kind) {
        check(norm, kind, DataType.FLOAT, kind.dense() ? new long[]{EXAMPLES, 1536}
                : NormCases.shape(kind, EXAMPLES, 32, 6, 8));
    }

    private static void check(Norm norm, Kind kind, DataType type, long[] shape) {
        Random random = new Random(51 + norm.ordinal());
        LayerUnderTest layer = NormCases.layer(norm, kind, shape[kind.channelsLast ? shape.length - 1 : 1], type);
        layer.step(NormCases.gaussian(random, 0.5, 2, shape).castTo(type));
        INDArray batch = NormCases.gaussian(random, 0.5, 2, shape).castTo(type);
        INDArray together = layer.forward(batch, false);
        for (int n = 0; n < EXAMPLES; n += 9) {
            INDArray example = batch.get(NDArrayIndex.interval(n, n + 1)).dup('c');
            INDArray alone = layer.forward(example, false);
            assertThat(alone.shape()).isEqualTo(example.shape());
            double[] expected = TestNetwork.numbers(together.get(NDArrayIndex.interval(n, n + 1)));
            double[] actual = TestNetwork.numbers(alone);
            double largest = IntStream.range(0, expected.length).mapToDouble(i -> Math.abs(actual[i] - expected[i])).max()
                    .orElse(0);
            // How sums are split depends on the shape, and with it their last digit.
            double tolerance = type == DataType.DOUBLE ? 1e-12 : type == DataType.FLOAT ? 5e-6 : 8e-3;
            assertThat(largest).as("largest difference in example %d", n).isLessThan(tolerance);
        }
    }
}
