// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.PositionNorm;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;

/**
 * A norm that divides by the size of its elements and subtracts no mean: over the channels of each position, or over all axes
 * of an example at one time step.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public abstract class UncenteredNormLayer extends NormLayer {
    private static final long serialVersionUID = 1L;

    /** Whether images are normalized over the whole example: false in what was saved before there was the option. */
    private boolean overExample;

    /** Over the channels of each position. */
    protected UncenteredNormLayer() {
    }

    /**
     * A layer with the options of a builder.
     *
     * @param builder the options
     */
    protected UncenteredNormLayer(UncenteredNormBuilder<?> builder) {
        super(builder);
        overExample = !builder.perPosition;
        finish(builder);
    }

    /** {@return whether each position of an image is normalized on its own} */
    public boolean isPerPosition() {
        return !overExample;
    }

    /** {@return what to divide by} */
    abstract PositionNorm.Kind kind();

    @Override
    public NormPlan plan(int rank) {
        if (rank < 2 || rank > 5) {
            return null;
        }
        return overExample ? NormPlan.example(kind(), rank) : NormPlan.position(kind());
    }
}
