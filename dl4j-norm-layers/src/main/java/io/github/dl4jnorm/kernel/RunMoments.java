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

    private final RowOps ops;
    private final double[] pair = new double[2];
    private final Moments found = new Moments(1, 1);

    RunMoments(RowOps ops) {
        this.ops = ops;
    }

    /** Forgets all elements. */
    void start() {
        found.clear();
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

    private void addChunk(Memory x, int at, int length) {
        double center = found.count(0) > 0 ? ops.round(found.mean(0)) : sampleMean(x, at, length, 1);
        center = sum(x, at, length, 1, center);
        double zoom = ops.type() == DataType.DOUBLE ? 1 : Range.zoomFor(pair[1], length, center);
        if (zoom != 1) {
            center = sum(x, at, length, zoom, sampleMean(x, at, length, zoom));
        }
        found.mergeSums(0, length, center / zoom, pair[0] / zoom, pair[1] / zoom / zoom);
    }

    /** Sums about a center, or once more about the mean if that was far off. */
    private double sum(Memory x, int at, int length, double zoom, double center) {
        ops.runs().sums(x, at, length, zoom, center, pair);
        double distance = pair[0] / length;
        if (Range.far(distance, pair[1], length)) {
            double better = ops.round(center + distance);
            ops.runs().sums(x, at, length, zoom, better, pair);
            return better;
        }
        return center;
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
