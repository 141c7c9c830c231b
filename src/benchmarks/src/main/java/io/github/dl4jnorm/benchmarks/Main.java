// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import io.github.dl4jnorm.model.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Compares the layers with libtorch, Deeplearning4j's own layers and a copy, and writes a report. */
@Command(name = "benchmarks", mixinStandardHelpOptions = true, sortOptions = false, usageHelpAutoWidth = true,
        description = "Compares the layers with libtorch, Deeplearning4j's own layers and a copy of the same bytes.")
public final class Main implements Callable<Integer> {
    private static final int QUICK = 100;

    @Spec
    private CommandSpec spec;

    @Option(names = "--cases", paramLabel = "REGEX", defaultValue = "", description = "Run only cases whose name contains "
            + "a match of REGEX, such as batch-nchw-32x64x56x56, overhead or step-cnn (--list prints all).")
    private Pattern cases;

    @Option(names = "--implementations", split = ",", paramLabel = "NAME", description = "Comma-separated "
            + "implementations: ${COMPLETION-CANDIDATES} (default: all of them with --full, else all but scalar and nd4j).")
    private Set<Implementation> implementations;

    @Option(names = "--jvm-per-case", description = "Measure each case and implementation in a separate JVM, and all training "
            + "steps (default: one JVM per implementation measures all cases in mixed order).")
    private boolean perCase;

    @Option(names = "--full", description = "Measure everything in both ways; takes over two hours.")
    private boolean full;

    @Option(names = "--rounds", defaultValue = "1", description = "Number of alternating measurements of copy, vector and "
            + "libtorch per case; others are measured once (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(names = "--warmup", defaultValue = "800", paramLabel = "MS", description = "Warm-up time "
            + "in milliseconds (default: ${DEFAULT-VALUE}).")
    private int warmup;

    @Option(names = "--time", defaultValue = "300", paramLabel = "MS", description = "Time per "
            + "iteration in milliseconds (default: ${DEFAULT-VALUE}).")
    private int time;

    @Option(names = "--quick", description = "Smoke test: one round of tenths of a second; the timings are not meaningful.")
    private boolean quick;

    @Option(names = "--out", defaultValue = "target/benchmarks", paramLabel = "DIR", description = "Directory for "
            + "results.json, benchmarks.md and benchmarks.svg (default: ${DEFAULT-VALUE}).")
    private Path out;

    @Option(names = "--add", description = "Add rounds, cases or implementations to the results.json in DIR, which must be from "
            + "the same machine.")
    private boolean add;

    @Option(names = "--report-from", paramLabel = "FILE", description = "Write the report of an existing "
            + "results.json without measuring.")
    private Path reportFrom;

    @Option(names = "--list", description = "List the cases without measuring.")
    private boolean list;

    /**
     * Runs the program. The exit code is 0 on success, 2 for invalid options and 1 if something could not be measured.
     *
     * @param args options, see {@code --help}
     */
    public static void main(String[] args) {
        System.setProperty("java.awt.headless", "true");
        System.exit(new CommandLine(new Main()).setCaseInsensitiveEnumValuesAllowed(true).execute(args));
    }

    @Override
    public Integer call() throws IOException {
        if (implementations == null) {
            implementations = full ? EnumSet.allOf(Implementation.class)
                    : EnumSet.complementOf(EnumSet.of(Implementation.SCALAR, Implementation.ND4J));
        }
        Extent extent = full ? Extent.FULL : perCase ? Extent.PER_CASE : Extent.SHORT;
        List<List<Task>> all = Suite.tasks(cases, EnumSet.copyOf(implementations), extent);
        if (all.isEmpty() && reportFrom == null) {
            throw new CommandLine.ParameterException(spec.commandLine(), nothingToMeasure());
        }
        if (list) {
            all.stream().flatMap(tasks -> Suite.names(tasks).stream()).distinct().forEach(System.out::println);
            return CommandLine.ExitCode.OK;
        }
        Files.createDirectories(out);
        if (reportFrom != null) {
            report(Results.read(reportFrom));
            return CommandLine.ExitCode.OK;
        }
        if (quick) {
            rounds = 1;
            warmup = QUICK;
            time = QUICK;
        }
        return measure(all);
    }

    private String nothingToMeasure() {
        String names = String.join(", ", Suite.names(EnumSet.copyOf(implementations)));
        return "--cases " + cases + ": expected a match in the case names of " + implementations + ", which has "
                + (names.isEmpty() ? "none" : names);
    }

    private int measure(List<List<Task>> all) throws IOException {
        Results results = new Results(Machine.here(), settings(), new ArrayList<>());
        Path earlier = out.resolve("results.json");
        if (add && Files.exists(earlier)) {
            results = continued(Results.read(earlier), results);
        }
        List<Path> failed = new ArrayList<>();
        long start = System.nanoTime();
        for (int i = 0; i < all.size(); i++) {
            List<Task> tasks = all.get(i);
            failed.addAll(measure(tasks, results));
            // Written after every case: nothing is lost where a long run is broken off.
            results.write(earlier);
            Duration left = Duration.ofNanos((System.nanoTime() - start) / (i + 1) * (all.size() - i - 1));
            System.out.printf("%2d/%d, %d min left  %-30s %s%n", i + 1, all.size(), left.toMinutes(),
                    tasks.get(0).subject(), summary(tasks, results));
        }
        report(results);
        failed.forEach(log -> System.err.println("error: measurement failed, see " + log));
        return failed.isEmpty() ? CommandLine.ExitCode.OK : CommandLine.ExitCode.SOFTWARE;
    }

    private Results continued(Results earlier, Results next) {
        try {
            return earlier.continuedBy(next);
        } catch (IllegalArgumentException e) {
            throw new CommandLine.ParameterException(spec.commandLine(), "--add: " + e.getMessage());
        }
    }

    private String settings() {
        String threads = System.getenv("OMP_NUM_THREADS");
        return rounds + " round(s) of " + Task.FEW + " iterations (" + Step.ITERATIONS + " of training steps, " + Task.MANY
                + " in the last two sections) of " + time + " ms, after warm-ups of " + warmup + " ms"
                + (threads == null ? "" : ", with OMP_NUM_THREADS=" + threads);
    }

    private List<Path> measure(List<Task> tasks, Results results) throws IOException {
        Measuring measuring = new Measuring(warmup, time, out);
        List<Path> failed = new ArrayList<>();
        List<Task> again = tasks.stream().filter(Task::inEveryRound).toList();
        int steps = tasks.size() + (rounds - 1) * again.size();
        try (StepBar bar = new StepBar(tasks.get(0).subject(), steps)) {
            for (int round = 0; round < rounds; round++) {
                for (Task task : round == 0 ? tasks : again) {
                    bar.say(task.implementation().toString());
                    Path log = measuring.run(task, results);
                    if (log != null && !failed.contains(log)) {
                        failed.add(log);
                    }
                    bar.step();
                }
            }
        }
        return failed;
    }

    /** Medians in the order of the variants. */
    private static String summary(List<Task> tasks, Results results) {
        return tasks.stream().map(task -> task.implementation() + " " + (task.isTogether() ? task.variants().size() + " timings"
                : timings(task, results))).collect(Collectors.joining("  "));
    }

    private static String timings(Task task, Results results) {
        return task.variants().stream()
                .filter(variant -> !variant.endsWith(Task.OTHER_WAY))
                .map(variant -> results.median(task.subject(), task.implementation(), variant))
                .map(median -> median.isPresent() ? Report.number(median.getAsDouble()) : "failed")
                .collect(Collectors.joining(" / "));
    }

    private void report(Results results) throws IOException {
        WholeFile.write(out.resolve("benchmarks.md"), part -> Files.writeString(part, Report.of(results)));
        WholeFile.write(out.resolve("benchmarks.svg"), part -> Files.writeString(part, Chart.of(results)));
        System.out.println("The report is in " + out);
    }
}
