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
    private int channels;
    private int columns;
    private double[] zooms = {};
    private double[] lost = {};

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
        repeat(offset);
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
        repeat(zoom);
        repeat(offset);
        repeat(factor);
        repeat(shift);
        repeat(scale);
    }

    @Override
    public final void setGradient(Coefficients k, double[] slopes, double[] shifts) {
        for (int c = 0; c < channels; c++) {
            double ofD = slopes[c] * (k.unit[c] / zooms[c]);
            slope[c] = (double) ofD;
            gradShift[c] = (double) (shifts[c] + ofD * lost[c]);
        }
        repeat(slope);
        repeat(gradShift);
    }

    @Override
    public final void exact(double[] sums, double[] products) {
        for (int c = 0; c < channels; c++) {
            products[c] = (products[c] + lost[c] * sums[c]) / zooms[c];
        }
    }

    private void repeat(double[] table) {
        for (int done = channels; done < columns; done += channels) {
            System.arraycopy(table, 0, table, done, Math.min(channels, columns - done));
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
