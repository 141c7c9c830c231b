// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

/** What a norm divides the elements that share statistics by, and whether it subtracts their mean before. */
public enum Divisor {
    /** √(var + eps). */
    DEVIATION(true, false, true, true),
    /** √(var + eps), and the mean is not subtracted; only for channels. */
    DEVIATION_ALONE(false, false, true, true),
    /** √var + eps; only for channels, and for a single part. */
    DEVIATION_PLUS_EPS(true, false, true, false),
    /** 1: only the mean is subtracted. */
    NOTHING(true, true, true, false),
    /** 1, and the mean is not subtracted: elements stay what they are. */
    ONE(false, true, false, false),
    /** √(mean² + var + eps), and the mean is not subtracted. */
    ROOT_MEAN_SQUARE(false, false, false, true),
    /** max(√(m·(mean² + var)), eps) of m elements, and the mean is not subtracted. */
    LENGTH(false, false, false, false);

    private final boolean centered;
    private final boolean constant;
    /** Whether it is computed from the variance, not from the mean square. */
    private final boolean ofVariance;
    /** Whether it is the root of what {@link #square} gives and eps. */
    private final boolean root;

    Divisor(boolean centered, boolean constant, boolean ofVariance, boolean root) {
        this.centered = centered;
        this.constant = constant;
        this.ofVariance = ofVariance;
        this.root = root;
    }

    boolean isOfVariance() {
        return ofVariance;
    }

    /** {@return whether the elements of a position can be divided by it} */
    public boolean fitsPositions() {
        return this != DEVIATION_PLUS_EPS && this != DEVIATION_ALONE && this != ONE;
    }

    /** {@return whether it is the same for all elements, whatever they are} */
    public boolean isConstant() {
        return constant;
    }

    /** {@return whether the mean is subtracted} */
    public boolean isCentered() {
        return centered;
    }

    /**
     * What {@link #unit} takes, of m elements.
     *
     * @param count   m
     * @param mean    their mean
     * @param squares their Σ(x − mean)²
     * @return the variance; where no mean is subtracted the mean square, for {@link #LENGTH} the sum of squares, and where
     *         nothing is divided 0
     */
    public double square(double count, double mean, double squares) {
        // The mean of squares may be within the range of double where their sum is not.
        double square = squares / Math.max(1, count) + (ofVariance ? 0 : mean * mean);
        return this == LENGTH ? square * count : constant ? 0 : square;
    }

    /**
     * The reciprocal. With an eps of 0 the divisor of what does not vary is 0: the factor is 0 then, so that it comes out as
     * beta and has no gradient.
     *
     * @param square what {@link #square} gives
     * @param eps    at least 0
     * @return the factor of x − mean
     */
    public double unit(double square, double eps) {
        double divisor = 1;
        if (root) {
            divisor = Math.sqrt(square + eps);
        } else if (this == DEVIATION_PLUS_EPS) {
            divisor = Math.sqrt(square) + eps;
        } else if (this == LENGTH) {
            divisor = Math.max(Math.sqrt(square), eps);
        }
        return divisor == 0 ? 0 : 1 / divisor;
    }

    /** {@return whether {@link #slope} is the unit itself} */
    boolean slopeIsUnit() {
        return root;
    }

    /**
     * What −unit²/2 is multiplied with to be the derivative of the unit by the variance, or by the mean square where no mean is
     * subtracted. A deviation of 0 has none: all elements are the mean there, and none is needed.
     *
     * @param unit   unit
     * @param count  how many elements
     * @param square what {@link #square} gives; only {@link #DEVIATION_PLUS_EPS} looks at it
     * @param eps    eps
     * @return the factor
     */
    public double slope(double unit, double count, double square, double eps) {
        if (this == LENGTH) {
            // At eps the divisor is a constant.
            return unit < 1 / eps ? unit * count : 0;
        }
        return root ? unit : constant || square == 0 ? 0 : 1 / Math.sqrt(square);
    }
}
