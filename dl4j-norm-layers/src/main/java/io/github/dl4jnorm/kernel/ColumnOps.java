// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

/**
 * Arithmetic on runs whose element i belongs to column {@code from + i} and has the coefficients of that column's channel,
 * {@link #set} before.
 *
 * <p>Sums run over the runs, of which there are at most {@link ColumnMoments#RUNS}, and are added to what the tables of the
 * caller hold.
 */
interface ColumnOps extends TableOps {
    /** Sets only what is subtracted from each channel, for {@link #sums}; what was set before is lost. */
    void setCenters(double[] centers);

    /** {@code sum[channel] += Σd}, {@code squares[channel] += Σd²}, {@code d = x·zoom − center}. */
    void sums(Memory x, int at, int stride, int runs, int from, int length, double zoom, double[] sum,
              double[] squares);
}
