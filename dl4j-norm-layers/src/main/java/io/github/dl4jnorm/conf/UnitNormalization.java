// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.Divisor;
import lombok.Data;

/**
 * Divides the channels of each position by their Euclidean norm, so that they have unit length, like Keras's
 * {@code UnitNormalization} over the channels and PyTorch's {@code normalize}:
 *
 * <pre>
 *   y = act(gamma·x/max(√(Σ x²), eps) + beta)
 * </pre>
 *
 * The sum is over the channels only, also for sequences, images and volumes. With {@code perPosition(false)} it is over all axes
 * of an image or volume, so that each example has length 1. {@code scale(true)} adds gamma and {@code center(true)} adds beta.
 * The default eps is 1e-12. If the Euclidean norm is at most eps, the divisor is eps and receives no gradient.
 */
@Data
public class UnitNormalization extends UncenteredNormLayer {
    private static final long serialVersionUID = 1L;

    /** Creates a layer without gamma and beta, with eps 1e-12. */
    public UnitNormalization() {
        setEps(1e-12);
        setScale(false);
    }

    @Override
    Divisor divisor() {
        return Divisor.LENGTH;
    }

    /** Builds a {@link UnitNormalization}. */
    public static class Builder extends UncenteredNormBuilder<Builder, UnitNormalization> {
        /** Creates a builder without gamma and beta, with eps 1e-12. */
        public Builder() {
            super(new UnitNormalization());
        }
    }
}
