// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.View;

/**
 * A grid of blocks over a view, and the tasks that threads share: each has some blocks that follow each other.
 *
 * <p>The split depends on the shape alone, so sums come out the same bit for bit on any number of threads.
 */
final class Blocks {
    /** Elements worth a task of their own; below that handing over costs more than it gains. */
    static final int TASK = 1 << 15;

    /** Examples of a block; the last one of each axis may have fewer. */
    final int examples;
    /** Channels of a block. */
    final int channels;
    /** Positions of a block. */
    final int positions;
    /** Blocks of the examples of a channel at one position. */
    final int exampleBlocks;
    /** Blocks of the positions of a channel. */
    final int positionBlocks;
    /** Number of blocks. */
    final int count;
    /** How many tasks. */
    final int tasks;

    private final View view;
    private final int channelBlocks;

    /**
     * Splits a view.
     *
     * @param view      what is split
     * @param examples  examples of a block; the last one of each axis may have fewer
     * @param channels  channels of a block
     * @param positions positions of a block
     * @param tasks     how many tasks
     */
    Blocks(View view, int examples, int channels, int positions, int tasks) {
        this.view = view;
        this.examples = examples;
        this.channels = channels;
        this.positions = positions;
        this.tasks = tasks;
        // Once: a block may be a row of 64 numbers, and a division takes as long as some vectors.
        exampleBlocks = divideUp(view.examples(), examples);
        channelBlocks = divideUp(view.channels(), channels);
        positionBlocks = divideUp(view.positions(), positions);
        count = Math.multiplyExact(Math.multiplyExact(exampleBlocks, channelBlocks), positionBlocks);
    }

    /**
     * Splits a view.
     *
     * @param perTask blocks of a task; a view that is not worth several tasks is one
     */
    static Blocks of(View view, int examples, int channels, int positions, int perTask) {
        int blocks = new Blocks(view, examples, channels, positions, 1).count;
        return new Blocks(view, examples, channels, positions, view.length() <= TASK ? 1 : divideUp(blocks, perTask));
    }

    /** A block: ranges of examples, channels and positions, ends exclusive. */
    record Block(int n0, int n1, int c0, int c1, int s0, int s1) {
    }

    private static int divideUp(int size, int by) {
        return (size - 1) / by + 1;
    }

    /** The first block of a task; that of the task after the last one is the number of blocks. */
    int first(int task) {
        return (int) ((long) task * count / tasks);
    }

    /** The block of a number. */
    Block get(int i) {
        int n = i / positionBlocks / channelBlocks * examples;
        int c = i / positionBlocks % channelBlocks * channels;
        int s = i % positionBlocks * positions;
        return new Block(n, Math.min(view.examples(), n + examples), c, Math.min(view.channels(), c + channels),
                s, (int) Math.min(view.positions(), (long) s + positions));
    }
}
