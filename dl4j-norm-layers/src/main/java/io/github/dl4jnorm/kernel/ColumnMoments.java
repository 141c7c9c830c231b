// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Moments;
import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;

/** What {@link RunMoments} does, for the columns of blocks of runs: statistics of each column over the runs. */
final class ColumnMoments {
    /** Runs summed up in the element type at a time: as many as a lane of {@link RunMoments} has in a chunk. */
    static final int RUNS = 128;
    /** Runs that suggest the first center of a column. */
    private static final int SAMPLE = 8;

    private final RowOps ops;
    private final Line line = new Line();
    private Moments found = new Moments(1, 0);
    private double[] count = {};
    private double[] center = {};
    private double[] zoom = {};
    private double[] sum = {};
    private double[] sumSquares = {};

    ColumnMoments(RowOps ops) {
        this.ops = ops;
    }

    /** Blocks of runs, the same as often as asked for. */
    @FunctionalInterface
    interface Source {
        void to(Sink sink);
    }

    /** Takes a block whose elements belong to the columns from, …, from + length − 1. */
    @FunctionalInterface
    interface Sink {
        void block(Memory x, int at, int stride, int runs, int from, int length);
    }

    double count(int column) {
        return found.count(column);
    }

    double mean(int column) {
        return found.mean(column);
    }

    double squares(int column) {
        return found.squares(column);
    }

    /** Goes over all blocks; what was found before is lost, and so are the coefficients of the columns. */
    void compute(int columns, Source source) {
        makeRoom(columns);
        found.clear();
        sample(columns, source);
        count(columns, source);
        sum(columns, source, 1);
        if (recenter(columns)) {
            sum(columns, source, 1);
        }
        for (int c = 0; c < columns; c++) {
            zoom[c] = ops.type() == DataType.DOUBLE ? 1 : Range.zoomFor(sumSquares[c], count[c], center[c]);
        }
        take(columns, 1);
        for (double other : Range.ZOOMS) {
            if (needed(columns, other)) {
                for (int c = 0; c < columns; c++) {
                    // About 0 even the squares of what is almost constant would overflow, once it is made larger.
                    center[c] = other > 1 ? ops.round(center[c] * other) : 0;
                }
                sum(columns, source, other);
                recenter(columns);
                sum(columns, source, other);
                take(columns, other);
            }
        }
    }

    private void makeRoom(int columns) {
        ops.columns().columns(columns);
        if (columns > count.length) {
            count = new double[columns];
            center = new double[columns];
            zoom = new double[columns];
            found = new Moments(1, columns);
            sum = new double[columns];
            sumSquares = new double[columns];
        }
    }

    /** Centers from the first runs of every column. */
    private void sample(int columns, Source source) {
        Arrays.fill(center, 0, columns, 0);
        Arrays.fill(count, 0, columns, 0);
        start(columns, 1);
        source.to((x, at, stride, runs, from, length) -> {
            boolean known = true;
            for (int c = from; c < from + length; c++) {
                known &= count[c] >= SAMPLE;
            }
            if (!known) {
                int few = Math.min(SAMPLE, runs);
                ops.columns().sums(x, at, stride, few, from, length, 1, sum, sumSquares);
                add(few, from, length);
            }
        });
        for (int c = 0; c < columns; c++) {
            double mean = count[c] == 0 ? 0 : ops.round(sum[c] / count[c]);
            center[c] = Double.isFinite(mean) ? mean : 0;
        }
    }

    private void count(int columns, Source source) {
        Arrays.fill(count, 0, columns, 0);
        source.to((x, at, stride, runs, from, length) -> add(runs, from, length));
    }

    private void add(int runs, int from, int length) {
        for (int c = from; c < from + length; c++) {
            count[c] += runs;
        }
    }

    private void start(int columns, double zoomOfAll) {
        for (int c = 0; c < columns; c++) {
            ops.columns().set(c, line.setCenter(zoomOfAll, center[c]));
        }
        Arrays.fill(sum, 0, columns, 0);
        Arrays.fill(sumSquares, 0, columns, 0);
    }

    private void sum(int columns, Source source, double zoomOfAll) {
        start(columns, zoomOfAll);
        source.to((x, at, stride, runs, from, length) -> {
            for (int r = 0; r < runs; r += RUNS) {
                ops.columns().sums(x, at + r * stride, stride, Math.min(RUNS, runs - r), from, length, zoomOfAll, sum,
                        sumSquares);
            }
        });
    }

    /** Moves centers that were far off to the mean; says whether there was one. */
    private boolean recenter(int columns) {
        boolean moved = false;
        for (int c = 0; c < columns; c++) {
            double distance = count[c] == 0 ? 0 : sum[c] / count[c];
            if (Range.far(distance, sumSquares[c], count[c])) {
                center[c] = ops.round(center[c] + distance);
                moved = true;
            }
        }
        return moved;
    }

    private boolean needed(int columns, double zoomOfSome) {
        for (int c = 0; c < columns; c++) {
            if (zoom[c] == zoomOfSome) {
                return true;
            }
        }
        return false;
    }

    /** Takes over the results of the columns that a zoom is right for. */
    private void take(int columns, double zoomOfSome) {
        for (int c = 0; c < columns; c++) {
            if (zoom[c] == zoomOfSome) {
                found.mergeSums(c, count[c], center[c] / zoomOfSome, sum[c] / zoomOfSome,
                        sumSquares[c] / zoomOfSome / zoomOfSome);
            }
        }
    }
}
