// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.regex.Pattern;

/**
 * Compares two builds of the library in one JVM, loaded by separate class loaders and measured in turns. Both see the same
 * load on the machine, so differences of a few percent become visible.
 */
public final class Builds {
    private static final String OURS = Builds.class.getPackageName().replace("benchmarks", "");
    private static final double NANOS_OF_MS = 1e6;
    private static final long TURN = TimeUnit.MILLISECONDS.toNanos(12);

    private Builds() {
    }

    /** Holds a case with the classes of one build. */
    public static final class Side implements IntFunction<Object> {
        private final Subject subject;

        /**
         * Creates the layer and its arrays.
         *
         * @param name name of a case
         */
        public Side(String name) {
            subject = Task.of(Case.parse(name), Implementation.VECTOR).open();
        }

        @Override
        public Object apply(int variant) {
            return subject.run(variant);
        }
    }

    /** Has classes of ours for itself and shares all others. */
    private static final class Loader extends URLClassLoader {
        Loader(Path jar) throws MalformedURLException {
            super(new URL[]{jar.toUri().toURL(), Builds.class.getProtectionDomain().getCodeSource().getLocation()},
                    Builds.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith(OURS)) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                return loaded == null ? findClass(name) : loaded;
            }
        }
    }

    /** A pass of a case: median times of both builds, and the median of the ratios of neighbouring turns. */
    record Row(String name, String pass, double first, double second, double ratio) {
        @Override
        public String toString() {
            return String.format("%-32s %-18s %10.4f %10.4f %12.3f", name, pass, first, second, ratio);
        }
    }

    /**
     * Measures both builds and prints a table.
     *
     * @param args two jars of the library; a regular expression that matches part of the case names; seconds to warm up and
     *             to measure each pass, default 6
     */
    public static void main(String[] args) throws ReflectiveOperationException, MalformedURLException {
        if (args.length < 3 || !Files.exists(Path.of(args[0])) || !Files.exists(Path.of(args[1]))) {
            throw new IllegalArgumentException("expected two library jars and a regular expression for case names, got "
                    + Arrays.toString(args));
        }
        long seconds = args.length > 3 ? Long.parseLong(args[3]) : 6;
        System.out.printf("%-32s %-18s %10s %10s %12s%n", "case", "pass", "first, ms", "second, ms", "second/first");
        compare(Path.of(args[0]), Path.of(args[1]), Pattern.compile(args[2]), TimeUnit.SECONDS.toNanos(seconds),
                System.out::println);
        System.exit(0);
    }

    static void compare(Path first, Path second, Pattern cases, long time, Consumer<Row> rows)
            throws ReflectiveOperationException, MalformedURLException {
        List<Loader> loaders = List.of(new Loader(first), new Loader(second));
        for (Case c : Suite.all()) {
            if (cases.matcher(c.name()).find()) {
                measure(c.name(), loaders, time, rows);
            }
        }
    }

    private static void measure(String name, List<Loader> loaders, long time, Consumer<Row> rows)
            throws ReflectiveOperationException {
        List<IntFunction<Object>> sides = new ArrayList<>();
        for (Loader loader : loaders) {
            sides.add(loader.loadClass(Side.class.getName()).asSubclass(IntFunction.class).getConstructor(String.class)
                    .newInstance(name));
        }
        List<String> passes = List.of(Task.FORWARD, Task.BOTH);
        for (int pass = 0; pass < passes.size(); pass++) {
            turns(sides, pass, time);
            double[][] times = turns(sides, pass, time);
            double[] ratios = new double[times[0].length];
            Arrays.setAll(ratios, i -> times[1][i] / times[0][i]);
            rows.accept(new Row(name, passes.get(pass), median(times[0]) / NANOS_OF_MS, median(times[1]) / NANOS_OF_MS,
                    median(ratios)));
        }
    }

    /** {@return nanoseconds for one run in each turn, of each side} */
    private static double[][] turns(List<IntFunction<Object>> sides, int pass, long time) {
        List<double[]> pairs = new ArrayList<>();
        long end = System.nanoTime() + time;
        while (System.nanoTime() < end) {
            double[] pair = new double[sides.size()];
            for (int i = 0; i < pair.length; i++) {
                // Now the one first and now the other.
                int side = pairs.size() % 2 == 0 ? i : pair.length - 1 - i;
                pair[side] = turn(sides.get(side), pass);
            }
            pairs.add(pair);
        }
        double[][] times = new double[sides.size()][];
        Arrays.setAll(times, side -> pairs.stream().mapToDouble(pair -> pair[side]).toArray());
        return times;
    }

    private static double turn(IntFunction<Object> side, int pass) {
        long start = System.nanoTime();
        long now = start;
        int runs = 0;
        for (; now - start < TURN; now = System.nanoTime()) {
            side.apply(pass);
            runs++;
        }
        return (double) (now - start) / runs;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
