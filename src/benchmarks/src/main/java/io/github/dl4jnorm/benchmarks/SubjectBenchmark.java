// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Measures the variants of a {@link Task} in turn, one for each iteration: they share a JVM, which spares half of the
 * time, and whatever else the machine does hits them alike.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class SubjectBenchmark {
    /** Stands between the names of variants. */
    static final String SEPARATOR = "|";

    /** Name of the subject. */
    @Param({})
    public String subject;

    /** Name of the {@link Implementation}. */
    @Param({})
    public String implementation;

    /** Names of the variants. */
    @Param({})
    public String variants;

    private Subject opened;
    private int count;
    private int iteration;
    private int variant;

    /** Makes the subject. */
    @Setup(Level.Trial)
    public void open() {
        List<String> names = List.of(variants.split(Pattern.quote(SEPARATOR)));
        count = names.size();
        opened = new Task(subject, Implementation.valueOf(implementation), names, 0).open();
    }

    /** Moves on to the next variant. */
    @Setup(Level.Iteration)
    public void next() {
        variant = iteration++ % count;
        opened.prepare(variant);
    }

    /**
     * Runs the variant.
     *
     * @return something that depends on the result
     */
    @Benchmark
    public Object run() {
        return opened.run(variant);
    }

    /** Ends the subject. */
    @TearDown(Level.Trial)
    public void close() {
        opened.close();
    }
}
