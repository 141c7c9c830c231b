// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Runs each task in a separate JVM.
 *
 * @param warmup    milliseconds of each warm-up; the implementation determines how many it needs
 * @param time      milliseconds of each iteration; the task determines how many each variant runs
 * @param directory directory for the output of failed tasks
 */
record Measuring(int warmup, int time, Path directory) {
    private static final double NANOSECONDS = 1e6;
    private static final double MEDIAN = 50;

    /**
     * Runs a task and takes its results up.
     *
     * @return null, or the file that tells why it failed
     */
    Path run(Task task, Results results) throws IOException {
        Path log = directory.resolve("jmh.log");
        Options options = new OptionsBuilder().include("^" + SubjectBenchmark.class.getName() + "\\.")
                .param("subject", task.subject()).param("implementation", task.implementation().name())
                .param("variants", String.join(SubjectBenchmark.SEPARATOR, task.variants()))
                .jvmArgs(task.implementation().jvmArgs().toArray(String[]::new))
                .forks(1).threads(1).shouldFailOnError(false).output(log.toString())
                .warmupIterations(task.warmups() * task.variants().size())
                .warmupTime(TimeValue.milliseconds(warmup))
                .measurementIterations(task.iterations() * task.variants().size())
                .measurementTime(TimeValue.milliseconds(time)).build();
        Collection<RunResult> runs;
        try {
            runs = new Runner(options).run();
        } catch (RunnerException e) {
            throw new IOException(task + " could not be started", e);
        }
        if (runs.isEmpty()) {
            Path kept = directory.resolve("failed-" + task.name() + ".log");
            return Files.move(log, kept, StandardCopyOption.REPLACE_EXISTING);
        }
        for (RunResult run : runs) {
            for (BenchmarkResult fork : run.getBenchmarkResults()) {
                take(task, List.copyOf(fork.getIterationResults()), results);
            }
        }
        Files.deleteIfExists(log);
        return null;
    }

    /** The variants took turns, beginning with the first one: there were as many warm-ups of each. */
    private static void take(Task task, List<IterationResult> iterations, Results results) {
        for (int i = 0; i < iterations.size(); i++) {
            double nanoseconds = iterations.get(i).getPrimaryResult().getStatistics().getPercentile(MEDIAN);
            Task.Part kept = task.kept(i % task.variants().size());
            results.add(kept.subject(), task.implementation(), kept.variant(), nanoseconds / NANOSECONDS);
        }
    }
}
