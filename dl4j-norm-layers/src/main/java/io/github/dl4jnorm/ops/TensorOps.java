// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.List;

/**
 * The operations of {@link NormOps} that are more than a layer does: of sums.
 *
 * @param <A> INDArray or SDVariable
 */
public abstract class TensorOps<A> {
    /** Where the channels are, or null if that was not said. */
    private final Layout layout;
    private final double gammaOffset;

    /** Limits subclasses to this package. */
    TensorOps(Layout layout, double gammaOffset) {
        this.layout = layout;
        this.gammaOffset = gammaOffset;
    }

    /** Where the channels are, or null if that was not said. */
    final Layout layout() {
        return layout;
    }

    final double gammaOffset() {
        return gammaOffset;
    }

    /** Computes or builds the operation: y and, with a residual, the sum. */
    abstract List<A> outputs(NormSpec spec, List<A> inputs);

    /** Computes or builds the operation and returns y. */
    final A apply(NormSpec spec, List<A> inputs) {
        return outputs(spec, inputs).get(0);
    }

    private ResidualNorm<A> ofSum(NormOps.Kind kind, double eps, A x, A residual, A gamma, A beta) {
        NormSpec spec = new NormSpec(kind, layout, gamma != null, beta != null, 1, eps, gammaOffset, true);
        List<A> outputs = outputs(spec, spec.inputs(x, residual, gamma, beta));
        return new ResidualNorm<>(outputs.get(1), outputs.get(0));
    }

    /**
     * Adds a residual and applies {@link NormOps#layerNorm} to the sum: {@code sum = x + residual},
     * {@code output = gamma·(sum − mean)/√(var + eps) + beta}. If each position has its own statistics, both are written in a
     * single pass over memory. Rank 3 and above requires a {@link NormOps#layout}.
     *
     * @param x        input
     * @param residual array with the shape and type of x
     * @param gamma    scale of each channel, {@code [C]}, or null for 1
     * @param beta     shift of each channel, {@code [C]}, or null for 0
     * @param eps      value added to the variance, at least 0
     * @return sum and output, with the shape and layout of x
     */
    public ResidualNorm<A> addLayerNorm(A x, A residual, A gamma, A beta, double eps) {
        return ofSum(NormOps.Kind.LAYER_NORM, eps, x, residual, gamma, beta);
    }

    /**
     * Adds a residual and applies {@link NormOps#rmsNorm} to the sum, in a single pass over memory: {@code sum = x + residual},
     * {@code output = gamma·sum/√(mean(sum²) + eps) + beta}. Rank 3 and above requires a {@link NormOps#layout}.
     *
     * @param x        input
     * @param residual array with the shape and type of x
     * @param gamma    scale of each channel, {@code [C]}, or null for 1
     * @param beta     shift of each channel, {@code [C]}, or null for 0
     * @param eps      value added to the mean square, at least 0
     * @return sum and output, with the shape and layout of x
     */
    public ResidualNorm<A> addRmsNorm(A x, A residual, A gamma, A beta, double eps) {
        return ofSum(NormOps.Kind.RMS_NORM, eps, x, residual, gamma, beta);
    }
}
