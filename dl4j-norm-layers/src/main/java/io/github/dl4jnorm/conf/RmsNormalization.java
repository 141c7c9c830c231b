// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.Divisor;
import lombok.Data;

/**
 * Divides the channels of each position by their root mean square, without subtracting a mean (Zhang and Sennrich 2019,
 * <a href="https://arxiv.org/abs/1910.07467">Root Mean Square Layer Normalization</a>, arXiv 1910.07467):
 *
 * <pre>
 *   y = act(gamma·x/√(Σ x²/C + eps) + beta)
 * </pre>
 *
 * The sum is over the channels only, also for sequences, images and volumes. With {@code perPosition(false)} it is over all axes
 * of an image or volume ({@code C·H·W} elements), as in PyTorch's {@code RMSNorm([C, H, W])}. As in the paper, there is no beta
 * unless {@code center(true)} is set. The default eps is 1e-6, as in Keras. If all elements are 0, the output is act(beta).
 */
@Data
public class RmsNormalization extends UncenteredNormLayer {
    private static final long serialVersionUID = 1L;

    /** Creates a layer with gamma, without beta, and with eps 1e-6. */
    public RmsNormalization() {
        setEps(1e-6);
    }

    @Override
    Divisor divisor() {
        return Divisor.ROOT_MEAN_SQUARE;
    }

    /** Builds an {@link RmsNormalization}. */
    public static class Builder extends UncenteredNormBuilder<Builder, RmsNormalization> {
        /** Creates a builder with gamma, without beta, and with eps 1e-6. */
        public Builder() {
            super(new RmsNormalization());
        }
    }
}
