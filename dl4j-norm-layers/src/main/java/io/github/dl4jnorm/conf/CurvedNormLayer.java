// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.Curve;
import io.github.dl4jnorm.norm.NormPlan;
import java.util.List;
import lombok.Data;

/** Base class of layers that apply a bounded function to each element instead of normalizing. They have no statistics. */
@Data
public abstract class CurvedNormLayer extends NormLayer {
    private static final long serialVersionUID = 1L;
    private static final double ALPHA_START = 0.5;

    /** Initial value of alpha. */
    private double alphaInit = ALPHA_START;

    /** {@return the function} */
    abstract Curve curve();

    @Override
    public NormPlan plan(int rank) {
        return rank < 2 || rank > 5 ? null : new NormPlan.Curved(curve());
    }

    @Override
    public List<NormParameter> parameters() {
        List<NormParameter> parameters = super.parameters();
        parameters.add(new NormParameter(NormParameter.ALPHA, 1, alphaInit));
        return parameters;
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        if (!Double.isFinite(alphaInit)) {
            throw invalid("a finite alphaInit", "alphaInit " + alphaInit);
        }
    }
}
