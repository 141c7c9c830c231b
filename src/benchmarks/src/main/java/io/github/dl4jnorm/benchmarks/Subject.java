// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

/** Something to measure in one or several variants. */
interface Subject extends AutoCloseable {
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
