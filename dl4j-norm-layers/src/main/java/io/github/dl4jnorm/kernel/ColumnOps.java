// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

/**
 * Arithmetic on a block of runs, given by the byte offset of the first one and the bytes from one to the next. Element
 * i of every run belongs to column {@code from + i} and has the coefficients of that column's channel, {@link #set} before.
 *
 * <p>As in {@link RunOps}, but sums run over the runs of a block, of which there are at most {@link ColumnMoments#RUNS}, and
 * are added to what the tables of the caller hold.
 */
interface ColumnOps extends TableOps {
    /** Sets only what is subtracted from each channel, for {@link #sums}; what was set before is lost. */
    void setCenters(double[] centers);

    /** {@code sum[channel] += Σd}, {@code squares[channel] += Σd²}, {@code d = x·zoom − center}. */
    void sums(Memory x, int at, int stride, int runs, int from, int length, double zoom, double[] sum,
              double[] squares);

    /** {@code y = act(factor·d + shift)}. */
    void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                boolean relu);

    /** {@code sum[channel] += Σdy}, {@code products[channel] += Σdy·d}. */
    void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from, int length,
                  boolean relu, double[] sum, double[] products);

    /** {@code dx = scale·dy + slope·d + gradShift}. */
    void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                    int strideDx, int runs, int from, int length, boolean relu);
}
