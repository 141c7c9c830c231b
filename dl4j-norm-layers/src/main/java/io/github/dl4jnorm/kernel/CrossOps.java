// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

/**
 * Arithmetic on a run of elements, each of which lies at a position that has statistics and in a channel that has gamma
 * and beta. One of both is the same all along the run, the other is looked up at index {@code from + i}.
 *
 * <p>{@code normalized = (x − mean)·unit} everywhere.
 */
interface CrossOps {
    /**
     * Makes room; what was set before is lost and the sums at each place are 0.
     *
     * @param alongChannels whether the elements of a run are channels of one position, else positions of one channel
     * @param size          how many places a run has at most
     */
    void prepare(boolean alongChannels, int size);

    /** Sets the statistics of position i, or with channels along the run of its one position. */
    void statistics(int i, double mean, double unit);

    /** Sets gamma and beta of channel i, or with positions along the run of its one channel. */
    void parameters(int i, double gamma, double beta);

    /** Sets what the gradient adds to each element of position i. */
    void gradient(int i, double shift, double slope);

    /** {@code y = act(gamma·normalized + beta)}. */
    void affine(Memory x, int atX, Memory y, int atY, int from, int length, boolean relu);

    /**
     * Sums of at most {@link RunOps#CHUNK} elements, once for the run and once for each place. With channels along the
     * run {@code into = (Σ gamma·dy, Σ gamma·dy·normalized)}, and dy and dy·normalized are added at their places; with
     * positions along the run {@code into = (Σ dy, Σ dy·normalized)}, and gamma is a factor of what is added.
     */
    void gradSums(Memory x, int atX, Memory dy, int atDy, int from, int length, boolean relu, double[] into);

    /** Adds the sums at the first places to the given ones and sets them to 0; due every {@link ColumnMoments#RUNS} runs. */
    void drain(int size, double[] sums, double[] products);

    /** {@code sum = a + b}, where the sum may be one of both. */
    void add(Memory a, int atA, Memory b, int atB, Memory sum, int atSum, int length);

    /**
     * Does {@link #add} and, in the same loop, {@link RunOps#sums} of what it writes, of at most {@link RunOps#CHUNK} elements:
     * {@code into = (Σd, Σd²)} with {@code d = sum − center}.
     *
     * @return false if there is no such loop; then nothing is written
     */
    default boolean addSums(Memory a, int atA, Memory b, int atB, Memory sum, int atSum, int length, double center,
                            double[] into) {
        return false;
    }

    /** {@code dx = gamma·unit·dy + shift + slope·normalized}. */
    void affineGrad(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from, int length, boolean relu);
}
