// SPDX-License-Identifier: Apache-2.0
// Derived from FloatCrossTables.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

import java.util.Arrays;

/**
 * Statistics, parameters and sums of crossings in double. The table of what is the same all along a run holds it at its
 * start: {@code index & mask}.
 */
abstract class DoubleCrossTables implements CrossOps {
    double[] zoom = {};
    /** −mean·zoom. */
    double[] offset = {};
    /** unit/zoom. */
    double[] factor = {};
    /** What the rounding of the offset lost, normalized. */
    double[] rest = {};
    double[] unit = {};
    double[] gradShift = {};
    double[] slope = {};
    double[] gamma = {};
    double[] beta = {};
    double[] sums = {};
    double[] products = {};
    /** −1 where positions lie along the run, else 0. */
    int positionMask;
    /** −1 where channels lie along the run, else 0. */
    int channelMask;

    @Override
    public final void prepare(boolean alongChannels, int size) {
        channelMask = alongChannels ? -1 : 0;
        positionMask = ~channelMask;
        if (size > sums.length) {
            zoom = new double[size];
            offset = new double[size];
            factor = new double[size];
            rest = new double[size];
            unit = new double[size];
            gradShift = new double[size];
            slope = new double[size];
            gamma = new double[size];
            beta = new double[size];
            sums = new double[size];
            products = new double[size];
        }
        Arrays.fill(sums, 0, size, 0);
        Arrays.fill(products, 0, size, 0);
    }

    @Override
    public final void statistics(int i, double mean, double newUnit) {
        double power = Double.BYTES == Double.BYTES ? 1 : Range.zoomOf(newUnit);
        double exact = mean * power;
        double rounded = (double) exact;
        double normalizing = newUnit / power;
        set(zoom, i, power, positionMask);
        set(offset, i, -rounded, positionMask);
        set(factor, i, normalizing, positionMask);
        set(rest, i, (rounded - exact) * normalizing, positionMask);
        set(unit, i, newUnit, positionMask);
    }

    @Override
    public final void parameters(int i, double newGamma, double newBeta) {
        set(gamma, i, newGamma, channelMask);
        set(beta, i, newBeta, channelMask);
    }

    @Override
    public final void gradient(int i, double newShift, double newSlope) {
        set(gradShift, i, newShift, positionMask);
        set(slope, i, newSlope, positionMask);
    }

    private static void set(double[] table, int i, double value, int mask) {
        table[i & mask] = (double) value;
    }

    @Override
    public final void drain(int size, double[] intoSums, double[] intoProducts) {
        for (int i = 0; i < size; i++) {
            intoSums[i] += sums[i];
            intoProducts[i] += products[i];
        }
        Arrays.fill(sums, 0, size, 0);
        Arrays.fill(products, 0, size, 0);
    }
}
