// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

/**
 * Makes one batch of the parts that several workers have: every worker calls the same methods in the same order, each
 * with what it knows of its own part, and all get the same result.
 *
 * <p>A call returns when every worker that has a part has made it. One that fails changes nothing.
 */
public interface Exchange {
    /**
     * Merges the statistics of the parts.
     *
     * @param own moments of each channel in this worker's part: one example
     * @return moments of each channel in all parts, not to be changed
     */
    Moments merge(Moments own);

    /**
     * Adds up what the parts contribute to the gradients of shared statistics.
     *
     * @param own this worker's numbers
     * @return the sums over all parts, not to be changed
     */
    double[] sum(double[] own);

    /** Gives each layer its exchange. */
    @FunctionalInterface
    interface Source {
        /**
         * The exchange of a layer.
         *
         * @param layer words that name the layer in messages, the same for every worker
         * @return the exchange
         */
        Exchange of(String layer);
    }
}
