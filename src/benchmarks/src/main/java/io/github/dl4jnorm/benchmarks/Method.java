// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.Arrays;
import java.util.List;

/** How many cases a JVM measures. */
enum Method {
    PER_CASE("", "a JVM per case"),
    TOGETHER(", one JVM", "one JVM for all cases");

    private final String suffix;
    private final String title;

    Method(String suffix, String title) {
        this.suffix = suffix;
        this.title = title;
    }

    /** Those that cases were measured with; the first one is the one to show where there is room for one. */
    static List<Method> in(Results results) {
        return Arrays.stream(values()).filter(method -> results.has(method.of(Task.FORWARD))).toList();
    }

    /** Under which name the times of a variant are kept. */
    String of(String variant) {
        return variant.endsWith(Task.OTHER_WAY)
                ? variant.substring(0, variant.length() - Task.OTHER_WAY.length()) + suffix + Task.OTHER_WAY : variant + suffix;
    }

    @Override
    public String toString() {
        return title;
    }
}
