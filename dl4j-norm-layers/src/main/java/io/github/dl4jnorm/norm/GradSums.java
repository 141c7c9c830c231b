// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import io.github.dl4jnorm.norm.Affine.Coefficients;

/**
 * What a backward pass first sums up for each example and channel: Σdy and Σdy·(x − center), masked positions left
 * out, center being that of the {@link Affine}. Handed over row by row; with one position for each channel nothing
 * is stored.
 *
 * <p>Rows are asked for in order and by one thread.
 */
@FunctionalInterface
public interface GradSums {
    /**
     * The sums of some channels of an example.
     *
     * @param n    example
     * @param from first channel
     * @param to   channel after the last one
     * @param dy   receives Σdy, that of the first channel at index 0
     * @param dyx  receives Σdy·(x − center)
     */
    void row(int n, int from, int to, double[] dy, double[] dyx);

    /**
     * Tells a gradient of the sums of every example.
     *
     * @param grad     what is told
     * @param affine   the coefficients of the forward pass
     * @param examples N
     * @param channels C
     */
    default void complete(GradAffine grad, Affine affine, int examples, int channels) {
        Coefficients at = new Coefficients(channels);
        double[] dy = new double[channels];
        double[] dyx = new double[channels];
        for (int n = 0; n < examples; n++) {
            affine.row(n, 0, channels, at);
            row(n, 0, channels, dy, dyx);
            grad.complete(n, 0, channels, at, dy, dyx);
        }
    }
}
