// SPDX-License-Identifier: Apache-2.0
// Derived from FloatTables.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Affine.Coefficients;

/** {@link TableOps} in double; the coefficients of the channels as often as they repeat in the columns of a run. */
abstract class DoubleTables implements TableOps {
    private static final boolean WIDE = Double.BYTES == Double.BYTES;

    double[] zoom = {};
    /** −center. */
    double[] offset = {};
    double[] factor = {};
    double[] shift = {};
    double[] scale = {};
    double[] slope = {};
    double[] gradShift = {};
    /** Whether any column may have a zoom other than 1. */
    boolean zoomed;
    /** Columns after which loops may begin with the first again. */
    private final int period;
    private int channels;
    private int columns;
    private double[] zooms = {};
    private double[] lost = {};

    DoubleTables() {
        this(Integer.MAX_VALUE);
    }

    /** Tables for loops that begin with the first column again after so many, wherever that is right. */
    DoubleTables(int period) {
        this.period = period;
    }

    @Override
    public final void prepare(int channelsInRun, int size) {
        channels = channelsInRun;
        columns = size;
        if (size > zoom.length) {
            zoom = new double[size];
            offset = new double[size];
            factor = new double[size];
            shift = new double[size];
            scale = new double[size];
            slope = new double[size];
            gradShift = new double[size];
        }
        if (channels > zooms.length) {
            zooms = new double[channels];
            lost = new double[channels];
        }
    }

    /** {@link ColumnOps#setCenters}. */
    public final void setCenters(double[] centers) {
        for (int c = 0; c < channels; c++) {
            offset[c] = (double) -centers[c];
        }
        repeat(offset, lookedUp(false));
    }

    @Override
    public final void set(Coefficients k) {
        zoomed = !WIDE && !Range.moderate(k.unit, channels);
        for (int c = 0; c < channels; c++) {
            zooms[c] = zoomed ? Range.zoomOf(k.unit[c]) : 1;
        }
        // Loops apart, so that each becomes one of vectors.
        for (int c = 0; c < channels; c++) {
            zoom[c] = (double) zooms[c];
            scale[c] = (double) k.scale[c];
            factor[c] = (double) (k.scale[c] / zooms[c]);
        }
        for (int c = 0; c < channels; c++) {
            double exact = k.center[c] * zooms[c];
            double center = (double) exact;
            lost[c] = center - exact;
            offset[c] = (double) -center;
            shift[c] = (double) (k.shift[c] + k.scale[c] / zooms[c] * lost[c]);
        }
        int size = lookedUp(zoomed);
        repeat(zoom, size);
        repeat(offset, size);
        repeat(factor, size);
        repeat(shift, size);
        repeat(scale, size);
    }

    @Override
    public final void setGradient(Coefficients k, double[] slopes, double[] shifts) {
        for (int c = 0; c < channels; c++) {
            double ofD = slopes[c] * (k.unit[c] / zooms[c]);
            slope[c] = (double) ofD;
            gradShift[c] = (double) (shifts[c] + ofD * lost[c]);
        }
        int size = lookedUp(zoomed);
        repeat(slope, size);
        repeat(gradShift, size);
    }

    @Override
    public final void exact(double[] sums, double[] products) {
        for (int c = 0; c < channels; c++) {
            products[c] = (products[c] + lost[c] * sums[c]) / zooms[c];
        }
    }

    /** Whether the coefficients of all columns are those of the first {@link #period}, of which there are as many. */
    final boolean repeats() {
        return period % channels == 0 && columns >= period;
    }

    /** Columns that loops look up: those that begin anew have no zoom. */
    private int lookedUp(boolean withZoom) {
        return repeats() && !withZoom ? period : columns;
    }

    private void repeat(double[] table, int size) {
        for (int done = channels; done < size; done *= 2) {
            System.arraycopy(table, 0, table, done, Math.min(done, size - done));
        }
    }

    /** Adds sums of columns to those of their channels. */
    final void add(double[] sums, int length, double[] into, int from) {
        int channel = from % channels;
        for (int i = 0; i < length;) {
            int end = Math.min(length, i + channels - channel);
            int shifted = channel - i;
            for (; i < end; i++) {
                into[shifted + i] += sums[i];
            }
            channel = 0;
        }
    }
}
