// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.util.Arrays;
import java.util.function.LongToDoubleFunction;
import java.util.stream.IntStream;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Repeats what an experiment measures with several seeds. */
final class Runs {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(names = "--runs", description = "Number of runs, each with another seed (default: ${DEFAULT-VALUE}).")
    private int count;

    /** So many runs by default. */
    Runs(int count) {
        this.count = count;
    }

    int count() {
        if (count < 1) {
            throw new ParameterException(spec.commandLine(), "--runs must be at least 1, not " + count);
        }
        return count;
    }

    /** What the numbers of a table are. */
    String meaning() {
        return count() == 1 ? "1 run" : "means of " + count() + " runs, standard deviations";
    }

    /** The seed of a run, counted from 0. */
    static long seed(long first, int run) {
        return first + 2L * run;
    }

    /** Measures with the seed of each run. */
    double[] of(long first, LongToDoubleFunction measured) {
        return IntStream.range(0, count()).mapToDouble(run -> measured.applyAsDouble(seed(first, run))).toArray();
    }

    static double mean(double[] values) {
        return Arrays.stream(values).average().orElseThrow();
    }

    /** Mean and standard deviation, such as "97.5 (0.3)"; of one run, the mean. */
    static String text(String format, double[] values) {
        double mean = mean(values);
        double squares = Arrays.stream(values).map(value -> (value - mean) * (value - mean)).sum();
        return String.format(format, mean)
                + (values.length == 1 ? "" : String.format(" (" + format + ")", Math.sqrt(squares / (values.length - 1))));
    }
}
