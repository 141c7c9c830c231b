// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

/**
 * Arithmetic on contiguous runs of elements of one channel each, given by a memory, the byte offset of the first one and
 * the bytes from one to the next. Run r is of channel {@code from + r} of those whose coefficients were set before.
 *
 * <p>Outputs do not overlap inputs. Arithmetic is done in the element type (HALF: in float). Sums start anew every
 * {@link #CHUNK} elements at the latest, as a longer sum in float would lose digits.
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

    /** {@code y = act(factor·d + shift)}. */
    void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                boolean relu);

    /**
     * {@code sum[channel] += Σdy}, {@code products[channel] += Σdy·d}, dy counting as 0 where a ReLU was not active; runs
     * of at most {@link #CHUNK} elements.
     */
    void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from, int length,
                  boolean relu, double[] sum, double[] products);

    /** {@code dx = scale·dy + slope·d + gradShift}. */
    void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                    int strideDx, int runs, int from, int length, boolean relu);
}
