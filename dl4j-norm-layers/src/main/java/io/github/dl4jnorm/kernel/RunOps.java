// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

/**
 * Arithmetic on contiguous runs of elements of one channel each. Run r is of channel {@code from + r} of those whose
 * coefficients were set before.
 *
 * <p>Sums start anew every {@link #CHUNK} elements at the latest, as a longer sum in float would lose digits: runs that are
 * summed up have no more.
 */
interface RunOps extends TableOps {
    /** Most elements that may be summed up at once. */
    int CHUNK = 4096;
    /** Runs whose sums are computed together: what there is to do for one does not wait for the memory of the next. */
    int TOGETHER = 16;

    /**
     * {@code sum[r] = Σd}, {@code squares[r] = Σd²} with {@code d = x·zoom − centers[r]}, of at most {@link #TOGETHER} runs
     * of at most {@link #CHUNK} elements.
     */
    void sums(Memory x, int at, int stride, int runs, int length, double zoom, double[] centers, double[] sum,
              double[] squares);
}
