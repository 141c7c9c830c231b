// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Defines the operations that divide by a length without subtracting a mean, and how all operations are applied.
 *
 * @param <A> INDArray or SDVariable
 */
abstract class LengthOps<A> {

    /** Computes or builds the operation. */
    abstract A apply(NormSpec spec, List<A> inputs);

    @SafeVarargs
    final A norm(NormKind kind, Layout layout, int groups, double eps, A x, A gamma, A beta, A... extras) {
        return made(kind, Objects.requireNonNull(layout, "layout"), groups, eps, x, gamma, beta, Arrays.asList(extras));
    }

    /** An operation over the channels whose input has rank 2, so that there is but one axis they can be on. */
    final A ofRank2(NormKind kind, double eps, A x, A gamma, A beta) {
        return made(kind, null, 1, eps, x, gamma, beta, List.of());
    }

    private A made(NormKind kind, Layout layout, int groups, double eps, A x, A gamma, A beta, List<A> extras) {
        NormSpec spec = new NormSpec(kind, layout, gamma != null, beta != null, groups, eps);
        List<A> inputs = new ArrayList<>();
        inputs.add(x);
        if (gamma != null) {
            inputs.add(gamma);
        }
        if (beta != null) {
            inputs.add(beta);
        }
        inputs.addAll(extras);
        for (int i = 0; i < inputs.size(); i++) {
            if (inputs.get(i) == null) {
                throw new IllegalArgumentException(kind + ": " + spec.inputs().get(i) + " must not be null");
            }
        }
        return apply(spec, inputs);
    }

    /**
     * Applies RMSNorm over the channels of each position (<a href="https://arxiv.org/abs/1910.07467">arXiv 1910.07467</a>):
     * {@code y = gamma·x/√(mean(x²) + eps) + beta}. Accepts rank 2; rank 3 and above requires a layout.
     *
     * @param x     input {@code [N, C]}
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the mean square, at least 0
     * @return output {@code [N, C]}
     * @throws IllegalArgumentException if the rank is not 2
     */
    public A rmsNorm(A x, A gamma, A beta, double eps) {
        return ofRank2(NormKind.RMS_NORM, eps, x, gamma, beta);
    }

    /**
     * Applies {@link #rmsNorm(Object, Object, Object, double)} to input in the given layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    value added to the mean square, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public A rmsNorm(A x, A gamma, A beta, double eps, Layout layout) {
        return norm(NormKind.RMS_NORM, layout, 1, eps, x, gamma, beta);
    }

    /**
     * Scales the channels of each position to unit length: {@code y = x/max(‖x‖₂, eps)}. Accepts rank 2; rank 3 and above
     * requires a layout.
     *
     * @param x   input {@code [N, C]}
     * @param eps smallest divisor, at least 0
     * @return output {@code [N, C]}
     * @throws IllegalArgumentException if the rank is not 2
     */
    public A l2Normalize(A x, double eps) {
        return ofRank2(NormKind.L2_NORMALIZE, eps, x, null, null);
    }

    /**
     * Applies {@link #l2Normalize(Object, double)} to input in the given layout.
     *
     * @param x      input
     * @param eps    smallest divisor, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public A l2Normalize(A x, double eps, Layout layout) {
        return norm(NormKind.L2_NORMALIZE, layout, 1, eps, x, null, null);
    }

    /**
     * Applies filter response normalization over all positions of each channel of an example
     * (<a href="https://arxiv.org/abs/1911.09737">arXiv 1911.09737</a>): {@code y = gamma·x/√(mean(x²) + eps) + beta}. The
     * thresholded linear unit of the paper is {@code max(y, tau)}. Requires rank 3 to 5.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the mean square, at least 0
     * @return output with the shape of x
     */
    public A filterResponseNorm(A x, A gamma, A beta, double eps) {
        return filterResponseNorm(x, gamma, beta, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * Applies {@link #filterResponseNorm(Object, Object, Object, double)} to input in the given layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    value added to the mean square, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public A filterResponseNorm(A x, A gamma, A beta, double eps, Layout layout) {
        return norm(NormKind.FILTER_RESPONSE_NORM, layout, 1, eps, x, gamma, beta);
    }

    /**
     * Applies global response normalization (<a href="https://arxiv.org/abs/2301.00808">arXiv 2301.00808</a>): {@code y = x
     * + gamma·x·G/(mean of G over the channels + eps) + beta}, where G is the Euclidean norm of a channel of an example
     * over its positions. Requires rank 3 to 5.
     *
     * @param x     input
     * @param gamma factor of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the mean of G, at least 0
     * @return output with the shape of x
     */
    public A globalResponseNorm(A x, A gamma, A beta, double eps) {
        return globalResponseNorm(x, gamma, beta, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * Applies {@link #globalResponseNorm(Object, Object, Object, double)} to input in the given layout.
     *
     * @param x      input
     * @param gamma  factor of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    value added to the mean of G, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public A globalResponseNorm(A x, A gamma, A beta, double eps, Layout layout) {
        return norm(NormKind.GLOBAL_RESPONSE_NORM, layout, 1, eps, x, gamma, beta);
    }
}
