// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Cases of any norm, layout and shape between [1, 8, 4, 4] and [64, 512, 56, 56]. */
final class Drawn {
    private static final int MOST_EXAMPLES = 64;
    private static final int FEWEST_CHANNELS = 8;
    private static final int MOST_CHANNELS = 512;
    private static final int SMALLEST = 4;
    private static final int LARGEST = 56;
    /** libtorch and a layer need several arrays of that size: 128 MB each. */
    private static final int MOST_ELEMENTS = 1 << 25;
    private static final int GROUPS = 32;

    private Drawn() {
    }

    /** The same cases for the same seed. */
    static List<Case> cases(int count, long seed) {
        Random random = new Random(seed);
        List<Norm> norms = Suite.all().stream().filter(c -> c.layout() == Layout.NHWC).map(Case::norm).distinct().toList();
        List<Case> cases = new ArrayList<>();
        while (cases.size() < count) {
            Norm norm = norms.get(random.nextInt(norms.size()));
            Layout layout = random.nextBoolean() ? Layout.NCHW : Layout.NHWC;
            int examples = between(1, MOST_EXAMPLES, random);
            int channels = channels(random);
            int size = between(SMALLEST, LARGEST, random);
            if ((long) examples * channels * size * size <= MOST_ELEMENTS) {
                cases.add(new Case(norm, layout, examples, channels, size, size));
            }
        }
        return cases;
    }

    /** As many of each order of magnitude. */
    private static int between(int least, int most, Random random) {
        return (int) Math.round(least * Math.pow((double) most / least, random.nextDouble()));
    }

    /** A multiple of the groups. */
    private static int channels(Random random) {
        int any = between(FEWEST_CHANNELS, MOST_CHANNELS, random);
        int multiple = any >= 2 * GROUPS ? GROUPS : 2;
        return any / multiple * multiple;
    }
}
