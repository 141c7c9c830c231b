// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Divisor;
import lombok.Data;

/**
 * Base class of norms that divide by the size of their elements and do not subtract a mean. They reduce over the channels of each
 * position, or over all axes of an example at one timestep.
 */
@Data
public abstract class UncenteredNormLayer extends NormLayer {
    private static final long serialVersionUID = 1L;

    /** Whether images are normalized over the whole example; false in models saved before the option existed. */
    private boolean overExample;

    /** Creates a layer without beta that normalizes each position over its channels. */
    protected UncenteredNormLayer() {
        setCenter(false);
    }

    /** {@return whether each position of an image or volume is normalized separately} */
    public boolean isPerPosition() {
        return !overExample;
    }

    /** {@return the quantity to divide by} */
    abstract Divisor divisor();

    @Override
    public NormPlan plan(int rank) {
        if (rank < 2 || rank > 5) {
            return null;
        }
        return overExample ? NormPlan.example(divisor(), rank) : NormPlan.position(divisor());
    }
}
