// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;

/**
 * A quotient of two medians.
 *
 * @param title              as tables name it
 * @param above              whose time is divided
 * @param below              by whose time
 * @param lowerIsBetter      whether the largest value is the worst one
 */
record Ratio(String title, Implementation above, Implementation below, boolean lowerIsBetter) {
    static final List<Ratio> ALL = List.of(
            new Ratio("vector / libtorch", Implementation.VECTOR, Implementation.LIBTORCH, true),
            new Ratio("scalar / vector", Implementation.SCALAR, Implementation.VECTOR, false),
            new Ratio("nd4j / vector", Implementation.ND4J, Implementation.VECTOR, false),
            new Ratio("stock / vector", Implementation.STOCK, Implementation.VECTOR, false),
            new Ratio("vector / copy", Implementation.VECTOR, Implementation.COPY, true));

    /**
     * The ratio of one case.
     *
     * @param name  of the case
     * @param value the quotient
     */
    record Of(String name, double value) {
    }

    OptionalDouble of(Results results, Case c, Method method, String variant) {
        OptionalDouble dividend = time(results, c, above, method, variant);
        OptionalDouble divisor = time(results, c, below, method, variant);
        return dividend.isPresent() && divisor.isPresent()
                ? OptionalDouble.of(dividend.getAsDouble() / divisor.getAsDouble()) : OptionalDouble.empty();
    }

    /** There is no backward pass of a copy: it is one copy always. */
    static OptionalDouble time(Results results, Case c, Implementation implementation, Method method, String variant) {
        return results.median(c.name(), implementation,
                method.of(implementation == Implementation.COPY ? Task.FORWARD : variant));
    }

    List<Of> all(Results results, List<Case> cases, Method method, String variant) {
        return cases.stream().map(c -> {
            OptionalDouble ratio = of(results, c, method, variant);
            return ratio.isPresent() ? new Of(c.name(), ratio.getAsDouble()) : null;
        }).filter(Objects::nonNull).toList();
    }

    /** How many are above 1: cases lost, where a lower ratio is better. */
    static long above(List<Of> ratios) {
        return ratios.stream().filter(r -> r.value() > 1).count();
    }

    static double geometricMean(List<Of> ratios) {
        return Math.exp(ratios.stream().mapToDouble(r -> Math.log(r.value())).average().orElse(Double.NaN));
    }
}
