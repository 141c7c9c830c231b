// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Moments;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * Count, mean and Σ(x − mean)² of the elements of several runs.
 *
 * <p>Each chunk is summed up about a center near its mean: that of the runs before, or the mean of a few of its
 * elements. A center that turns out to be far off, as at a border in an image, costs digits, so the chunk is done again
 * about the mean just found. Where the squares leave the range of float, it is done again with x multiplied by a power of two.
 * Chunks are merged in double (Chan, Golub, LeVeque 1979).
 */
final class RunMoments {
    private final Arithmetic ops;
    private final double[] centers = new double[RunOps.TOGETHER];
    private final double[] sums = new double[RunOps.TOGETHER];
    private final double[] squares = new double[RunOps.TOGETHER];
    private final double[] pair = new double[2];
    private final Moments found = new Moments(1, 1);

    RunMoments(Arithmetic ops) {
        this.ops = ops;
    }

    /** Forgets all elements. */
    void start() {
        found.clear(1);
    }

    /** The moments of all elements since the start, in one cell. */
    Moments found() {
        return found;
    }

    /** Adds the elements of a run. */
    void add(Memory x, int at, int length) {
        for (int done = 0; done < length; done += RunOps.CHUNK) {
            addChunk(x, at + done * ops.type().width(), Math.min(RunOps.CHUNK, length - done));
        }
    }

    /**
     * Adds the moments of runs of at most {@link RunOps#CHUNK} elements to a table, those of each to a cell of its own. What was
     * added before is lost.
     *
     * @param cell that of the first run
     * @param step from one cell to the next
     */
    void each(Memory x, int at, int stride, int runs, int length, Moments into, int cell, int step) {
        for (int done = 0; done < runs; done += RunOps.TOGETHER) {
            int first = at + done * stride;
            int few = Math.min(RunOps.TOGETHER, runs - done);
            for (int r = 0; r < few; r++) {
                centers[r] = sampleMean(x, first + r * stride, length, 1);
            }
            ops.runs().sums(x, first, stride, few, length, 1, centers, sums, squares);
            // One by one, but only then, as that takes the same arrays.
            int again = 0;
            for (int r = 0; r < few; r++) {
                if (Range.far(sums[r] / length, squares[r], length) || zoom(squares[r], length, centers[r]) != 1) {
                    again |= 1 << r;
                } else {
                    into.mergeSums(cell + (done + r) * step, length, centers[r], sums[r], squares[r]);
                }
            }
            for (; again != 0; again &= again - 1) {
                int r = Integer.numberOfTrailingZeros(again);
                start();
                add(x, first + r * stride, length);
                into.merge(cell + (done + r) * step, found.count(0), found.mean(0), found.squares(0));
            }
        }
    }

    /** Writes x = a + b, and adds its elements: both in one loop, if the arithmetic has one. */
    void addSum(Memory a, int atA, Memory b, int atB, Memory x, int at, int length) {
        int width = ops.type().width();
        for (int done = 0; done < length; done += RunOps.CHUNK) {
            int size = Math.min(RunOps.CHUNK, length - done);
            int first = done * width;
            centers[0] = found.count(0) > 0 ? ops.round(found.mean(0)) : sampleMean(a, atA + first, b, atB + first, size);
            if (ops.crossing().addSums(a, atA + first, b, atB + first, x, at + first, size, centers[0], pair)) {
                sums[0] = pair[0];
                squares[0] = pair[1];
                recenter(x, at + first, size, 1);
                take(x, at + first, size);
            } else {
                ops.crossing().add(a, atA + first, b, atB + first, x, at + first, size);
                addChunk(x, at + first, size);
            }
        }
    }

    private void addChunk(Memory x, int at, int length) {
        double center = found.count(0) > 0 ? ops.round(found.mean(0)) : sampleMean(x, at, length, 1);
        sum(x, at, length, 1, center);
        take(x, at, length);
    }

    /** Takes the sums of a chunk, or those of x multiplied by a power of two. */
    private void take(Memory x, int at, int length) {
        double zoom = zoom(squares[0], length, centers[0]);
        if (zoom != 1) {
            sum(x, at, length, zoom, sampleMean(x, at, length, zoom));
        }
        found.mergeSums(0, length, centers[0] / zoom, sums[0] / zoom, squares[0] / zoom / zoom);
    }

    private double zoom(double squaresOfRun, int length, double center) {
        return ops.type() == DataType.DOUBLE ? 1 : Range.zoomFor(squaresOfRun, length, center);
    }

    /** Sums about a center, or once more about the mean if that was far off. */
    private void sum(Memory x, int at, int length, double zoom, double center) {
        centers[0] = center;
        ops.runs().sums(x, at, 0, 1, length, zoom, centers, sums, squares);
        recenter(x, at, length, zoom);
    }

    private void recenter(Memory x, int at, int length, double zoom) {
        double distance = sums[0] / length;
        if (Range.far(distance, squares[0], length)) {
            centers[0] = ops.round(centers[0] + distance);
            ops.runs().sums(x, at, 0, 1, length, zoom, centers, sums, squares);
        }
    }

    /** That of a + b. */
    private double sampleMean(Memory a, int atA, Memory b, int atB, int length) {
        double sum = 0;
        for (int i : new int[]{0, length / 4, 2 * (length / 4), length - 1}) {
            int at = i * ops.type().width();
            sum += ops.round(ops.get(a, atA + at) + ops.get(b, atB + at));
        }
        double mean = ops.round(sum / 4);
        return Double.isFinite(mean) ? mean : 0;
    }

    /** The mean of four elements: its distance from that of all is rarely too much, and four are read at once. */
    private double sampleMean(Memory x, int at, int length, double zoom) {
        int width = ops.type().width();
        int quarter = length / 4;
        double sum = ops.get(x, at) + ops.get(x, at + quarter * width) + ops.get(x, at + 2 * quarter * width)
                + ops.get(x, at + (length - 1) * width);
        double found = ops.round(sum / 4 * zoom);
        return Double.isFinite(found) ? found : 0;
    }
}
