// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

/** Told when the statistics or sums of some cells are complete. Several threads may tell of different cells. */
@FunctionalInterface
public interface CellRange {
    /**
     * The cells of some channels of an example are complete.
     *
     * @param n    example
     * @param from first channel
     * @param to   channel after the last one
     */
    void complete(int n, int from, int to);
}
