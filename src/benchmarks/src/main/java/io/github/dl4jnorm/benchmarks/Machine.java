// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Properties;
import java.util.stream.Stream;

/**
 * Describes the machine and software of a measurement.
 *
 * @param processor CPU model
 * @param cores     number of cores available to the JVM
 * @param system    operating system
 * @param java      Java virtual machine
 * @param libraries versions of the compared libraries
 * @param date      date of the measurement
 */
record Machine(String processor, int cores, String system, String java, String libraries, String date) {
    static Machine here() {
        Properties versions = new Properties();
        try (InputStream in = Machine.class.getResourceAsStream("/versions.txt")) {
            versions.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Machine(processorModel(), Runtime.getRuntime().availableProcessors(),
                System.getProperty("os.name") + " " + System.getProperty("os.arch"),
                System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"),
                "dl4j-norm-layers " + versions.getProperty("library") + ", Deeplearning4j " + versions.getProperty("dl4j")
                        + ", libtorch " + versions.getProperty("pytorch") + ", JMH " + versions.getProperty("jmh"),
                LocalDate.now().toString());
    }

    /** Whether all but the day is the same. */
    boolean comparable(Machine other) {
        return equals(new Machine(other.processor, other.cores, other.system, other.java, other.libraries, date));
    }

    private static String processorModel() {
        Path info = Path.of("/proc/cpuinfo");
        if (Files.isReadable(info)) {
            try (Stream<String> lines = Files.lines(info)) {
                return lines.filter(l -> l.startsWith("model name")).map(l -> l.substring(l.indexOf(':') + 1).trim())
                        .findFirst().orElse("unknown processor");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return "unknown processor";
    }
}
