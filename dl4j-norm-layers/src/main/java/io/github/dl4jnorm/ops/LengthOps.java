// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * What all operations are made by, and those that subtract no mean: they divide by a length.
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
     * RMSNorm (arXiv 1910.07467) over the channels of each position, {@code y = gamma·x/√(mean(x²) + eps) + beta}. Input of
     * rank 2; from rank 3 on the layout has to be given.
     *
     * @param x     input {@code [N, C]}
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   added to the mean square, at least 0
     * @return output {@code [N, C]}
     * @throws IllegalArgumentException if the rank is not 2
     */
    public A rmsNorm(A x, A gamma, A beta, double eps) {
        return ofRank2(NormKind.RMS_NORM, eps, x, gamma, beta);
    }

    /**
     * As {@link #rmsNorm(Object, Object, Object, double)}, with the layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    added to the mean square, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public A rmsNorm(A x, A gamma, A beta, double eps, Layout layout) {
        return norm(NormKind.RMS_NORM, layout, 1, eps, x, gamma, beta);
    }

    /**
     * Scales the channels of each position to unit length, {@code y = x/max(‖x‖₂, eps)}. Input of rank 2; from rank 3 on the
     * layout has to be given.
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
     * As {@link #l2Normalize(Object, double)}, with the layout.
     *
     * @param x      input
     * @param eps    smallest divisor, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public A l2Normalize(A x, double eps, Layout layout) {
        return norm(NormKind.L2_NORMALIZE, layout, 1, eps, x, null, null);
    }

    /**
     * Filter response normalization (arXiv 1911.09737) over all positions of a channel of an example,
     * {@code y = gamma·x/√(mean(x²) + eps) + beta}. Its thresholded linear unit is {@code max(y, tau)}. Rank 3 and up.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   added to the mean square, at least 0
     * @return output, with the channels in dimension 1 as in x
     */
    public A filterResponseNorm(A x, A gamma, A beta, double eps) {
        return filterResponseNorm(x, gamma, beta, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * As {@link #filterResponseNorm(Object, Object, Object, double)}, with the layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    added to the mean square, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public A filterResponseNorm(A x, A gamma, A beta, double eps, Layout layout) {
        return norm(NormKind.FILTER_RESPONSE_NORM, layout, 1, eps, x, gamma, beta);
    }

    /**
     * Global response normalization (arXiv 2301.00808): with G the Euclidean norm of a channel of an example over its
     * positions, {@code y = x + gamma·x·G/(mean of G over the channels + eps) + beta}. Rank 3 and up.
     *
     * @param x     input
     * @param gamma factor of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   added to the mean of G, at least 0
     * @return output, with the channels in dimension 1 as in x
     */
    public A globalResponseNorm(A x, A gamma, A beta, double eps) {
        return globalResponseNorm(x, gamma, beta, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * As {@link #globalResponseNorm(Object, Object, Object, double)}, with the layout.
     *
     * @param x      input
     * @param gamma  factor of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    added to the mean of G, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public A globalResponseNorm(A x, A gamma, A beta, double eps, Layout layout) {
        return norm(NormKind.GLOBAL_RESPONSE_NORM, layout, 1, eps, x, gamma, beta);
    }
}
