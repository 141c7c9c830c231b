// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.Moments;
import java.util.Arrays;

/**
 * What {@link RunMoments} does, for the channels in blocks of runs: statistics of each channel over the runs, or of each
 * group of neighbouring channels. Groups have one center, so it takes no more than the sums of their channels.
 */
final class ColumnMoments {
    /** Runs summed up in the element type at a time: as many as a lane of {@link RunMoments} has in a chunk. */
    static final int RUNS = 128;
    /** Elements of a channel, more or less, that suggest the first center. */
    private static final int SAMPLE = 8;

    private final Arithmetic ops;
    private Window x;
    private int stride;
    private Runs runs;
    private int channels;
    private int columns;
    private int groups;
    private int groupSize;
    private Moments found = new Moments(1, 0);
    private double[] count = {};
    private double[] center = {};
    private double[] zoom = {};
    private double[] sum = {};
    private double[] sumSquares = {};
    private double[] centers = {};
    private double[] channelSum = {};
    private double[] channelSquares = {};

    ColumnMoments(Arithmetic ops) {
        this.ops = ops;
    }

    /**
     * Goes over some runs several times; what was found before is lost, and so are the coefficients of the columns.
     *
     * @param channelsInRun how many channels there are
     * @param size          columns; column i is of channel i mod channels
     * @param ofGroup       channels that share statistics
     * @param window        the memory of the array
     * @param bytes         from one run to the next
     * @param ofArray       the runs
     * @return the moments of the groups, until this thread computes the next ones
     */
    Moments compute(int channelsInRun, int size, int ofGroup, Window window, int bytes, Runs ofArray) {
        stride = bytes;
        channels = channelsInRun;
        columns = size;
        groupSize = ofGroup;
        groups = channels / groupSize;
        makeRoom();
        x = window;
        runs = ofArray;
        try {
            find();
        } finally {
            // A thread keeps this object, but not the array.
            x = null;
            runs = null;
        }
        return found;
    }

    private void find() {
        found.clear(groups);
        sample();
        count();
        sum(1);
        if (recenter()) {
            sum(1);
        }
        boolean odd = false;
        for (int g = 0; g < groups; g++) {
            zoom[g] = ops.wide() ? 1 : Range.zoomFor(sumSquares[g], count[g], center[g]);
            odd |= zoom[g] != 1;
        }
        take(1);
        for (int i = 0; odd && i < Range.ZOOMS.length; i++) {
            again(Range.ZOOMS[i]);
        }
    }

    /** Sums up those groups anew that need a zoom. */
    private void again(double other) {
        if (!needed(other)) {
            return;
        }
        for (int g = 0; g < groups; g++) {
            // About 0 even the squares of what is almost constant would overflow, once it is made larger.
            center[g] = other > 1 ? ops.round(center[g] * other) : 0;
        }
        sum(other);
        recenter();
        sum(other);
        take(other);
    }

    private void makeRoom() {
        ops.columns().prepare(channels, columns);
        // The last to be made: if one cannot be, the next pass tries again.
        if (channels > channelSquares.length) {
            centers = new double[channels];
            channelSum = new double[channels];
            channelSquares = new double[channels];
        }
        if (groups > found.channels()) {
            count = new double[groups];
            center = new double[groups];
            zoom = new double[groups];
            sum = new double[groups];
            sumSquares = new double[groups];
            found = new Moments(1, groups);
        }
    }

    /** Centers from the first runs of every group. */
    private void sample() {
        Arrays.fill(center, 0, groups, 0);
        Arrays.fill(count, 0, groups, 0);
        start();
        for (runs.restart(); runs.next();) {
            if (runs.kept && !sampled(runs.column(), runs.length)) {
                int few = Math.min(runs.count, (SAMPLE * channels - 1) / runs.length + 1);
                ops.columns().sums(x.memory, runs.at(x), stride, few, runs.column(), runs.length, 1, channelSum, channelSquares);
                add(few);
            }
        }
        finish();
        for (int g = 0; g < groups; g++) {
            double mean = count[g] == 0 ? 0 : ops.round(sum[g] / count[g]);
            center[g] = Double.isFinite(mean) ? mean : 0;
        }
    }

    private boolean sampled(int from, int length) {
        boolean sampled = true;
        for (int g = group(from); g <= (length < channels ? group(from + length - 1) : groups - 1); g++) {
            sampled &= count[g] >= SAMPLE;
        }
        return sampled;
    }

    private int group(int column) {
        return column % channels / groupSize;
    }

    private void count() {
        Arrays.fill(count, 0, groups, 0);
        for (runs.restart(); runs.next();) {
            if (runs.kept) {
                add(runs.count);
            }
        }
    }

    /** Counts the elements of the first of the runs. */
    private void add(int few) {
        int from = runs.column();
        int length = runs.length;
        if (from == 0 && length % channels == 0) {
            double ofGroup = (double) few * (length / channels) * groupSize;
            for (int g = 0; g < groups; g++) {
                count[g] += ofGroup;
            }
        } else {
            for (int i = from; i < from + length; i++) {
                count[group(i)] += few;
            }
        }
    }

    private void start() {
        for (int g = 0; g < groups; g++) {
            Arrays.fill(centers, g * groupSize, (g + 1) * groupSize, center[g]);
        }
        ops.columns().setCenters(centers);
        Arrays.fill(channelSum, 0, channels, 0);
        Arrays.fill(channelSquares, 0, channels, 0);
    }

    private void sum(double zoomOfAll) {
        start();
        for (runs.restart(); runs.next();) {
            for (int r = 0; runs.kept && r < runs.count; r += RUNS) {
                ops.columns().sums(x.memory, runs.at(x) + r * stride, stride, Math.min(RUNS, runs.count - r), runs.column(),
                        runs.length, zoomOfAll, channelSum, channelSquares);
            }
        }
        finish();
    }

    /** From channels to groups. */
    private void finish() {
        for (int g = 0; g < groups; g++) {
            double ofGroup = 0;
            double squaresOfGroup = 0;
            for (int c = g * groupSize; c < (g + 1) * groupSize; c++) {
                ofGroup += channelSum[c];
                squaresOfGroup += channelSquares[c];
            }
            sum[g] = ofGroup;
            sumSquares[g] = squaresOfGroup;
        }
    }

    /** Moves centers that were far off to the mean; says whether there was one. */
    private boolean recenter() {
        boolean moved = false;
        for (int g = 0; g < groups; g++) {
            double distance = count[g] == 0 ? 0 : sum[g] / count[g];
            if (Range.far(distance, sumSquares[g], count[g])) {
                center[g] = ops.round(center[g] + distance);
                moved = true;
            }
        }
        return moved;
    }

    private boolean needed(double zoomOfSome) {
        for (int g = 0; g < groups; g++) {
            if (zoom[g] == zoomOfSome) {
                return true;
            }
        }
        return false;
    }

    /** Takes over the results of the groups that a zoom is right for. */
    private void take(double zoomOfSome) {
        for (int g = 0; g < groups; g++) {
            if (zoom[g] == zoomOfSome) {
                found.mergeSums(g, count[g], center[g] / zoomOfSome, sum[g] / zoomOfSome,
                        sumSquares[g] / zoomOfSome / zoomOfSome);
            }
        }
    }
}
