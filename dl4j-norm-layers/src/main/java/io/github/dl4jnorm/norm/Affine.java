// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import java.util.Arrays;

/**
 * What a normalization does to its input: {@code y = scale·(x − center) + shift} with coefficients for each example
 * and channel, made row by row so that dense input needs no table of its own size.
 *
 * <p>Implementations may be called from several threads.
 */
@FunctionalInterface
public interface Affine {
    /** {@code y = x}: with a mask, what it leaves out becomes 0. */
    Affine IDENTITY = (n, from, to, into) -> {
        Arrays.fill(into.scale, 0, to - from, 1);
        Arrays.fill(into.center, 0, to - from, 0);
        Arrays.fill(into.shift, 0, to - from, 0);
        Arrays.fill(into.unit, 0, to - from, 1);
    };

    /**
     * Multiplication of each channel by a number.
     *
     * @param factors one for each channel
     * @return {@code y = factor·x}
     */
    static Affine times(double[] factors) {
        return (n, from, to, into) -> {
            IDENTITY.row(n, from, to, into);
            System.arraycopy(factors, from, into.scale, 0, to - from);
        };
    }

    /**
     * The coefficients of some channels of an example.
     *
     * @param n    example
     * @param from first channel
     * @param to   channel after the last one
     * @param into receives them, that of the first channel at index 0
     */
    void row(int n, int from, int to, Coefficients into);

    /**
     * Called when the moments that the coefficients of some channels are made of are complete: before they are asked for, and
     * by several threads for different channels.
     *
     * @param n    example
     * @param from first channel
     * @param to   channel after the last one
     */
    default void complete(int n, int from, int to) {
    }

    /** Coefficients of C channels of one example. */
    final class Coefficients {
        /** Factor: gamma/√(var + eps). */
        public final double[] scale;
        /** What is subtracted first: the mean. */
        public final double[] center;
        /** What is added last: beta. */
        public final double[] shift;
        /** The factor without gamma, 1/√(var + eps): brings x − center to the size of 1. */
        public final double[] unit;

        /**
         * Room for the coefficients.
         *
         * @param channels C
         */
        public Coefficients(int channels) {
            scale = new double[channels];
            center = new double[channels];
            shift = new double[channels];
            unit = new double[channels];
        }
    }
}
