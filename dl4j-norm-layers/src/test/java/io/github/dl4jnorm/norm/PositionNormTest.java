// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

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
        assertThat(norm.unit(4, 8)).as("variance 2").isEqualTo(1 / Math.sqrt(2.25), within(1e-16));
        assertThat(norm.unit(2, 0)).as("variance 0").isEqualTo(2);
    }

    @Test
    void aSingleElementHasNoUnit() {
        PositionNorm norm = new PositionNorm(2, null, null, 0.25);
        assertThat(norm.unit(1, 0)).isZero();
        assertThat(norm.unit(0, 0)).isZero();
    }
}
