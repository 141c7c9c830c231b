// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import java.util.Arrays;

/**
 * Count, mean and biased variance of every channel of every example: tables of length N·C, row by row.
 *
 * <p>They grow block by block with {@link #merge}, which combines two partial results by the parallel form of
 * Welford's recurrence (Chan, Golub, LeVeque 1979) and so never forms E[x²] − mean².
 */
public final class Moments {
    private final int examples;
    private final int channels;
    private final double[] count;
    private final double[] mean;
    private final double[] squares;

    /**
     * Moments of nothing: every count 0.
     *
     * @param examples N
     * @param channels C
     */
    public Moments(int examples, int channels) {
        this.examples = examples;
        this.channels = channels;
        this.count = new double[examples * channels];
        this.mean = new double[count.length];
        this.squares = new double[count.length];
    }

    /**
     * Forgets what some cells have: every count 0.
     *
     * @param cells how many of the first cells
     */
    public void clear(int cells) {
        Arrays.fill(count, 0, cells, 0);
        Arrays.fill(mean, 0, cells, 0);
        Arrays.fill(squares, 0, cells, 0);
    }

    /**
     * Adds the elements of another block.
     *
     * @param cell          n·C + c
     * @param blockCount    how many elements the block has; 0 changes nothing
     * @param blockMean     their mean
     * @param blockSquares  their Σ(x − blockMean)²
     */
    public void merge(int cell, double blockCount, double blockMean, double blockSquares) {
        if (blockCount == 0) {
            return;
        }
        double before = count[cell];
        double total = before + blockCount;
        double delta = blockMean - mean[cell];
        if (before == 0) {
            mean[cell] = blockMean;
            squares[cell] = blockSquares;
        } else {
            mean[cell] += delta * (blockCount / total);
            squares[cell] += blockSquares + delta * delta * (before * blockCount / total);
        }
        count[cell] = total;
    }

    /**
     * Adds a block given by its sums about a pivot.
     *
     * @param cell       n·C + c
     * @param blockCount how many elements the block has
     * @param pivot      any value near them
     * @param sum        Σ(x − pivot)
     * @param sumSquares Σ(x − pivot)²
     */
    public void mergeSums(int cell, double blockCount, double pivot, double sum, double sumSquares) {
        if (blockCount > 0) {
            double shift = sum / blockCount;
            double centered = sumSquares - sum * shift;
            if (sumSquares == Double.POSITIVE_INFINITY && Double.isFinite(sum)) {
                // Finite elements whose squares overflow: their variance is beyond the range, not undefined.
                centered = sumSquares;
            }
            // Rounding may leave a tiny negative rest; a comparison that NaN fails keeps NaN visible.
            merge(cell, blockCount, pivot + shift, centered < 0 ? 0 : centered);
        }
    }

    /**
     * Adds the moments of other elements of the same examples and channels.
     *
     * @param other moments of the same size
     */
    public void merge(Moments other) {
        for (int cell = 0; cell < count.length; cell++) {
            merge(cell, other.count[cell], other.mean[cell], other.squares[cell]);
        }
    }

    /** {@return N} */
    public int examples() {
        return examples;
    }

    /** {@return C} */
    public int channels() {
        return channels;
    }

    /**
     * How many elements were counted.
     *
     * @param cell n·C + c
     * @return their number, 0 if all are masked
     */
    public double count(int cell) {
        return count[cell];
    }

    /**
     * The mean.
     *
     * @param cell n·C + c
     * @return mean, 0 if nothing was counted
     */
    public double mean(int cell) {
        return mean[cell];
    }

    /**
     * The biased variance, Σ(x − mean)²/count.
     *
     * @param cell n·C + c
     * @return variance, 0 if nothing was counted
     */
    public double variance(int cell) {
        return count[cell] == 0 ? 0 : squares[cell] / count[cell];
    }

    /**
     * The centered sum of squares, Σ(x − mean)².
     *
     * @param cell n·C + c
     * @return sum of squares
     */
    public double squares(int cell) {
        return squares[cell];
    }
}
