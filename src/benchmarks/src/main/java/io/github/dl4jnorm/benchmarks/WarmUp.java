// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/**
 * Tells how long forward and backward passes of a case take until they are nearly as fast as in the end, each case in a JVM of
 * its own.
 */
public final class WarmUp {
    private static final long LENGTH = TimeUnit.SECONDS.toNanos(14);
    private static final long WINDOW = TimeUnit.MILLISECONDS.toNanos(100);
    /** Windows at the end that tell how fast it gets. */
    private static final int LAST = 30;
    private static final double NEARLY = 1.1;
    private static final double NANOS_OF_MS = 1e6;
    private static final double NANOS_OF_S = 1e9;

    private WarmUp() {
    }

    /**
     * Measures and prints a table.
     *
     * @param args part of the names of the cases, and which kernels (default: all cases, vector)
     */
    public static void main(String[] args) throws IOException, InterruptedException {
        Pattern cases = Pattern.compile(args.length > 0 ? args[0] : "");
        Implementation kernels = Implementation.valueOf((args.length > 1 ? args[1] : "vector").toUpperCase());
        if (args.length > 2) {
            System.out.println(line(Case.parse(args[2]), kernels));
            System.exit(0);
        }
        System.out.printf("%-32s %12s %12s %14s %18s%n", "case", "first, ms", "final, ms", "to 1.1×, s", "passes until then");
        for (Case c : Suite.all()) {
            if (cases.matcher(c.name()).find()) {
                fork(c, kernels);
            }
        }
    }

    private static void fork(Case c, Implementation kernels) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(kernels.jvmArgs());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), WarmUp.class.getName(), "", kernels.name(),
                c.name()));
        int exit = new ProcessBuilder(command).inheritIO().redirectError(ProcessBuilder.Redirect.DISCARD).start().waitFor();
        if (exit != 0) {
            System.out.printf("%-32s failed with exit code %d%n", c.name(), exit);
        }
    }

    private static String line(Case c, Implementation kernels) {
        try (Subject subject = Task.of(c, kernels).open()) {
            List<Double> medians = new ArrayList<>();
            List<Integer> passes = new ArrayList<>();
            int count = 0;
            double first = 0;
            long start = System.nanoTime();
            for (long end = start; end - start < LENGTH;) {
                List<Double> window = new ArrayList<>();
                long begin = end;
                while (end - begin < WINDOW) {
                    long before = System.nanoTime();
                    subject.run(1);
                    end = System.nanoTime();
                    window.add((end - before) / NANOS_OF_MS);
                    first = count++ == 0 ? window.get(0) : first;
                }
                medians.add(Results.median(window));
                passes.add(count);
            }
            double last = Results.median(medians.subList(medians.size() - Math.min(LAST, medians.size()), medians.size()));
            int warm = warm(medians, NEARLY * last);
            return String.format("%-32s %12s %12s %14.1f %18d", c.name(), Report.number(first), Report.number(last),
                    warm * (LENGTH / (double) medians.size()) / NANOS_OF_S, warm == 0 ? 0 : passes.get(warm - 1));
        }
    }

    /** How many windows there are before two in a row are fast enough: one alone may be chance. */
    private static int warm(List<Double> medians, double enough) {
        int i = 0;
        while (i + 1 < medians.size() && (medians.get(i) > enough || medians.get(i + 1) > enough)) {
            i++;
        }
        return i;
    }
}
