// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The corrections of batch renormalization, by hand. */
@Tag("once")
class RenormTest {
    private final Renorm renorm = new Renorm(new double[]{7, 1}, new double[]{0, 3}, 2, 2.5);

    @Test
    void theFactorIsThatOfTheDeviationsWithinItsLimits() {
        assertThat(renorm.factor(1, 3, 1)).isEqualTo(1);
        assertThat(renorm.factor(1, 8, 1)).isCloseTo(1.5, within(1e-15));
        assertThat(renorm.factor(1, 99, 1)).isEqualTo(2);
        assertThat(renorm.factor(1, 0, 0.1)).isEqualTo(0.5);
    }

    @Test
    void theOffsetIsTheDifferenceOfMeansInDeviationsWithinItsLimits() {
        assertThat(renorm.offset(1, 2, 1)).isCloseTo(0.5, within(1e-15));
        assertThat(renorm.offset(1, 0, 1)).isCloseTo(-0.5, within(1e-15));
        assertThat(renorm.offset(1, 9, 1)).isEqualTo(2.5);
        assertThat(renorm.offset(1, -9, 1)).isEqualTo(-2.5);
    }

    @Test
    void aVarianceThatRoundingLeftBelowZeroIsZero() {
        Renorm below = new Renorm(new double[]{0}, new double[]{-5}, 10, 10);
        assertThat(below.factor(0, 8, 1)).isCloseTo(3, within(1e-15));
        assertThat(below.offset(0, 3, 1)).isCloseTo(3, within(1e-15));
    }
}
