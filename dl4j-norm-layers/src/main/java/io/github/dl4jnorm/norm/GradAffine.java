// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

/**
 * The gradient with respect to the input: {@code dx = scale·dy + slope·((x − center)·unit) + shift}, with scale,
 * center and unit of the {@link Affine} at the same row. The slope is kept apart from unit because their product may
 * leave the range of float where each of them does not.
 *
 * <p>Implementations may be called from several threads.
 */
@FunctionalInterface
public interface GradAffine {
    /**
     * Slope and shift of some channels of an example.
     *
     * @param n     example
     * @param from  first channel
     * @param to    channel after the last one
     * @param at    coefficients of the {@link Affine} there
     * @param slope receives the slopes, that of the first channel at index 0
     * @param shift receives the shifts
     */
    void row(int n, int from, int to, Affine.Coefficients at, double[] slope, double[] shift);

    /**
     * Called with the sums that slope and shift of some channels are made of: before they are asked for, and by several threads
     * for different channels. The arrays are the caller's: they may be longer, and have other numbers afterwards.
     *
     * @param n    example
     * @param from first channel
     * @param to   channel after the last one
     * @param at   coefficients of the {@link Affine} there, not to be changed
     * @param dy   Σdy, that of the first channel at index 0; may be changed
     * @param dyx  Σdy·(x − center); may be changed
     */
    default void complete(int n, int from, int to, Affine.Coefficients at, double[] dy, double[] dyx) {
    }
}
