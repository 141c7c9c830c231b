// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import java.util.Arrays;

/**
 * An activation array seen as {@code [N, C, S]}: N examples, C channels, S positions (1 for dense input, T for
 * sequences, H·W or D·H·W for images), whatever its rank and layout.
 *
 * <p>Axis 0 holds the examples; {@link #channelAxis()} is 1 or the last one. {@link #batchAsPositions()} and
 * {@link #channelsAsPositions()} count the examples or the channels among the positions: with them the statistics of
 * dense input need no table of the size of the input.
 */
public final class View {
    private final long[] shape;
    private final int channelAxis;
    private final boolean batchFolded;
    private final boolean channelsFolded;
    private final int examples;
    private final int channels;
    private final int positions;

    private View(long[] shape, int channelAxis, boolean batchFolded, boolean channelsFolded) {
        this.shape = shape;
        this.channelAxis = channelAxis;
        this.batchFolded = batchFolded;
        this.channelsFolded = channelsFolded;
        this.examples = batchFolded ? 1 : Math.toIntExact(shape[0]);
        this.channels = channelsFolded ? 1 : Math.toIntExact(shape[channelAxis]);
        long s = 1;
        for (int axis : positionAxes()) {
            s = Math.multiplyExact(s, shape[axis]);
        }
        this.positions = Math.toIntExact(s);
    }

    /**
     * The view of an array.
     *
     * @param shape        shape of rank 2 or more, no dimension 0
     * @param channelsLast whether the channels are the last axis instead of axis 1
     * @return the view
     * @throws IllegalArgumentException if the rank is below 2 or a dimension is below 1
     * @throws ArithmeticException      if N, C or S exceeds 2³¹ − 1
     */
    public static View of(long[] shape, boolean channelsLast) {
        if (shape.length < 2 || Arrays.stream(shape).anyMatch(d -> d < 1)) {
            throw new IllegalArgumentException("expected rank >= 2 and no empty dimension, got " + Arrays.toString(shape));
        }
        return new View(shape.clone(), channelsLast ? shape.length - 1 : 1, false, false);
    }

    /** {@return the same array as one example with N·S positions} */
    public View batchAsPositions() {
        return new View(shape, channelAxis, true, channelsFolded);
    }

    /** {@return the same array with its examples apart again} */
    public View examplesApart() {
        return new View(shape, channelAxis, false, channelsFolded);
    }

    /** {@return the same array, if it is contiguous, as dense input with C·S channels; its shape is another one} */
    public View elementsAsChannels() {
        return of(new long[]{examples, (long) channels * positions}, false);
    }

    /** {@return the same array as one channel with C·S positions} */
    public View channelsAsPositions() {
        return new View(shape, channelAxis, batchFolded, true);
    }

    /** {@return N} */
    public int examples() {
        return examples;
    }

    /** {@return C} */
    public int channels() {
        return channels;
    }

    /** {@return S} */
    public int positions() {
        return positions;
    }

    /** {@return N·C·S} */
    public long length() {
        return (long) examples * channels * positions;
    }

    /** {@return the shape of the array itself} */
    public long[] shape() {
        return shape.clone();
    }

    /** {@return the axis of the array that holds the channels, also where they count as positions} */
    public int channelAxis() {
        return channelAxis;
    }

    /** {@return whether the examples count as positions} */
    public boolean batchFolded() {
        return batchFolded;
    }

    /** {@return whether the channels count as positions} */
    public boolean channelsFolded() {
        return channelsFolded;
    }

    /** {@return the axes that make up S, outermost first} */
    public int[] positionAxes() {
        int[] axes = new int[shape.length];
        int count = 0;
        for (int axis = 0; axis < shape.length; axis++) {
            boolean position = axis == 0 ? batchFolded : axis != channelAxis || channelsFolded;
            if (position) {
                axes[count++] = axis;
            }
        }
        return Arrays.copyOf(axes, count);
    }

    @Override
    public String toString() {
        return "[N=" + examples + ", C=" + channels + ", S=" + positions + "] of " + Arrays.toString(shape);
    }
}
