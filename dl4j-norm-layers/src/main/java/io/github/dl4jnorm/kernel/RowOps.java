// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Affine.Coefficients;
import java.nio.ByteBuffer;

/**
 * What kernels do to one contiguous run of elements of one type. A run is given by a buffer and the byte offset of its
 * first element in it.
 *
 * <p>Most operations come in two forms: along positions of one channel, where coefficients are single numbers, and
 * along channels (or along positions with statistics of their own), where element i uses coefficient {@code from + i}.
 * Instances hold scratch memory: one for each thread.
 */
interface RowOps {
    /** @return bytes of an element */
    int elementBytes();

    /**
     * @return the element at a byte offset
     */
    double get(ByteBuffer x, int at);

    /** Writes zeros. */
    void zero(ByteBuffer y, int at, int length);

    /** {@code sums = (Σ(x − pivot), Σ(x − pivot)²)}. */
    void moments(ByteBuffer x, int at, int length, double pivot, double[] sums);

    /** {@code sum[from + i] += x − pivot[from + i]}, {@code squares[from + i] += (x − pivot[from + i])²}. */
    void addMoments(ByteBuffer x, int at, int length, int from, double[] pivot, double[] sum, double[] squares);

    /** {@code y = act(scale·(x − center) + shift)} with coefficient c for the whole run. */
    void affine(ByteBuffer x, int atX, ByteBuffer y, int atY, int length, Coefficients k, int c, boolean relu);

    /** {@code y = act(scale·(x − center) + shift)} with coefficient from + i. */
    void affineAlong(ByteBuffer x, int atX, ByteBuffer y, int atY, int length, Coefficients k, int from, boolean relu);

    /** {@code sums = (Σdy, Σdy·(x − center))} with coefficient c for the whole run. */
    void gradSums(ByteBuffer x, int atX, ByteBuffer dy, int atDy, int length, Coefficients k, int c, boolean relu,
                  double[] sums);

    /** {@code sum[from + i] += dy}, {@code products[from + i] += dy·(x − center)} with coefficient from + i. */
    void addGradSums(ByteBuffer x, int atX, ByteBuffer dy, int atDy, int length, Coefficients k, int from, boolean relu,
                     double[] sum, double[] products);

    /** {@code dx = scale·dy + slope·((x − center)·unit) + shift} with coefficient c for the whole run. */
    void affineGrad(ByteBuffer x, int atX, ByteBuffer dy, int atDy, ByteBuffer dx, int atDx, int length, Coefficients k,
                    double[] slope, double[] shift, int c, boolean relu);

    /** {@code dx = scale·dy + slope·((x − center)·unit) + shift} with coefficient from + i. */
    void affineGradAlong(ByteBuffer x, int atX, ByteBuffer dy, int atDy, ByteBuffer dx, int atDx, int length,
                         Coefficients k, double[] slope, double[] shift, int from, boolean relu);
}
