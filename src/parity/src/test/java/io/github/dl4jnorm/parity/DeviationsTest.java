// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;

/** That a comparison notices what it is there to notice. */
class DeviationsTest {

    @Test
    void aDeviationIsRelativeToTheLargestElementExpected() {
        assertThat(Deviations.of(new double[]{1, -4, 2}, new double[]{1, -4, 2}, 0)).isZero();
        assertThat(Deviations.of(new double[]{1, -4, 2}, new double[]{1.5, -4, 2}, 0)).isEqualTo(0.125, within(1e-15));
        assertThat(Deviations.of(new double[]{1, -4, 2}, new double[]{1.5, -4, 2}, 50)).isEqualTo(0.01, within(1e-15));
    }

    @Test
    void theLargestIsWithoutItsSign() {
        assertThat(Deviations.largest(new double[]{1, -4, 2})).isEqualTo(4);
        assertThat(Deviations.largest(new double[0])).isZero();
    }

    @Test
    void whatIsNoNumberOrShouldBeNothingDeviatesWithoutBound() {
        assertThat(Deviations.of(new double[]{1, 2}, new double[]{1, Double.NaN}, 0)).isInfinite();
        assertThat(Deviations.of(new double[]{Double.NaN, 2}, new double[]{1, 2}, 0)).isInfinite();
        assertThat(Deviations.of(new double[]{0, 0}, new double[]{0, 1e-300}, 0)).isInfinite();
        assertThat(Deviations.of(new double[]{0, 0}, new double[]{0, 0}, 0)).isZero();
        assertThatThrownBy(() -> Deviations.of(new double[2], new double[3], 0))
                .hasMessageContaining("expected 2 elements, got 3");
    }

    @Test
    void toleranceOfFloatGrowsWithTheRootOfTheReduction() {
        assertThat(Deviations.tolerance(DataType.DOUBLE, 1_000_000)).isEqualTo(1e-10);
        assertThat(Deviations.tolerance(DataType.FLOAT, 10)).isEqualTo(2e-5);
        assertThat(Deviations.tolerance(DataType.FLOAT, 256 * 100)).isEqualTo(2e-4, within(1e-18));
    }
}
