// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("once")
class PositionNormTest {

    @Test
    void whatIsNotGivenIsNeutral() {
        PositionNorm plain = new PositionNorm(1, null, null, 0.5);
        assertThat(plain.gamma(3)).isEqualTo(1);
        assertThat(plain.beta(3)).isZero();
        PositionNorm affine = new PositionNorm(1, new double[]{2, -3}, new double[]{0.5, 7}, 0.5);
        assertThat(new double[]{affine.gamma(0), affine.gamma(1)}).containsExactly(2, -3);
        assertThat(new double[]{affine.beta(0), affine.beta(1)}).containsExactly(0.5, 7);
    }

    @Test
    void theUnitIsOneOverTheRootOfVarianceAndEps() {
        PositionNorm norm = new PositionNorm(2, null, null, 0.25);
        assertThat(norm.unit(4, 9, 8)).as("variance 2").isEqualTo(1 / Math.sqrt(2.25), within(1e-16));
        assertThat(norm.unit(2, 9, 0)).as("variance 0").isEqualTo(2);
    }

    @Test
    void aSingleElementHasNoUnit() {
        PositionNorm norm = new PositionNorm(2, null, null, 0.25);
        assertThat(norm.unit(1, 9, 0)).isZero();
        assertThat(norm.unit(0, 0, 0)).isZero();
    }

    /** Elements 1 and 3: mean 2, Σ(x − mean)² = 2, Σx² = 10. */
    @Test
    void theOtherKindsDivideByWhatTheSquaresSayAndSubtractNothing() {
        PositionNorm rms = new PositionNorm(Divisor.ROOT_MEAN_SQUARE, 1, null, null, 4);
        assertThat(rms.center(2)).isZero();
        assertThat(rms.unit(2, 2, 2)).isEqualTo(1 / 3.0, within(1e-16));
        assertThat(rms.unit(0, 0, 0)).as("all masked").isEqualTo(0.5);
        PositionNorm length = new PositionNorm(Divisor.LENGTH, 1, null, null, 0.5);
        assertThat(length.center(2)).isZero();
        assertThat(length.unit(2, 2, 2)).isEqualTo(1 / Math.sqrt(10), within(1e-16));
        assertThat(length.unit(2, 0.1, 0)).as("shorter than eps").isEqualTo(2);
        assertThat(new PositionNorm(1, null, null, 1).center(2)).isEqualTo(2);
    }

    @Test
    void gradientsFollowTheKind() {
        PositionNorm standard = new PositionNorm(1, null, null, 1);
        assertThat(standard.gradShift(0.5, 4, 8)).isEqualTo(-1);
        assertThat(standard.gradSlope(0.5, 4, 16)).isEqualTo(-2);
        assertThat(standard.gradShift(0.5, 0, 8)).isEqualTo(-4);
        PositionNorm rms = new PositionNorm(Divisor.ROOT_MEAN_SQUARE, 1, null, null, 1);
        assertThat(rms.gradShift(0.5, 4, 8)).isZero();
        assertThat(rms.gradSlope(0.5, 4, 16)).isEqualTo(-2);
        PositionNorm length = new PositionNorm(Divisor.LENGTH, 1, null, null, 0.5);
        assertThat(length.gradShift(0.5, 4, 8)).isZero();
        assertThat(length.gradSlope(1.5, 4, 16)).isEqualTo(-24);
        assertThat(length.gradSlope(2, 4, 16)).as("the divisor is eps").isZero();
    }

    @Test
    void statisticsThatAreNotFiniteAreNotedAndNothingElse() {
        PositionNorm norm = new PositionNorm(1, null, null, 1e-5);
        norm.unit(1, Double.NaN, Double.NaN);
        norm.unit(3, 1e300, 1e300);
        assertThat(norm.overflow().happened()).as("a single element is its own mean, whatever it is").isFalse();
        norm.unit(3, 1, Double.POSITIVE_INFINITY);
        assertThat(norm.overflow().happened()).isTrue();
    }
}
