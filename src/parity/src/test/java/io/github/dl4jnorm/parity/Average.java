// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import io.github.dl4jnorm.conf.RunningStatistics;
import java.util.Random;

/**
 * How running statistics take up batches: the library's policy, and what it means as a weight of the new value.
 *
 * @param kind     which kind of average
 * @param value    its number, if it has one
 * @param unbiased whether of unbiased variances
 */
record Average(Kind kind, double value, boolean unbiased) {

    /** What the library calls them. */
    enum Kind {
        MOMENTUM, DECAY, CUMULATIVE
    }

    static Average draw(Random random) {
        Kind kind = Kind.values()[random.nextInt(3)];
        return new Average(kind, 0.05 + 0.9 * random.nextDouble(), random.nextBoolean());
    }

    RunningStatistics policy() {
        RunningStatistics policy = switch (kind) {
            case MOMENTUM -> RunningStatistics.momentum(value);
            case DECAY -> RunningStatistics.decay(value);
            case CUMULATIVE -> RunningStatistics.cumulative();
        };
        return policy.unbiased(unbiased);
    }

    /** The weight of a batch; PyTorch's momentum, which its cumulative average changes with every batch. */
    double weight(int batchesBefore) {
        return switch (kind) {
            case MOMENTUM -> value;
            case DECAY -> 1 - value;
            case CUMULATIVE -> 1.0 / (batchesBefore + 1);
        };
    }
}
