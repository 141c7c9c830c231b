// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Affine.Coefficients;

/**
 * The coefficients of one channel as {@link RowOps} use them.
 *
 * <p>The center is rounded to the type that arithmetic runs in, and what the rounding lost goes into the shifts, formed
 * in double: without it a constant channel of 10⁶ would not come out as beta. Where 1/σ is far from 1, x is first
 * multiplied by the power of two nearest to it: exact, and the products stay within the range of float.
 */
final class Line {
    private static final int MODERATE = 40;
    private static final double SMALLEST = Math.scalb(1.0, -MODERATE);
    private static final double LARGEST = Math.scalb(1.0, MODERATE + 1);

    double zoom = 1;
    double center;
    double factor = 1;
    double shift;
    double scale = 1;
    double slope;
    double gradShift;
    private double unit = 1;
    private double lost;

    /** Takes the coefficients of a channel. */
    Line set(RowOps ops, Coefficients k, int c) {
        return set(ops.wide(), k, c);
    }

    /** Takes the coefficients of a channel; wide is double, else float. */
    Line set(boolean wide, Coefficients k, int c) {
        zoom = wide ? 1 : zoom(k.unit[c]);
        double exact = k.center[c] * zoom;
        center = wide ? exact : (float) exact;
        lost = center - exact;
        scale = k.scale[c];
        factor = zoom == 1 ? scale : scale / zoom;
        unit = zoom == 1 ? k.unit[c] : k.unit[c] / zoom;
        shift = k.shift[c] + factor * lost;
        return this;
    }

    /** Takes those of the gradient, {@code dx = scale·dy + slope·((x − center)·unit) + shift}. */
    Line setGrad(double gradSlope, double shiftOfGrad) {
        slope = gradSlope * unit;
        gradShift = shiftOfGrad + slope * lost;
        return this;
    }

    /** What rounding the center added to it. */
    double lost() {
        return lost;
    }

    /** Σdy·(x − center) of the exact center from sums about the rounded one. */
    double product(double sum, double product) {
        double exact = product + lost * sum;
        return zoom == 1 ? exact : exact / zoom;
    }

    /** The power of two that brings a deviation of 1/unit to the size of 1, or 1 if it is moderate. */
    static double zoom(double unit) {
        int exponent = Math.getExponent(unit);
        return Math.abs(exponent) <= MODERATE ? 1 : Math.scalb(1.0, Math.max(-126, Math.min(126, exponent)));
    }

    /** Whether none of the first units needs a zoom. */
    static boolean moderate(double[] units, int length) {
        boolean moderate = true;
        for (int i = 0; i < length; i++) {
            moderate &= units[i] >= SMALLEST && units[i] < LARGEST;
        }
        return moderate;
    }
}
