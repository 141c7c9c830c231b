// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import org.nd4j.linalg.api.ndarray.INDArray;

/** Where float needs help: when its sums of squares can be trusted, and what brings numbers into its range. */
final class Range {
    /** How often the variance the squared distance of a center from the mean may be: it adds as much to the rounding. */
    private static final double FAR = 2;
    /** A mean square that float still holds with all its digits. */
    private static final double SMALLEST_SQUARE = 1e-30;
    /** Elements near this one differ by more than {@link #SMALLEST_SQUARE} tells, or not at all. */
    private static final double SMALL = 1e-7;

    /** Powers of two up to which a deviation needs no zoom. */
    private static final int MODERATE = 40;
    private static final double SMALLEST_UNIT = Math.scalb(1.0, -MODERATE);
    private static final double LARGEST_UNIT = Math.scalb(1.0, MODERATE + 1);
    /** Exponents of float. */
    private static final int LAST_EXPONENT = 126;

    /** What brings the smallest numbers of float into range with their squares, and what the largest. */
    static final double[] ZOOMS = {0x1p100, 0x1p-100};

    private Range() {
    }

    /**
     * What x has to be multiplied with for its squares to fit.
     *
     * @param squares Σ(x − center)²
     * @param count   number of elements
     * @param center  what was subtracted
     * @return a power of two, 1 if nothing is wrong
     */
    static double zoomFor(double squares, double count, double center) {
        if (!(squares <= Double.MAX_VALUE)) {
            return ZOOMS[1];
        }
        return squares < count * SMALLEST_SQUARE && Math.abs(center) < SMALL ? ZOOMS[0] : 1;
    }

    /**
     * Whether sums of squares of FLOAT, formed in double, are what the numbers say.
     *
     * @param cells      what was summed up
     * @param deviations the numbers
     * @param counts     how many there are
     * @param centers    what was subtracted
     * @param squares    the sums
     */
    static boolean holds(Nd4jCells cells, INDArray deviations, double[] counts, double[] centers, double[] squares) {
        double[] low = null;
        double[] high = null;
        for (int i = 0; i < squares.length; i++) {
            boolean large = squares[i] == Double.POSITIVE_INFINITY;
            if (!large && counts[i] > 0 && zoomFor(squares[i], counts[i], centers[i]) == ZOOMS[0]) {
                // So small that squares underflow, or exactly 0.
                low = low == null ? cells.least(deviations) : low;
                high = high == null ? cells.greatest(deviations) : high;
                large = low[i] != 0 || high[i] != 0;
            }
            if (large) {
                return false;
            }
        }
        return true;
    }

    /**
     * Whether a center was too far from the mean.
     *
     * @param distance mean − center
     * @param squares  Σ(x − center)²
     * @param count    number of elements
     */
    static boolean far(double distance, double squares, double count) {
        double ofDistance = count * distance * distance;
        return ofDistance > FAR * (squares - ofDistance) && ofDistance > 0;
    }

    /** The power of two that brings a deviation of 1/unit to the size of 1, or 1 if it is moderate. */
    static double zoomOf(double unit) {
        int exponent = Math.getExponent(unit);
        return Math.abs(exponent) <= MODERATE ? 1
                : Math.scalb(1.0, Math.max(-LAST_EXPONENT, Math.min(LAST_EXPONENT, exponent)));
    }

    /** Whether none of the first units needs a zoom. */
    static boolean moderate(double[] units, int length) {
        boolean moderate = true;
        for (int i = 0; i < length; i++) {
            moderate &= moderate(units[i]);
        }
        return moderate;
    }

    /** Whether a unit needs no zoom. */
    static boolean moderate(double unit) {
        return unit >= SMALLEST_UNIT && unit < LARGEST_UNIT;
    }
}
