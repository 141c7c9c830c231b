// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

/** Something to measure in one or several variants. */
interface Subject extends AutoCloseable {
    /**
     * Makes ready what a variant needs, outside of the measured time.
     *
     * @param variant index among the variants of its {@link Task}
     */
    default void prepare(int variant) {
    }

    /**
     * Does it once.
     *
     * @param variant index among the variants of its {@link Task}
     * @return anything that depends on the result
     */
    Object run(int variant);

    @Override
    default void close() {
    }
}
