// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.util.Arrays;

/**
 * Statistics, parameters and sums of crossings in float. The table of what is the same all along a run holds it at its
 * start: {@code index & mask}.
 */
abstract class FloatCrossTables implements CrossOps {
    float[] zoom = {};
    /** −mean·zoom. */
    float[] offset = {};
    /** unit/zoom. */
    float[] factor = {};
    /** What the rounding of the offset lost, normalized. */
    float[] rest = {};
    float[] unit = {};
    float[] gradShift = {};
    float[] slope = {};
    float[] gamma = {};
    float[] beta = {};
    float[] sums = {};
    float[] products = {};
    /** −1 where positions lie along the run, else 0. */
    int positionMask;
    /** −1 where channels lie along the run, else 0. */
    int channelMask;

    @Override
    public final void prepare(boolean alongChannels, int size) {
        channelMask = alongChannels ? -1 : 0;
        positionMask = ~channelMask;
        if (size > sums.length) {
            zoom = new float[size];
            offset = new float[size];
            factor = new float[size];
            rest = new float[size];
            unit = new float[size];
            gradShift = new float[size];
            slope = new float[size];
            gamma = new float[size];
            beta = new float[size];
            sums = new float[size];
            products = new float[size];
        }
        Arrays.fill(sums, 0, size, 0);
        Arrays.fill(products, 0, size, 0);
    }

    @Override
    public final void statistics(int i, double mean, double newUnit) {
        double power = Double.BYTES == Float.BYTES ? 1 : Range.zoomOf(newUnit);
        double exact = mean * power;
        float rounded = (float) exact;
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

    private static void set(float[] table, int i, double value, int mask) {
        table[i & mask] = (float) value;
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
