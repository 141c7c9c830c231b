// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Which elements of a {@link View} count. What is masked out enters no statistic, is never read and is written as 0.
 *
 * <p>Kernels see a mask as runs of kept positions ({@link #runs(int, int)}), so that no inner loop tests a bit.
 */
public final class Mask {
    private final int examples;
    private final int channels;
    private final int positions;
    private final boolean[] keep;
    private final int[][] runs;
    private final Map<Object, Object> derived = new ConcurrentHashMap<>();

    /**
     * A mask over examples, channels and positions.
     *
     * @param examples  N
     * @param channels  C, or 1 if every channel has the same mask
     * @param positions S
     * @param keep      {@code [N, channels, S]}, true where the element counts
     * @throws IllegalArgumentException if the length of {@code keep} is not their product
     */
    public Mask(int examples, int channels, int positions, boolean[] keep) {
        if (keep.length != (long) examples * channels * positions) {
            throw new IllegalArgumentException("expected " + (long) examples * channels * positions
                    + " mask values, got " + keep.length);
        }
        this.examples = examples;
        this.channels = channels;
        this.positions = positions;
        this.keep = keep;
        this.runs = new int[examples * channels][];
        for (int row = 0; row < runs.length; row++) {
            runs[row] = runsOf(row * positions);
        }
    }

    /**
     * What is made of this mask, made once: several passes ask for the same.
     *
     * @param key  tells it from other things that are made of this mask
     * @param make makes it
     * @param <T>  its type
     * @return what was made at the first call
     */
    @SuppressWarnings("unchecked")
    public <T> T derived(Object key, Supplier<T> make) {
        return (T) derived.computeIfAbsent(key, k -> make.get());
    }

    /** {@return whether channels of one example differ in what is masked} */
    public boolean perChannel() {
        return channels > 1;
    }

    /**
     * The kept positions of one channel.
     *
     * @param n example
     * @param c channel
     * @return start (inclusive) and end (exclusive) of every run in turn
     */
    public int[] runs(int n, int c) {
        return runs[n * channels + (perChannel() ? c : 0)];
    }

    /**
     * Whether one element counts.
     *
     * @param n example
     * @param c channel
     * @param s position
     * @return true if it does
     */
    public boolean keeps(int n, int c, int s) {
        return keep[(n * channels + (perChannel() ? c : 0)) * positions + s];
    }

    /**
     * The mask of some of the examples.
     *
     * @param from first example
     * @param to   example after the last one
     * @return the mask
     */
    public Mask examples(int from, int to) {
        int size = channels * positions;
        return new Mask(to - from, channels, positions, Arrays.copyOfRange(keep, from * size, to * size));
    }

    /**
     * The mask of some of the channels.
     *
     * @param from first channel
     * @param to   channel after the last one
     * @return the mask
     */
    public Mask channels(int from, int to) {
        if (!perChannel()) {
            return this;
        }
        boolean[] some = new boolean[examples * (to - from) * positions];
        for (int n = 0; n < examples; n++) {
            System.arraycopy(keep, (n * channels + from) * positions, some, n * (to - from) * positions,
                    (to - from) * positions);
        }
        return new Mask(examples, to - from, positions, some);
    }

    /** {@return the mask for {@link View#batchAsPositions()}} */
    public Mask batchAsPositions() {
        boolean[] folded = new boolean[keep.length];
        for (int n = 0; n < examples; n++) {
            for (int c = 0; c < channels; c++) {
                System.arraycopy(keep, (n * channels + c) * positions, folded,
                        (c * examples + n) * positions, positions);
            }
        }
        return new Mask(1, channels, examples * positions, folded);
    }

    /**
     * The mask for {@link View#channelsAsPositions()} of input with one position for each channel.
     *
     * @param viewChannels C of the view
     * @return the mask
     * @throws IllegalStateException if there is more than one position
     */
    public Mask channelsAsPositions(int viewChannels) {
        if (positions != 1) {
            throw new IllegalStateException("expected dense input (S = 1), got S = " + positions);
        }
        boolean[] folded = new boolean[examples * viewChannels];
        for (int n = 0; n < examples; n++) {
            for (int c = 0; c < viewChannels; c++) {
                folded[n * viewChannels + c] = keeps(n, c, 0);
            }
        }
        return new Mask(examples, 1, viewChannels, folded);
    }

    /**
     * The mask for {@link View#elementsAsChannels()}.
     *
     * @param viewChannels C of the view
     * @param channelsLast whether the elements of one position stand side by side
     * @return the mask
     */
    public Mask elementsAsChannels(int viewChannels, boolean channelsLast) {
        boolean[] folded = new boolean[examples * viewChannels * positions];
        int i = 0;
        for (int n = 0; n < examples; n++) {
            for (int at = 0; at < viewChannels * positions; at++) {
                int c = channelsLast ? at % viewChannels : at / positions;
                folded[i++] = keeps(n, c, channelsLast ? at / viewChannels : at % positions);
            }
        }
        return new Mask(examples, viewChannels * positions, 1, folded);
    }

    private int[] runsOf(int start) {
        int[] found = new int[8];
        int count = 0;
        for (int s = 0; s < positions; s++) {
            boolean now = keep[start + s];
            boolean before = s > 0 && keep[start + s - 1];
            if (now != before) {
                if (count == found.length) {
                    found = Arrays.copyOf(found, 2 * count);
                }
                found[count++] = s;
            }
        }
        if (count % 2 == 1) {
            // There is room: the length is even.
            found[count++] = positions;
        }
        return Arrays.copyOf(found, count);
    }
}
