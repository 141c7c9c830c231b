// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.Thinned;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** How an array lies in memory changes nothing. */
@Tag("long")
class StrideTest {

    enum Memory {
        F_ORDER {
            @Override
            INDArray of(INDArray array) {
                return array.dup('f');
            }
        },
        REVERSED_AXES {
            @Override
            INDArray of(INDArray array) {
                int[] reverse = IntStream.range(0, array.rank()).map(i -> array.rank() - 1 - i).toArray();
                return array.permute(reverse).dup('c').permute(reverse);
            }
        },
        ROTATED_AXES {
            @Override
            INDArray of(INDArray array) {
                List<Integer> axes = new ArrayList<>(IntStream.range(0, array.rank()).boxed().toList());
                Collections.rotate(axes, 1);
                int[] rotate = axes.stream().mapToInt(Integer::intValue).toArray();
                int[] back = new int[rotate.length];
                for (int i = 0; i < back.length; i++) {
                    back[rotate[i]] = i;
                }
                return array.permute(rotate).dup('c').permute(back);
            }
        },
        PART_OF_LARGER {
            @Override
            INDArray of(INDArray array) {
                long[] larger = Arrays.stream(array.shape()).map(d -> d + 3).toArray();
                INDArrayIndex[] part = Arrays.stream(array.shape()).mapToObj(d -> NDArrayIndex.interval(2, d + 2))
                        .toArray(INDArrayIndex[]::new);
                INDArray view = Nd4j.valueArrayOf(larger, Double.NaN, array.dataType()).get(part);
                return view.assign(array);
            }
        },
        EVERY_SECOND {
            @Override
            INDArray of(INDArray array) {
                long[] larger = Arrays.stream(array.shape()).map(d -> 2 * d).toArray();
                INDArrayIndex[] part = Arrays.stream(array.shape()).mapToObj(d -> NDArrayIndex.interval(0, 2, 2 * d))
                        .toArray(INDArrayIndex[]::new);
                INDArray view = Nd4j.valueArrayOf(larger, Double.NaN, array.dataType()).get(part);
                return view.assign(array);
            }
        };

        abstract INDArray of(INDArray array);
    }

    static Stream<Arguments> cases() {
        return Thinned.cases(NormCases.all().flatMap(arguments -> Stream.of(DataType.FLOAT, DataType.DOUBLE, DataType.HALF)
                .map(type -> Arguments.of(arguments.get()[0], arguments.get()[1], type))));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void viewsGiveWhatTheirCopiesGive(Norm norm, Kind kind, DataType type) {
        check(norm, kind, type, NormCases.shape(kind, 6, 4), Memory.values());
    }

    static Stream<Arguments> largeCases() {
        Stream<Arguments> cases = NormCases.all().filter(arguments -> Stream.of(Norm.BATCH, Norm.GROUP, Norm.INSTANCE,
                Norm.LAYER_PER_POSITION, Norm.SWITCHABLE).anyMatch(norm -> norm == arguments.get()[0]));
        return Thinned.cases(cases);
    }

    /** Large enough to be split among threads. */
    @ParameterizedTest
    @MethodSource("largeCases")
    void largeViewsGiveWhatTheirCopiesGive(Norm norm, Kind kind) {
        long[] shape = switch (kind) {
            case DENSE -> new long[]{400, 96};
            case RNN_FIRST, RNN_LAST -> NormCases.shape(kind, 4, 32, 1, 300);
            case CNN_FIRST, CNN_LAST -> NormCases.shape(kind, 4, 32, 16, 18);
            case CNN3D_FIRST, CNN3D_LAST -> NormCases.shape(kind, 4, 32, 8, 18);
        };
        check(norm, kind, DataType.FLOAT, shape, Memory.F_ORDER, Memory.ROTATED_AXES, Memory.PART_OF_LARGER);
    }

    private static void check(Norm norm, Kind kind, DataType type, long[] shape, Memory... memories) {
        Random random = new Random(norm.ordinal() * 31 + kind.ordinal());
        long channels = shape[kind.channelsLast ? shape.length - 1 : 1];
        INDArray x = NormCases.gaussian(random, 0.7, 2, shape).castTo(type);
        INDArray dy = NormCases.gaussian(random, 0.2, 1, shape).castTo(type);
        List<double[]> expected = run(norm, kind, channels, x, dy);
        for (Memory memory : memories) {
            INDArray otherX = memory.of(x);
            assertThat(Arrays.equals(TestNetwork.numbers(otherX), TestNetwork.numbers(x))).as(memory.name()).isTrue();
            assertSame(run(norm, kind, channels, otherX, memory.of(dy)), expected, type, memory + " x and dy");
            assertSame(run(norm, kind, channels, x, memory.of(dy)), expected, type, memory + " dy");
            assertSame(run(norm, kind, channels, otherX, dy), expected, type, memory + " x");
        }
    }

    /** Sums run in the order of the memory, so their last digits depend on it. */
    private static void assertSame(List<double[]> actual, List<double[]> expected, DataType type, String what) {
        String[] names = {"y in test mode", "y", "dx", "gradients", "parameters"};
        double tolerance = type == DataType.DOUBLE ? 1e-12 : type == DataType.FLOAT ? 1e-5 : 2e-3;
        for (int i = 0; i < names.length; i++) {
            double largest = Arrays.stream(expected.get(i)).map(Math::abs).max().orElse(0);
            assertThat(largestDifference(actual.get(i), expected.get(i))).as(what + ": " + names[i])
                    .isLessThanOrEqualTo(tolerance * Math.max(1, largest));
        }
    }

    private static double largestDifference(double[] actual, double[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        return IntStream.range(0, expected.length).mapToDouble(i -> Math.abs(actual[i] - expected[i])).max().orElse(0);
    }

    private static List<double[]> run(Norm norm, Kind kind, long channels, INDArray x, INDArray dy) {
        LayerUnderTest layer = NormCases.layer(norm, kind, channels, x.dataType());
        double[] before = TestNetwork.numbers(x);
        List<double[]> results = new ArrayList<>();
        results.add(TestNetwork.numbers(layer.forward(x, false)));
        results.add(TestNetwork.numbers(layer.forward(x, true)));
        results.add(TestNetwork.numbers(layer.dx(dy)));
        results.add(TestNetwork.numbers(layer.gradients));
        results.add(TestNetwork.numbers(layer.params));
        assertThat(Arrays.equals(TestNetwork.numbers(x), before)).as("input left alone").isTrue();
        return results;
    }
}
