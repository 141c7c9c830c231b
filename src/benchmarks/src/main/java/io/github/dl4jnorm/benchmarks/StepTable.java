// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/** Milliseconds of training steps, and their ratios. */
final class StepTable {
    static final List<String> HEADER = List.of("batch", "norm", "ours, fast", "ours", "stock, fast", "stock", "libtorch",
            "ours, fast / libtorch", "stock / ours, fast", "stock, fast / ours, fast", "ours, fast / no norm, fast");

    private final Results results;

    StepTable(Results results) {
        this.results = results;
    }

    /** A row for each batch size and norm of a network that something was measured with. */
    List<List<String>> rows(Network network) {
        return Step.all().stream().filter(s -> s.network() == network).map(this::row)
                .filter(row -> !row.isEmpty()).toList();
    }

    private List<String> row(Step step) {
        OptionalDouble fast = ours(step, Step.FAST);
        OptionalDouble stock = stock(step, Step.SHIPPED);
        OptionalDouble stockFast = stock(step, Step.FAST);
        OptionalDouble libtorch = results.median(step.name(), Implementation.LIBTORCH, Step.EAGER);
        List<OptionalDouble> times = List.of(fast, ours(step, Step.SHIPPED), stockFast, stock, libtorch);
        if (times.stream().allMatch(OptionalDouble::isEmpty)) {
            return List.of();
        }
        boolean none = step.norm() == StepNorm.NONE;
        OptionalDouble bare = ours(new Step(step.network(), step.examples(), StepNorm.NONE), Step.FAST);
        List<OptionalDouble> ratios = List.of(ratio(fast, libtorch), ratio(stock, fast),
                none ? OptionalDouble.empty() : ratio(stockFast, fast), none ? OptionalDouble.empty() : ratio(fast, bare));
        List<String> cells = new ArrayList<>(List.of(String.valueOf(step.examples()), step.norm().toString()));
        Stream.of(times, ratios).flatMap(List::stream).map(Report::number).forEach(cells::add);
        return cells;
    }

    private OptionalDouble stock(Step step, String variant) {
        return results.median(step.name(), Implementation.STOCK, variant);
    }

    /** Without a norm, the network is Deeplearning4j's. */
    private OptionalDouble ours(Step step, String variant) {
        return step.norm() == StepNorm.NONE ? stock(step, variant)
                : Arrays.stream(Implementation.values()).filter(Implementation::isOurs)
                        .map(i -> results.median(step.name(), i, variant)).filter(OptionalDouble::isPresent).findFirst()
                        .orElse(OptionalDouble.empty());
    }

    private static OptionalDouble ratio(OptionalDouble above, OptionalDouble below) {
        return above.isPresent() && below.isPresent() ? OptionalDouble.of(above.getAsDouble() / below.getAsDouble())
                : OptionalDouble.empty();
    }
}
