// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

/**
 * Defines the operations that take the place of a norm, or of a norm and the activation behind it. See {@link NormOps}, which has
 * the norms.
 *
 * @param <A> INDArray or SDVariable
 */
public abstract class NormSubstitutes<A> extends TensorOps<A> {
    /** Limits subclasses to this package. */
    NormSubstitutes(Layout layout, double gammaOffset) {
        super(layout, gammaOffset);
    }

    /**
     * Returns the same operations for input in the given layout.
     *
     * @param layout layout of x
     * @return operations; these are unchanged
     */
    public abstract NormOps<A> layout(Layout layout);

    /**
     * Returns the same operations with {@code gammaOffset + gamma} in the place of gamma. With 1, a gamma of 0 is the identity,
     * as in Gemma and with {@code zero_centered_gamma} in TransformerEngine.
     *
     * @param gammaOffset 0 in operations without a gamma
     * @return operations; these are unchanged
     */
    public abstract NormOps<A> gammaOffset(double gammaOffset);

    @SafeVarargs
    final A norm(NormOps.Kind kind, int groups, double eps, A x, A gamma, A beta, A... extras) {
        Layout used = layout() == null && !kind.definition().needsLayout() ? Layout.CHANNELS_FIRST : layout();
        NormSpec spec = new NormSpec(kind, used, gamma != null, beta != null, groups, eps, gammaOffset());
        return apply(spec, spec.inputs(x, null, gamma, beta, extras));
    }

    /**
     * Multiplies each channel by a gamma, without a normalization (<a href="https://arxiv.org/abs/2103.17239">arXiv
     * 2103.17239</a>): {@code y = gamma·x + beta}.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @return output with the shape and layout of x
     */
    public A layerScale(A x, A gamma, A beta) {
        return norm(NormOps.Kind.LAYER_SCALE, 1, 0, x, gamma, beta);
    }

    /**
     * Applies a hyperbolic tangent in place of a normalization (DyT, <a href="https://arxiv.org/abs/2503.10622">arXiv
     * 2503.10622</a>): {@code y = gamma·tanh(alpha·x) + beta}.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param alpha factor of x, {@code [1]}
     * @return output with the shape and layout of x
     */
    public A dynamicTanh(A x, A gamma, A beta, A alpha) {
        return norm(NormOps.Kind.DYNAMIC_TANH, 1, 0, x, gamma, beta, alpha);
    }

    /**
     * Applies the error function in place of a normalization (Derf, <a href="https://arxiv.org/abs/2512.10938">arXiv
     * 2512.10938</a>): {@code y = gamma·erf(alpha·x + shift) + beta}.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param alpha factor of x, {@code [1]}
     * @param shift what is added to alpha·x, {@code [1]}
     * @return output with the shape and layout of x
     */
    public A dynamicErf(A x, A gamma, A beta, A alpha, A shift) {
        return norm(NormOps.Kind.DYNAMIC_ERF, 1, 0, x, gamma, beta, alpha, shift);
    }

    /**
     * Applies EvoNorm-S0 (<a href="https://arxiv.org/abs/2004.02967">arXiv 2004.02967</a>):
     * {@code y = gamma·x·sigmoid(v·x)/√(var + eps) + beta}, with the biased variance over the channels of a group and all
     * positions of an example.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param v      factor of each channel in the gate, {@code [C]}
     * @param groups number of groups of consecutive channels; must divide C
     * @param eps    value added to the variance, at least 0
     * @return output with the shape and layout of x
     */
    public A evoNormS0(A x, A gamma, A beta, A v, int groups, double eps) {
        return norm(NormOps.Kind.EVO_NORM_S0, groups, eps, x, gamma, beta, v);
    }

    /**
     * Applies EvoNorm-B0 with the statistics of the batch (<a href="https://arxiv.org/abs/2004.02967">arXiv 2004.02967</a>):
     * {@code y = gamma·x/max(√(var of the batch + eps), v·x + √(var of the instance + eps)) + beta}. Requires rank 3 to 5.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param v     factor of each channel in the divisor, {@code [C]}
     * @param eps   value added to the variances, at least 0
     * @return output with the shape and layout of x
     */
    public A evoNormB0(A x, A gamma, A beta, A v, double eps) {
        return norm(NormOps.Kind.EVO_NORM_B0, 1, eps, x, gamma, beta, v);
    }

    /**
     * Applies EvoNorm-B0 with a given variance in place of that of the batch, as at test time.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param v     factor of each channel in the divisor, {@code [C]}
     * @param var   variance of each channel, {@code [C]}; negative values count as 0
     * @param eps   value added to the variances, at least 0
     * @return output with the shape and layout of x
     */
    public A evoNormB0Inference(A x, A gamma, A beta, A v, A var, double eps) {
        return norm(NormOps.Kind.EVO_NORM_B0_INFERENCE, 1, eps, x, gamma, beta, v, var);
    }
}
