// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import io.github.dl4jnorm.model.WholeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * Holds all measurements.
 *
 * @param machine      where they were made
 * @param settings     description of how they were made
 * @param measurements the measurements
 */
record Results(Machine machine, String settings, List<Measurement> measurements) {
    private static final String THEN = "; then ";

    /**
     * One variant of a task.
     *
     * @param subject        name of the case or extra measurement
     * @param implementation who computed it
     * @param variant        what was done
     * @param milliseconds   median of each iteration
     */
    record Measurement(String subject, Implementation implementation, String variant, List<Double> milliseconds) {
    }

    /**
     * These measurements as the beginning of others.
     *
     * @param next machine and settings of the others, of which there are none yet
     * @return what takes up the others
     * @throws IllegalArgumentException if those come from another machine, JVM or version: they are not comparable
     */
    Results continuedBy(Results next) {
        if (!machine.comparable(next.machine)) {
            throw new IllegalArgumentException("expected results from this machine, " + next.machine + ", got those from "
                    + machine);
        }
        boolean same = List.of(settings.split(THEN)).contains(next.settings);
        return new Results(machine, same ? settings : settings + THEN + next.settings,
                new ArrayList<>(measurements));
    }

    /** Adds iterations to those there are already. */
    void add(String subject, Implementation implementation, String variant, double milliseconds) {
        List<Double> all = measurements.stream().filter(m -> matches(m, subject, implementation)
                && m.variant().equals(variant)).findFirst().map(Measurement::milliseconds).orElse(null);
        if (all == null) {
            all = new ArrayList<>();
            measurements.add(new Measurement(subject, implementation, variant, all));
        }
        all.add(milliseconds);
    }

    private static boolean matches(Measurement m, String subject, Implementation implementation) {
        return m.subject().equals(subject) && m.implementation() == implementation;
    }

    /** Whether anything was measured of a variant. */
    boolean has(String variant) {
        return measurements.stream().anyMatch(m -> m.variant().equals(variant));
    }

    /** The cases with times of a variant, in the order of their measurement. */
    List<Case> cases(String variant) {
        return measurements.stream().filter(m -> m.variant().equals(variant)).map(Measurement::subject).distinct()
                .map(Case::parse).toList();
    }

    /** The median in milliseconds; where there are two ways, that of the faster one. */
    OptionalDouble median(String subject, Implementation implementation, String variant) {
        return measurements.stream().filter(m -> matches(m, subject, implementation))
                .filter(m -> m.variant().equals(variant) || m.variant().equals(variant + Task.OTHER_WAY))
                .mapToDouble(m -> median(m.milliseconds())).min();
    }

    /** The median of something that only one of ours measures. */
    OptionalDouble median(String subject, String variant) {
        return measurements.stream().filter(m -> m.subject().equals(subject) && m.variant().equals(variant))
                .mapToDouble(m -> median(m.milliseconds())).findFirst();
    }

    /** Who measured something that only one of ours measures. */
    Implementation by(String subject) {
        return measurements.stream().filter(m -> m.subject().equals(subject)).findFirst().orElseThrow().implementation();
    }

    static double median(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    void write(Path file) throws IOException {
        WholeFile.write(file, part -> new ObjectMapper().writerWithDefaultPrettyPrinter().writeValue(part.toFile(), this));
    }

    static Results read(Path file) throws IOException {
        return new ObjectMapper().readValue(file.toFile(), Results.class);
    }
}
