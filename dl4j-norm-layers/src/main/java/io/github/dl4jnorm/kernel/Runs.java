// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Strided.Block;
import io.github.dl4jnorm.norm.Mask;
import java.util.function.IntConsumer;

/** Splits a block into runs of kept and of masked elements, so that no kernel has to test a mask inside a loop. */
final class Runs {
    private Runs() {
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

    /** Every run of a block; before those of an example, that example is announced. */
    static void forEach(Block block, Mask mask, boolean alongPositions, IntConsumer example, Run run) {
        for (int n = block.n0(); n < block.n1(); n++) {
            example.accept(n);
            if (alongPositions) {
                alongPositions(new Block(n, n + 1, block.c0(), block.c1(), block.s0(), block.s1()), mask, run);
            } else {
                alongChannels(block, n, mask, run);
            }
        }
    }

    /** Runs of positions, channel by channel. */
    static void alongPositions(Block block, Mask mask, Run run) {
        for (int n = block.n0(); n < block.n1(); n++) {
            for (int c = block.c0(); c < block.c1(); c++) {
                if (mask == null) {
                    run.accept(n, c, block.s0(), block.s1() - block.s0(), true);
                } else {
                    alongPositions(n, c, block, mask.runs(n, c), run);
                }
            }
        }
    }

    private static void alongPositions(int n, int c, Block block, int[] kept, Run run) {
        int done = block.s0();
        for (int i = 0; i < kept.length && kept[i] < block.s1(); i += 2) {
            int start = Math.max(kept[i], block.s0());
            int end = Math.min(kept[i + 1], block.s1());
            if (start < end) {
                if (done < start) {
                    run.accept(n, c, done, start - done, false);
                }
                run.accept(n, c, start, end - start, true);
                done = end;
            }
        }
        if (done < block.s1()) {
            run.accept(n, c, done, block.s1() - done, false);
        }
    }

    /** Runs of channels of one example, position by position. */
    static void alongChannels(Block block, int n, Mask mask, Run run) {
        for (int s = block.s0(); s < block.s1(); s++) {
            int start = block.c0();
            while (start < block.c1()) {
                boolean kept = mask == null || mask.keeps(n, start, s);
                int end = block.c1();
                if (mask != null && mask.perChannel()) {
                    end = start + 1;
                    while (end < block.c1() && mask.keeps(n, end, s) == kept) {
                        end++;
                    }
                }
                run.accept(n, start, s, end - start, kept);
                start = end;
            }
        }
    }
}
