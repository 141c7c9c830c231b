// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Blocks.Block;
import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.Mask;

/**
 * Goes through a part of an example run by run, or several runs alike at once, so that no loop has to test a mask:
 *
 * <pre>
 *   for (runs.start(n, block); runs.next();) {
 *       // count runs of length elements, the first at channel c and position s, are all kept, or all masked
 *   }
 * </pre>
 *
 * <p>Along positions, the runs that follow are those of the next channels. Along channels, they are those of the next positions,
 * or of the next few that are taken as one run.
 */
final class Runs {
    /** The first channel. */
    int c;
    /** The first position. */
    int s;
    /** How many runs follow each other. */
    int count;
    /** Elements of each. */
    int length;
    /** Whether they count, all or none. */
    boolean kept;

    private final Operands operands;
    private final Mask mask;
    private final int joined;
    private int n;
    private int c0;
    private int c1;
    private int s0;
    private int s1;
    private int nextC;
    private int nextS;
    /** Index of the next of the ranges of kept positions. */
    private int range;

    /**
     * Runs of the arrays of a pass.
     *
     * @param operands the arrays
     * @param mask     what counts, or null
     * @param joined   how many positions make a run along channels
     */
    Runs(Operands operands, Mask mask, int joined) {
        this.operands = operands;
        this.mask = mask;
        this.joined = joined;
    }

    void start(int example, Block block) {
        start(example, block.c0(), block.c1(), block.s0(), block.s1());
    }

    /** Begins before the first run of some channels and positions of an example. */
    void start(int example, int fromC, int toC, int fromS, int toS) {
        n = example;
        c0 = fromC;
        c1 = toC;
        s0 = fromS;
        s1 = toS;
        restart();
    }

    /** Begins again. */
    void restart() {
        nextC = c0;
        nextS = s0;
        range = 0;
    }

    /** Goes to the next run; false if there is none. */
    boolean next() {
        return nextC < c1 && nextS < s1 && advance();
    }

    private boolean advance() {
        c = nextC;
        s = nextS;
        if (mask == null) {
            kept = true;
            all();
        } else if (operands.alongPositions) {
            count = 1;
            length = positions(c);
            if (nextS == s1) {
                nextC++;
                nextS = s0;
                range = 0;
            }
        } else if (mask.perChannel() || s1 - s0 == 1) {
            count = 1;
            channels();
        } else {
            count = positions(0);
            length = c1 - c0;
        }
        return true;
    }

    /** Where the first run is in the memory of an array. */
    int at(Window window) {
        return window.at(n, c, s);
    }

    /** Where the run of another channel is: one of those alike. */
    int at(Window window, int channel) {
        return window.at(n, channel, s);
    }

    /** Where the first run begins among all elements of a run without a mask. */
    int column() {
        return operands.alongPositions ? s - s0 : c;
    }

    private void all() {
        if (operands.alongPositions) {
            count = c1 - c0;
            length = s1 - s0;
            nextC = c1;
            return;
        }
        int left = s1 - s;
        // A division takes as long as some vectors.
        count = joined == 1 ? left : Math.max(1, left / joined);
        int together = Math.min(left, joined);
        length = together * (c1 - c0);
        nextS = s + count * together;
    }

    /** Goes over positions of a channel that are all kept or all masked, and says how many. */
    private int positions(int channel) {
        int[] ranges = mask.runs(operands.row(n), channel);
        int base = operands.maskStart(n);
        while (range < ranges.length && ranges[range + 1] - base <= s) {
            range += 2;
        }
        int start = range < ranges.length ? ranges[range] - base : s1;
        kept = start <= s;
        nextS = Math.min(s1, kept ? ranges[range + 1] - base : start);
        return nextS - s;
    }

    /** Goes over channels of a position that are all kept or all masked. */
    private void channels() {
        int position = operands.maskStart(n) + s;
        int row = operands.row(n);
        kept = mask.keeps(row, c, position);
        nextC = mask.perChannel() ? c + 1 : c1;
        while (nextC < c1 && mask.keeps(row, nextC, position) == kept) {
            nextC++;
        }
        length = nextC - c;
        if (nextC == c1) {
            nextC = c0;
            nextS++;
        }
    }
}
