// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.norm.Affine.Coefficients;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Few channels, whose coefficients stay in registers from JDK 22 on, against the loops over columns with tables, which all other
 * tests run where the JDK is older: the same bits of all elements, and the same sums.
 */
@EnabledIfSystemProperty(named = Kernels.PROPERTY, matches = "vector")
class PeriodsTest {
    private static final int COLUMNS = 192;

    /** Both kinds of loops on the same memory. */
    private static final class Pair {
        final boolean wide;
        final int width;
        final ColumnOps periods;
        final ColumnOps tables;
        final int channels;
        final int stride;
        final Memory x;
        final Memory dy;

        Pair(boolean wide, int channels, int runs, int length, Random random) {
            this.wide = wide;
            this.channels = channels;
            width = wide ? Double.BYTES : Float.BYTES;
            periods = wide ? new DoubleVectorColumnOps(true) : new FloatVectorColumnOps(true);
            tables = wide ? new DoubleVectorColumnOps(false) : new FloatVectorColumnOps(false);
            stride = (length + random.nextInt(3)) * width;
            x = memory(runs, random);
            dy = memory(runs, random);
        }

        Memory memory(int runs, Random random) {
            Memory memory = new Memory(ByteBuffer.allocateDirect(runs * stride + width).order(ByteOrder.nativeOrder()));
            for (int i = 0; random != null && i < runs * stride / width; i++) {
                if (wide) {
                    memory.bytes.putDouble(i * width, random.nextGaussian());
                } else {
                    memory.bytes.putFloat(i * width, (float) random.nextGaussian());
                }
            }
            return memory;
        }

        void set(boolean zoomed, Random random) {
            Coefficients k = new Coefficients(channels);
            double[] slopes = new double[channels];
            double[] shifts = new double[channels];
            for (int c = 0; c < channels; c++) {
                k.center[c] = random.nextGaussian();
                k.unit[c] = (0.5 + random.nextDouble()) * (zoomed ? 0x1p100 : 1);
                k.scale[c] = random.nextGaussian() * k.unit[c];
                k.shift[c] = random.nextGaussian();
                slopes[c] = random.nextGaussian();
                shifts[c] = random.nextGaussian();
            }
            for (ColumnOps ops : new ColumnOps[]{periods, tables}) {
                ops.prepare(channels, COLUMNS);
                ops.set(k);
                ops.setGradient(k, slopes, shifts);
            }
        }
    }

    static Stream<Arguments> cases() {
        return Stream.of(1, 2, 3, 4, 8, 16, 32, 48).flatMap(channels -> Stream.of(1, 5, 31, 32, 33, 64, 100, COLUMNS)
                .flatMap(length -> Stream.of(1, 7, 128).map(runs -> Arguments.of(channels, length, runs))));
    }

    @ParameterizedTest(name = "{0} channels, {2} runs of {1}")
    @MethodSource("cases")
    void elementsAreTheSameBits(int channels, int length, int runs) {
        Random random = new Random(channels + 1000L * length + runs);
        for (int kind = 0; kind < 8; kind++) {
            Pair pair = new Pair(kind % 2 == 0, channels, runs, length, random);
            boolean relu = kind / 2 % 2 == 0;
            pair.set(kind / 4 == 0, random);
            Memory first = pair.memory(runs, null);
            Memory second = pair.memory(runs, null);
            pair.periods.affine(pair.x, 0, pair.stride, first, 0, pair.stride, runs, 0, length, relu);
            pair.tables.affine(pair.x, 0, pair.stride, second, 0, pair.stride, runs, 0, length, relu);
            assertThat(first.bytes).isEqualTo(second.bytes);
            pair.periods.affineGrad(pair.x, 0, pair.stride, pair.dy, 0, pair.stride, first, 0, pair.stride, runs, 0, length,
                    relu);
            pair.tables.affineGrad(pair.x, 0, pair.stride, pair.dy, 0, pair.stride, second, 0, pair.stride, runs, 0, length,
                    relu);
            assertThat(first.bytes).isEqualTo(second.bytes);
        }
    }

    @ParameterizedTest(name = "{0} channels, {2} runs of {1}")
    @MethodSource("cases")
    void sumsAreTheSame(int channels, int length, int runs) {
        Random random = new Random(channels + 1000L * length + runs);
        for (int kind = 0; kind < 8; kind++) {
            Pair pair = new Pair(kind % 2 == 0, channels, runs, length, random);
            boolean relu = kind / 2 % 2 == 0;
            pair.set(kind / 4 == 0, random);
            double scale = runs * length * (pair.wide ? 1e-14 : 1e-6);
            double[][] sums = new double[4][channels];
            pair.periods.gradSums(pair.x, 0, pair.stride, pair.dy, 0, pair.stride, runs, 0, length, relu, sums[0], sums[1]);
            pair.tables.gradSums(pair.x, 0, pair.stride, pair.dy, 0, pair.stride, runs, 0, length, relu, sums[2], sums[3]);
            // Deviations of a zoomed channel are as much larger.
            assertClose(sums, scale, kind / 4 == 0 && !pair.wide ? 0x1p100 : 1);

            double[] centers = random.doubles(channels).toArray();
            pair.periods.setCenters(centers);
            pair.tables.setCenters(centers);
            sums = new double[4][channels];
            pair.periods.sums(pair.x, 0, pair.stride, runs, 0, length, 2, sums[0], sums[1]);
            pair.tables.sums(pair.x, 0, pair.stride, runs, 0, length, 2, sums[2], sums[3]);
            assertClose(sums, 10 * scale, 1);
        }
    }

    private static void assertClose(double[][] sums, double tolerance, double unitOfProducts) {
        for (int c = 0; c < sums[0].length; c++) {
            assertThat(sums[0][c]).isCloseTo(sums[2][c], within(tolerance));
            assertThat(sums[1][c]).isCloseTo(sums[3][c], within(tolerance * unitOfProducts));
        }
    }
}
