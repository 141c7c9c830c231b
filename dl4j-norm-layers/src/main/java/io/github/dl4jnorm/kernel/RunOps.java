// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

/**
 * Arithmetic on a contiguous run of elements of one channel, given by a memory and the byte offset of the first one.
 * Coefficients are single numbers, those of a {@link Line}.
 *
 * <p>Outputs do not overlap inputs. Arithmetic is done in the element type (HALF: in float). Sums start anew every
 * {@link #CHUNK} elements at the latest, as a longer sum in float would lose digits.
 */
interface RunOps {
    /** Most elements that may be summed up at once. */
    int CHUNK = 4096;

    /** {@code into = (Σd, Σd²)} with {@code d = x·zoom − center}, of at most {@link #CHUNK} elements. */
    void sums(Memory x, int at, int length, double zoom, double center, double[] into);

    /** {@code y = act(factor·d + shift)}. */
    void affine(Memory x, int atX, Memory y, int atY, int length, Line k, boolean relu);

    /** {@code into = (Σdy, Σdy·d)}, dy counting as 0 where a ReLU was not active; at most {@link #CHUNK} elements. */
    void gradSums(Memory x, int atX, Memory dy, int atDy, int length, Line k, boolean relu, double[] into);

    /** {@code dx = scale·dy + slope·d + gradShift}. */
    void affineGrad(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int length, Line k, boolean relu);
}
