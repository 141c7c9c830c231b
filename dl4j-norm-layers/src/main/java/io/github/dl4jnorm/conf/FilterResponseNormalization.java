// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import static io.github.dl4jnorm.conf.NormParameter.LEARNED_EPS;
import static io.github.dl4jnorm.conf.NormParameter.TAU;

import io.github.dl4jnorm.norm.NormPlan;
import java.util.List;
import lombok.Data;

/**
 * Divides each channel of an example by its root mean square over the positions, then applies a thresholded linear unit
 * (Singh and Krishnan 2019, <a href="https://arxiv.org/abs/1911.09737">Filter Response Normalization Layer</a>, arXiv
 * 1911.09737):
 *
 * <pre>
 *   y = max(gamma·x/√(Σ x²/S + eps + |learnedEps|) + beta, tau)
 * </pre>
 *
 * S is the number of positions. tau is learned for each channel and starts at 0, which is a ReLU;
 * {@code threshold(false)} removes it. With {@code learnedEps(true)} a learned scalar, initially 1e-4, is added to eps
 * (default 1e-6). The paper recommends it when there are few positions. An activation, if set, is applied last.
 */
@Data
public class FilterResponseNormalization extends NormLayer {
    private static final long serialVersionUID = 1L;
    private static final double LEARNED_EPS_INIT = 1e-4;

    /** Whether the output is max(z, tau). */
    private boolean threshold = true;
    /** Whether a learned scalar is added to eps. */
    private boolean learnedEps;

    /** Creates a layer with a threshold and eps 1e-6. */
    public FilterResponseNormalization() {
        setEps(1e-6);
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 3 || rank > 5 ? null : NormPlan.filterResponse(Math.toIntExact(nOut));
    }

    @Override
    public String expectedRanks() {
        return "rank 3 to 5 (on dense input, each mean square would cover a single element)";
    }

    @Override
    public List<NormParameter> parameters() {
        List<NormParameter> parameters = super.parameters();
        if (threshold) {
            parameters.add(new NormParameter(TAU, nOut, 0));
        }
        if (learnedEps) {
            parameters.add(new NormParameter(LEARNED_EPS, 1, LEARNED_EPS_INIT));
        }
        return parameters;
    }

    /** Returns false with a threshold, which replaces the ReLU. */
    @Override
    public boolean fusesRelu() {
        return !threshold && super.fusesRelu();
    }

    /** Builds a {@link FilterResponseNormalization}. */
    public static class Builder extends NormBuilder<Builder, FilterResponseNormalization> {
        /** Creates a builder with a threshold and eps 1e-6. */
        public Builder() {
            super(new FilterResponseNormalization());
        }

        /**
         * Sets whether the thresholded linear unit max(z, tau) is applied.
         *
         * @param threshold default true
         * @return this builder
         */
        public Builder threshold(boolean threshold) {
            layer.threshold = threshold;
            return this;
        }

        /**
         * Sets whether a learned scalar is added to eps.
         *
         * @param learnedEps default false
         * @return this builder
         */
        public Builder learnedEps(boolean learnedEps) {
            layer.learnedEps = learnedEps;
            return this;
        }
    }
}
