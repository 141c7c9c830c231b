// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

/**
 * Which cells (n, c) share statistics: those of a channel over all examples, or those of a group of channels of one
 * example.
 *
 * @param groups number of groups the channels of an example are split into; 0 pools over the examples instead
 */
public record Pooling(int groups) {
    /** Batch normalization: a channel over all examples. */
    public static final Pooling BATCH = new Pooling(0);
    /** Layer normalization: all channels of an example. */
    public static final Pooling LAYER = new Pooling(1);

    /**
     * Group normalization: C/groups neighbouring channels of an example.
     *
     * @param groups number of groups, at least 1
     * @return the pooling
     */
    public static Pooling group(int groups) {
        return new Pooling(groups);
    }

    /**
     * Instance normalization: every channel of every example alone.
     *
     * @param channels C
     * @return the pooling
     */
    public static Pooling instance(int channels) {
        return new Pooling(channels);
    }

    /** {@return whether a statistic spans the examples} */
    public boolean overBatch() {
        return groups == 0;
    }

    /**
     * Neighbouring channels that share statistics; 1 for pools over the batch. At least 1 whatever there is: HotSpot's C2 moves a
     * division out of a loop and past the condition that guards it (JDK-8331717), which with a divisor of 0 ends the JVM with a
     * SIGFPE.
     */
    int groupSize(int channels) {
        return Math.max(1, channels / Math.max(1, groupsOf(channels)));
    }

    /**
     * How many groups the channels of one example, or of all together, fall into.
     *
     * @param channels C
     * @return number of groups of neighbouring channels
     */
    public int groupsOf(int channels) {
        return groups == 0 ? channels : groups;
    }

    /**
     * How many pools there are.
     *
     * @param examples N
     * @param channels C
     * @return number of pools
     */
    public int size(int examples, int channels) {
        return groups == 0 ? channels : examples * groups;
    }
}
