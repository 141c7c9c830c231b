// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

/** IEEE 754 binary16, which Java reads and writes only from version 20 on. */
final class Half {
    private Half() {
    }

    static float toFloat(short half) {
        int sign = (half & 0x8000) << 16;
        int exponent = half >>> 10 & 0x1f;
        int mantissa = half & 0x3ff;
        if (exponent == 0) {
            // Zero and subnormals: mantissa · 2⁻²⁴, exact in float.
            float value = mantissa * 0x1p-24f;
            return sign == 0 ? value : -value;
        }
        int bits = exponent == 31 ? 0x7f800000 | mantissa << 13 : exponent + 112 << 23 | mantissa << 13;
        return Float.intBitsToFloat(sign | bits);
    }

    /** Rounds to nearest, ties to even; beyond 65,519.996 to infinity. */
    static short fromFloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = bits >>> 16 & 0x8000;
        int magnitude = bits & 0x7fffffff;
        if (magnitude > 0x7f800000) {
            return (short) (sign | 0x7e00);
        }
        if (magnitude >= 0x477ff000) {
            return (short) (sign | 0x7c00);
        }
        if (magnitude < 0x38800000) {
            // Subnormal: scaled so that the float addition itself rounds at the last bit of the half.
            float rounded = Float.intBitsToFloat(magnitude) + 0.5f;
            return (short) (sign | Float.floatToRawIntBits(rounded) - 0x3f000000);
        }
        int odd = magnitude >>> 13 & 1;
        return (short) (sign | magnitude - 0x38000000 + 0xfff + odd >>> 13);
    }
}
