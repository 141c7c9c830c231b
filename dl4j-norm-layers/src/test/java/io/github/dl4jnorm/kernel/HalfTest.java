// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class HalfTest {
    private static final int INFINITY = 0x7c00;
    /** The values of all patterns without sign in ascending order; where infinity is, the next power of two. */
    private static final double[] VALUES = values();

    private static double[] values() {
        double[] values = new double[INFINITY + 1];
        for (int bits = 0; bits <= INFINITY; bits++) {
            int exponent = bits / 1024;
            int mantissa = bits % 1024;
            values[bits] = exponent == 0 ? Math.scalb((double) mantissa, -24) : Math.scalb(1024.0 + mantissa, exponent - 25);
        }
        return values;
    }

    @Test
    void everyPatternHasTheValueOfTheStandard() {
        for (int bits = 0; bits < INFINITY; bits++) {
            assertBits(Half.toFloat((short) bits), (float) VALUES[bits], bits);
            assertBits(Half.toFloat((short) (bits | 0x8000)), -(float) VALUES[bits], bits | 0x8000);
        }
        assertThat(Half.toFloat((short) 0x7c00)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(Half.toFloat((short) 0xfc00)).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(Half.toFloat((short) 0x3c00)).isEqualTo(1f);
        assertThat(Half.toFloat((short) 0x7bff)).isEqualTo(65504f);
    }

    private static void assertBits(float actual, float expected, int bits) {
        if (Float.floatToRawIntBits(actual) != Float.floatToRawIntBits(expected)) {
            assertThat(actual).as("pattern %04x", bits).isEqualTo(expected);
            throw new AssertionError(String.format("pattern %04x: sign of zero", bits));
        }
    }

    @Test
    void everyPatternSurvivesTheWayThroughFloat() {
        int nans = 0;
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = Half.toFloat((short) bits);
            short back = Half.fromFloat(value);
            if ((bits & 0x7fff) > INFINITY) {
                nans++;
                assertThat(value).as("pattern %04x", bits).isNaN();
                assertThat(back & 0x7fff).as("pattern %04x and back", bits).isGreaterThan(INFINITY);
                assertThat(back & 0x8000).as("sign of pattern %04x and back", bits).isEqualTo(bits & 0x8000);
            } else if (back != (short) bits) {
                assertThat(back).as("pattern %04x = %s and back", bits, value).isEqualTo((short) bits);
            }
        }
        assertThat(nans).isEqualTo(2 * 1023);
    }

    @Test
    void roundsRandomFloatsToTheNearest() {
        long seed = 20240607;
        Random random = new Random(seed);
        for (int i = 0; i < 200_000; i++) {
            // Exponents from far below the smallest subnormal, 2⁻²⁴, to beyond the largest value.
            int exponent = 127 - 30 + random.nextInt(30 + 20);
            int bits = random.nextInt() & 0x807fffff | exponent << 23;
            assertNearest(Float.intBitsToFloat(bits), "seed " + seed + ", draw " + i);
        }
        for (int i = 0; i < 50_000; i++) {
            assertNearest(Float.intBitsToFloat(random.nextInt()), "seed " + seed + ", any bits, draw " + i);
        }
    }

    @Test
    void roundsTiesToEvenAndTheirNeighboursToTheNearest() {
        for (int bits = 0; bits < INFINITY; bits++) {
            float tie = (float) ((VALUES[bits] + VALUES[bits + 1]) / 2);
            for (float value : new float[]{tie, Math.nextUp(tie), Math.nextDown(tie)}) {
                assertNearest(value, "around the tie above pattern " + bits);
                assertNearest(-value, "around the tie above pattern " + bits);
            }
        }
    }

    @Test
    void overflowsWhereTheNearestIsBeyondTheRange() {
        assertThat(Half.fromFloat(65504f)).isEqualTo((short) 0x7bff);
        assertThat(Half.fromFloat(65519f)).isEqualTo((short) 0x7bff);
        assertThat(Half.fromFloat(Math.nextDown(65520f))).isEqualTo((short) 0x7bff);
        assertThat(Half.fromFloat(65520f)).isEqualTo((short) 0x7c00);
        assertThat(Half.fromFloat(-65519f)).isEqualTo((short) 0xfbff);
        assertThat(Half.fromFloat(-65520f)).isEqualTo((short) 0xfc00);
        assertThat(Half.fromFloat(Float.MAX_VALUE)).isEqualTo((short) 0x7c00);
        assertThat(Half.fromFloat(Float.POSITIVE_INFINITY)).isEqualTo((short) 0x7c00);
        assertThat(Half.fromFloat(Float.NEGATIVE_INFINITY)).isEqualTo((short) 0xfc00);
    }

    @Test
    void keepsTheSignOfWhatUnderflows() {
        assertThat(Half.fromFloat(0f)).isEqualTo((short) 0);
        assertThat(Half.fromFloat(-0f)).isEqualTo((short) 0x8000);
        assertThat(Half.fromFloat(Float.MIN_VALUE)).isEqualTo((short) 0);
        assertThat(Half.fromFloat(-Float.MIN_VALUE)).isEqualTo((short) 0x8000);
        assertThat(Half.fromFloat(0x1p-25f)).as("half the smallest subnormal is a tie").isEqualTo((short) 0);
        assertThat(Half.fromFloat(Math.nextUp(0x1p-25f))).isEqualTo((short) 1);
    }

    @Test
    void everyNanStaysNan() {
        for (int bits : new int[]{0x7f800001, 0x7fc00000, 0x7fffffff, 0xff800001, 0xffc00000, 0xffffffff}) {
            short half = Half.fromFloat(Float.intBitsToFloat(bits));
            assertThat(half & 0x7fff).as("from float pattern %08x", bits).isGreaterThan(INFINITY);
            assertThat(Half.toFloat(half)).as("from float pattern %08x", bits).isNaN();
        }
    }

    private static void assertNearest(float value, String what) {
        int expected = nearest(value);
        int actual = Half.fromFloat(value) & 0xffff;
        if (expected < 0) {
            assertThat(actual & 0x7fff).as("%s: NaN", what).isGreaterThan(INFINITY);
        } else if (actual != expected) {
            throw new AssertionError(String.format("%s: %s (%a) became %04x instead of %04x",
                    what, value, value, actual, expected));
        }
    }

    /** By search among all values; the pattern of a value is its index, so an even one ends in 0. */
    private static int nearest(float value) {
        if (Float.isNaN(value)) {
            return -1;
        }
        int sign = Float.floatToRawIntBits(value) < 0 ? 0x8000 : 0;
        double magnitude = Math.abs((double) value);
        int found = Arrays.binarySearch(VALUES, magnitude);
        if (found >= 0) {
            return sign | found;
        }
        int above = -found - 1;
        if (above > INFINITY) {
            return sign | INFINITY;
        }
        double down = magnitude - VALUES[above - 1];
        double up = VALUES[above] - magnitude;
        boolean takeAbove = up < down || up == down && above % 2 == 0;
        return sign | (takeAbove ? above : above - 1);
    }
}
