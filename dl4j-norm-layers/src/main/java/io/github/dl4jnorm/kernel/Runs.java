// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Mask;

/** Splits input into runs of kept and of masked elements, so that no kernel has to test a mask inside a loop. */
final class Runs {
    private Runs() {
    }

    /** Receives a stretch of positions. */
    @FunctionalInterface
    interface Stretch {
        void accept(int start, int length, boolean kept);
    }

    /** Receives one run. */
    @FunctionalInterface
    interface Run {
        /**
         * @param n      example
         * @param c      channel, the first one of a run along channels
         * @param s      position, the first one of a run along positions
         * @param length number of elements
         * @param kept   whether they count, all or none
         */
        void accept(int n, int c, int s, int length, boolean kept);
    }

    /** Runs of positions of one channel of one example. */
    static void alongPositions(Operands operands, Mask mask, int n, int c, int s0, int s1, Run run) {
        if (mask == null) {
            run.accept(n, c, s0, s1 - s0, true);
            return;
        }
        int base = operands.maskStart(n);
        forEach(mask.runs(operands.row(n), c), base, s0, s1, (start, length, kept) ->
                run.accept(n, c, start, length, kept));
    }

    /** Stretches of positions that are kept or masked in every channel; for masks that are the same for all. */
    static void ofAllChannels(Operands operands, Mask mask, int n, int s0, int s1, Stretch stretch) {
        forEach(mask.runs(operands.row(n), 0), operands.maskStart(n), s0, s1, stretch);
    }

    private static void forEach(int[] kept, int base, int s0, int s1, Stretch stretch) {
        int done = s0;
        for (int i = 0; i < kept.length && kept[i] - base < s1; i += 2) {
            int start = Math.max(kept[i] - base, s0);
            int end = Math.min(kept[i + 1] - base, s1);
            if (start < end) {
                if (done < start) {
                    stretch.accept(done, start - done, false);
                }
                stretch.accept(start, end - start, true);
                done = end;
            }
        }
        if (done < s1) {
            stretch.accept(done, s1 - done, false);
        }
    }

    /** Runs of channels at one position of one example. */
    static void alongChannels(Operands operands, Mask mask, int n, int s, int c0, int c1, Run run) {
        int position = operands.maskStart(n) + s;
        int row = operands.row(n);
        int start = c0;
        while (start < c1) {
            boolean kept = mask == null || mask.keeps(row, start, position);
            int end = c1;
            if (mask != null && mask.perChannel()) {
                end = start + 1;
                while (end < c1 && mask.keeps(row, end, position) == kept) {
                    end++;
                }
            }
            run.accept(n, start, s, end - start, kept);
            start = end;
        }
    }
}
