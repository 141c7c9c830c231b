// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * How much of this library takes part in one activation of group norm, forward and backward, on the vector kernels: the types
 * that a new JVM loads, and how deep the calls are. The bounds are what was measured last: lower them when less is needed.
 *
 * <p>Types are classes and interfaces with a name; the class of a lambda is none. All of them are those that the JVM has loaded
 * when both passes have run: those that a reader meets who starts with the configuration. Frames are those above the method of
 * the layer up to the last method of this library, with those of lambdas; what is done once in a JVM is left out. Their input is
 * large enough for two threads.
 */
@Tag("once")
@Tag("long")
class OneActivationTest {
    /** On JDK 25, the JVM also loads NormPlan.Positions while it verifies a class. */
    private static final int TYPES = Runtime.version().feature() > 17 ? 61 : 60;
    private static final int TYPES_BEYOND_CONSTRUCTION = Runtime.version().feature() > 17 ? 45 : 44;
    private static final int FRAMES_FORWARD = 14;
    private static final int FRAMES_BACKWARD = 13;

    private static final String LIBRARY = "io.github.dl4jnorm.";
    private static final String FORWARD = "activate";
    private static final String BACKWARD = "backpropGradient";

    @TempDir
    private Path directory;

    @Test
    void fewTypesAreLoaded() throws IOException, InterruptedException {
        List<String> loaded = loaded();
        int constructed = loaded.indexOf(OneActivation.Constructed.class.getName());
        int used = loaded.indexOf(OneActivation.Used.class.getName());
        assertThat(constructed).isPositive();
        List<String> before = types(loaded.subList(0, constructed));
        List<String> beyond = types(loaded.subList(constructed, used));
        assertThat(before).contains(LIBRARY + "conf.GroupNormalization");
        System.out.println("Types of one activation of group norm: " + (before.size() + beyond.size()) + ", of these "
                + beyond.size() + " beyond constructing the network");
        System.out.println("  constructing: " + String.join(" ", before) + "\n  beyond: " + String.join(" ", beyond));
        assertThat(before.size() + beyond.size()).as("types").isBetween(10, TYPES);
        assertThat(beyond).as("types beyond construction").hasSizeLessThanOrEqualTo(TYPES_BEYOND_CONSTRUCTION);
    }

    /** Names of classes in the order in which they were loaded. */
    private List<String> loaded() throws IOException, InterruptedException {
        Path log = directory.resolve("classes");
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(options());
        command.addAll(List.of("-Xlog:class+load:file=" + log + ":none", "-cp", System.getProperty("java.class.path"),
                OneActivation.class.getName(), "10", "1"));
        Path output = directory.resolve("output");
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile()).start();
        boolean ended = process.waitFor(2, TimeUnit.MINUTES);
        if (!ended) {
            process.destroyForcibly();
        }
        assertThat(ended && process.exitValue() == 0).as(Files.readString(output)).isTrue();
        return Files.readAllLines(log).stream().map(line -> line.split(" ")[0]).toList();
    }

    private static List<String> options() {
        return List.of("--add-modules", "jdk.incubator.vector", "-Xmx1g", "-Ddl4jnorm.kernels=vector");
    }

    private static List<String> types(List<String> loaded) {
        return loaded.stream().filter(name -> name.startsWith(LIBRARY) && !name.contains("$$Lambda")
                && !name.startsWith(OneActivation.class.getName())).toList();
    }

    /** Looks at every call of a method, which takes most of the time. */
    @Test
    @Tag("full")
    void fewCallsLeadToTheLoop() throws Exception {
        String options = String.join(" ", options()) + " -cp \"" + System.getProperty("java.class.path") + "\"";
        Map<String, List<String>> deepest = DeepestCalls.of(options, OneActivation.class.getName() + " 17 2",
                OneActivation.Used.class,
                NormalizationLayer.class, List.of(FORWARD, BACKWARD));
        // Without the method of the layer itself.
        deepest.values().forEach(frames -> frames.remove(frames.size() - 1));
        deepest.forEach((pass, frames) -> System.out.println("Frames of one " + pass + " of group norm: " + frames.size()
                + "\n  " + String.join("\n  ", frames)));
        assertThat(deepest.get(FORWARD)).as("frames forward").hasSizeBetween(3, FRAMES_FORWARD);
        assertThat(deepest.get(BACKWARD)).as("frames backward").hasSizeBetween(3, FRAMES_BACKWARD);
    }
}
