// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Affine.Coefficients;

/**
 * Tables of the coefficients of channels, in the type that arithmetic runs in, and the arithmetic with them on runs of the same
 * length. Each array is given by a memory, the byte offset of the first run and the bytes from one run to the next.
 * {@code from} is an index into the tables: of the channel of the first run in {@link RunOps}, of the column of the first
 * element in {@link ColumnOps}.
 *
 * <p>Outputs do not overlap inputs. Arithmetic is done in the element type (HALF: in float).
 *
 * <p>Centers are rounded to that type, and what the rounding lost goes into the shifts, formed in double: without it a
 * constant channel of 10⁶ would not come out as beta. Where 1/σ is far from 1, x is first multiplied by the power of two
 * nearest to it, the zoom: exact, and the products stay within the range of float.
 */
interface TableOps {
    /**
     * Makes room; what was set before is lost.
     *
     * @param channels how many channels there are
     * @param size     how many columns a run has at most; column i is of channel i mod channels
     */
    void prepare(int channels, int size);

    /** Sets the coefficients of all channels. */
    void set(Coefficients k);

    /** Sets {@code dx = scale·dy + slope·((x − center)·unit) + shift} of all channels, whose coefficients are set. */
    void setGradient(Coefficients k, double[] slopes, double[] shifts);

    /** Makes Σdy·d of all channels Σdy·(x − center) with the exact center, given Σdy. */
    void exact(double[] sums, double[] products);

    /** {@code y = act(factor·d + shift)}. */
    void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                boolean relu);

    /**
     * {@code sum[channel] += Σdy}, {@code products[channel] += Σdy·d}, dy counting as 0 where a ReLU was not active. How many
     * elements may be summed up at once is for {@link RunOps} and {@link ColumnOps} to say.
     */
    void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from, int length,
                  boolean relu, double[] sum, double[] products);

    /** {@code dx = scale·dy + slope·d + gradShift}. */
    void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                    int strideDx, int runs, int from, int length, boolean relu);
}
