// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("once")
class MaskTest {

    @Test
    void keepsReadsExampleChannelAndPosition() {
        boolean[] keep = new boolean[2 * 3 * 4];
        keep[(1 * 3 + 2) * 4 + 3] = true;
        Mask mask = new Mask(2, 3, 4, keep);
        assertThat(mask.perChannel()).isTrue();
        for (int n = 0; n < 2; n++) {
            for (int c = 0; c < 3; c++) {
                for (int s = 0; s < 4; s++) {
                    assertThat(mask.keeps(n, c, s)).as("[%d, %d, %d]", n, c, s).isEqualTo(n == 1 && c == 2 && s == 3);
                }
            }
        }
    }

    @Test
    void oneChannelOfTheMaskHoldsForAllOfTheView() {
        Mask mask = new Mask(2, 1, 3, new boolean[]{true, false, true, false, false, true});
        assertThat(mask.perChannel()).isFalse();
        for (int c = 0; c < 5; c++) {
            assertThat(mask.runs(0, c)).as("channel %d", c).containsExactly(0, 1, 2, 3);
            assertThat(mask.runs(1, c)).as("channel %d", c).containsExactly(2, 3);
            assertThat(mask.keeps(1, c, 1)).as("channel %d", c).isFalse();
            assertThat(mask.keeps(1, c, 2)).as("channel %d", c).isTrue();
        }
    }

    @Test
    void runsAreTheKeptPositionsAndAsLongAsPossible() {
        for (long seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            int n = 1 + random.nextInt(3);
            int c = 1 + random.nextInt(4);
            int s = 1 + random.nextInt(60);
            Mask mask = draw(n, c, s, random);
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < c; j++) {
                    int[] runs = mask.runs(i, j);
                    assertThat(runs.length % 2).as("seed %d: starts and ends", seed).isZero();
                    assertThat(runs).as("seed %d: apart and ascending", seed).isSorted().doesNotHaveDuplicates();
                    boolean[] covered = new boolean[s];
                    for (int k = 0; k < runs.length; k += 2) {
                        Arrays.fill(covered, runs[k], runs[k + 1], true);
                    }
                    for (int p = 0; p < s; p++) {
                        assertThat(covered[p]).as("seed %d, [%d, %d, %d]", seed, i, j, p).isEqualTo(mask.keeps(i, j, p));
                    }
                }
            }
        }
    }

    @Test
    void runsOfSpecialMasks() {
        assertThat(new Mask(1, 1, 4, new boolean[4]).runs(0, 0)).as("nothing kept").isEmpty();
        assertThat(new Mask(1, 1, 4, new boolean[]{true, true, true, true}).runs(0, 0)).containsExactly(0, 4);
        assertThat(new Mask(1, 1, 4, new boolean[]{true, true, false, false}).runs(0, 0)).containsExactly(0, 2);
        assertThat(new Mask(1, 1, 4, new boolean[]{false, false, true, true}).runs(0, 0)).containsExactly(2, 4);
        assertThat(new Mask(1, 1, 1, new boolean[]{true}).runs(0, 0)).containsExactly(0, 1);
    }

    @Test
    void everySecondPositionIsARunOfItsOwnAtAnyLength() {
        // Lengths at which the array of runs grows, with the last run open and closed.
        for (int s = 1; s < 70; s++) {
            boolean[] keep = new boolean[s];
            for (int p = 0; p < s; p += 2) {
                keep[p] = true;
            }
            int[] runs = new Mask(1, 1, s, keep).runs(0, 0);
            int[] expected = new int[(s + 1) / 2 * 2];
            for (int k = 0; k < expected.length; k++) {
                expected[k] = k;
            }
            assertThat(runs).as("%d positions", s).containsExactly(expected);
        }
    }

    @Test
    void aRunNeverPassesTheEndOfItsRow() {
        boolean[] keep = new boolean[2 * 2 * 3];
        Arrays.fill(keep, true);
        Mask mask = new Mask(2, 2, 3, keep);
        for (int n = 0; n < 2; n++) {
            for (int c = 0; c < 2; c++) {
                assertThat(mask.runs(n, c)).containsExactly(0, 3);
            }
        }
    }

    @Test
    void batchAsPositionsCountsTheExamplesAmongThePositions() {
        for (long seed = 0; seed < 100; seed++) {
            Random random = new Random(seed);
            int n = 1 + random.nextInt(5);
            int c = 1 + random.nextInt(4);
            int s = 1 + random.nextInt(7);
            Mask mask = draw(n, c, s, random);
            Mask folded = mask.batchAsPositions();
            assertThat(folded.perChannel()).as("seed %d", seed).isEqualTo(mask.perChannel());
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < c; j++) {
                    for (int p = 0; p < s; p++) {
                        assertThat(folded.keeps(0, j, i * s + p)).as("seed %d, [%d, %d, %d]", seed, i, j, p)
                                .isEqualTo(mask.keeps(i, j, p));
                    }
                }
            }
        }
    }

    @Test
    void batchAsPositionsJoinsRunsAcrossExamples() {
        Mask mask = new Mask(3, 1, 2, new boolean[]{false, true, true, true, true, false});
        assertThat(mask.batchAsPositions().runs(0, 0)).containsExactly(1, 5);
    }

    @Test
    void channelsAsPositionsCountsTheChannelsAmongThePositions() {
        for (long seed = 0; seed < 100; seed++) {
            Random random = new Random(seed);
            int n = 1 + random.nextInt(5);
            int c = 1 + random.nextInt(8);
            int channels = random.nextBoolean() ? c : 1;
            Mask mask = draw(n, channels, 1, random);
            Mask folded = mask.channelsAsPositions(c);
            assertThat(folded.perChannel()).as("seed %d", seed).isFalse();
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < c; j++) {
                    assertThat(folded.keeps(i, 0, j)).as("seed %d, [%d, %d]", seed, i, j)
                            .isEqualTo(mask.keeps(i, j, 0));
                }
            }
        }
    }

    @Test
    void channelsAsPositionsIsForDenseInputOnly() {
        Mask mask = new Mask(1, 1, 2, new boolean[2]);
        assertThatThrownBy(() -> mask.channelsAsPositions(3)).isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("S = 2");
    }

    @Test
    void elementsAsChannelsFollowTheMemory() {
        Random random = new Random(9);
        for (int channelsOfMask : new int[]{1, 3}) {
            Mask mask = draw(2, channelsOfMask, 4, random);
            for (boolean last : new boolean[]{false, true}) {
                Mask folded = mask.elementsAsChannels(3, last);
                assertThat(folded.runs(0, 0).length).isLessThanOrEqualTo(2);
                for (int i = 0; i < 2 * 3 * 4; i++) {
                    int n = i / 12;
                    int c = last ? i % 3 : i % 12 / 4;
                    int s = last ? i % 12 / 3 : i % 4;
                    assertThat(folded.keeps(n, i % 12, 0)).as("element %d, last %s", i, last).isEqualTo(mask.keeps(n, c, s));
                }
            }
        }
    }

    @Test
    void someExamplesKeepTheirMask() {
        Mask mask = draw(5, 3, 4, new Random(10));
        Mask some = mask.examples(2, 4);
        for (int i = 0; i < 2 * 3 * 4; i++) {
            int n = i / 12;
            int c = i % 12 / 4;
            assertThat(some.keeps(n, c, i % 4)).isEqualTo(mask.keeps(2 + n, c, i % 4));
            assertThat(some.runs(n, c)).isEqualTo(mask.runs(2 + n, c));
        }
    }

    @Test
    void aWrongLengthIsAnErrorThatNamesBoth() {
        for (int length : new int[]{0, 1, 23, 25, 48}) {
            assertThatThrownBy(() -> new Mask(2, 3, 4, new boolean[length])).isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("expected 24").hasMessageContaining("got " + length);
        }
    }

    @Test
    void aLengthThatMatchesOnlyAfterOverflowIsAnError() {
        assertThatThrownBy(() -> new Mask(1 << 16, 1 << 16, 1, new boolean[0])).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected 4294967296");
    }

    private static Mask draw(int n, int c, int s, Random random) {
        boolean[] keep = new boolean[n * c * s];
        double share = random.nextDouble();
        for (int i = 0; i < keep.length; i++) {
            keep[i] = random.nextDouble() < share;
        }
        return new Mask(n, c, s, keep);
    }
}
