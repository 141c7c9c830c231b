// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

/** How much to measure. */
enum Extent {
    /** In less than twenty minutes: all cases in one JVM for each implementation, and the training steps of one network. */
    SHORT,
    /** Each case in a JVM of its own, and all training steps. */
    PER_CASE,
    FULL;

    private static final int EXAMPLES = 32;

    boolean together() {
        return this != PER_CASE;
    }

    boolean perCase() {
        return this != SHORT;
    }

    boolean takes(Step step) {
        return this != SHORT || step.network() == Network.CNN && step.examples() == EXAMPLES;
    }

    /** Steps with stock convolutions take seconds. */
    boolean takes(Task step) {
        return this != SHORT || !step.variants().contains(Step.SHIPPED);
    }
}
